import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { assertHealthy, openBrowser, row, signIn, startLink, visitor } from "./browser.mjs";
import { mocked, newNumber, openWorld } from "./world.mjs";

describe("linking", () => {
  let world, browser, page;
  before(async () => {
    world = await openWorld({ refMs: 1_500 });
    browser = await openBrowser();
    page = await visitor(browser, world);
    await signIn(page, world);
  });
  after(async () => {
    await browser?.close();
    await world?.close();
  });

  it("goes from a name over a scanned QR code to online", async () => {
    const number = newNumber();
    await world.addPhone(number, "Reception");
    await page.goto("/");
    await page.getByRole("link", { name: "Link a number" }).first().click();
    await page.getByLabel("Name").fill("Reception");
    await page.getByRole("button", { name: "Show the QR code" }).click();
    await page.getByTestId("qr").waitFor();
    await world.scan(number, await page.getByTestId("qr").getAttribute("data-qr"));
    await page.getByRole("heading", { name: "Reception is online" }).waitFor();
    const account = new URL(page.url()).pathname.split("/")[2];
    await page.goto("/");
    await row(page, account).getByText("Online").waitFor();
    await page.goto(`/accounts/${account}`);
    await page.getByTestId("history").getByText("Linking", { exact: true }).first().waitFor();
    assertHealthy(page);
  });

  it("draws a QR code that is the text WhatsApp gave, and a new one by itself", async () => {
    const first = await startLink(page, "Fresh codes");
    if (mocked) {
      await page.waitForFunction((old) => document.querySelector("[data-testid=qr]")?.getAttribute("data-qr") !== old, first);
      const second = await page.getByTestId("qr").getAttribute("data-qr");
      assert.notEqual(second, first);
    }
    const drawn = await page.getByTestId("qr").locator("path").getAttribute("d");
    assert.ok(drawn.length > 1_000, "the code has hardly any modules");
    await page.getByText(/Round 1 of/).waitFor();
    await page.getByRole("button", { name: "Cancel linking" }).click();
    await page.getByText("Linking cancelled").waitFor();
  });

  it("changes over to a pairing code that is typed on the phone", async () => {
    const number = newNumber();
    await world.addPhone(number, "By code");
    await startLink(page, "By code", number);
    await page.getByText("Use a pairing code").click();
    await page.getByLabel("Phone number of this WhatsApp").fill(number);
    await page.getByRole("button", { name: "Get a code" }).click();
    const code = (await page.getByTestId("pairing-code").innerText()).trim();
    assert.match(code, /^[1-9A-HJ-NP-TV-Z]{4}-[1-9A-HJ-NP-TV-Z]{4}$/);
    await world.typeCode(number, code);
    await page.getByRole("heading", { name: "By code is online" }).waitFor();
    assertHealthy(page);
  });

  it("refuses a number that is none at its field, without leaving an account behind", async () => {
    await page.goto("/accounts/new");
    await page.getByLabel("Name").fill("Nowhere");
    await page.getByText("Type a pairing code").click();
    await page.getByLabel("Phone number").fill("12 monkeys");
    await page.getByRole("button", { name: "Get a pairing code" }).click();
    const field = page.getByLabel("Phone number");
    await page.locator("[aria-invalid=true]").waitFor();
    assert.equal(await field.getAttribute("aria-invalid"), "true");
    await page.goto("/");
    await page.getByRole("heading", { name: "Accounts", exact: true }).waitFor();
    assert.equal(await page.getByText("Nowhere", { exact: true }).count(), 0);
  });

  if (mocked) {
    it("says plainly when the phone asks for a passkey, and does not loop", async () => {
      const number = newNumber();
      const qr = await startLink(page, "With passkey");
      await world.askPasskey(number, qr);
      const note = page.getByTestId("link-failed");
      await note.getByText("The phone asks for a passkey", { exact: true }).waitFor();
      await note.getByText("Settings, Account, Passkeys").waitFor();
      assert.equal(await page.getByTestId("qr").count(), 0);
      assert.ok(await page.getByRole("button", { name: "Show a QR code" }).isEnabled());
    });
  }
});
