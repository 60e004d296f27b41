import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { assertHealthy, linkAccount, openBrowser, row, signIn, visitor } from "./browser.mjs";
import { mocked, newNumber, openWorld } from "./world.mjs";

describe("how an account is doing", () => {
  let world, browser, page;
  before(async () => {
    world = await openWorld();
    browser = await openBrowser();
    page = await visitor(browser, world);
    await signIn(page, world);
  });
  after(async () => {
    await browser?.close();
    await world?.close();
  });
  const inSeconds = (s) => new Date(Date.now() + s * 1000).toISOString();
  const here = () => page.getByTestId("ladder").locator("[aria-current=step]");

  it("one that is well says so, shows what proves it, and how long its codes wait", async () => {
    const id = await linkAccount(page, world, "Well and alive", newNumber());
    await page.goto(`/accounts/${id}`);
    await page.getByTestId("headline").getByText(/^All is well: WhatsApp was heard /).waitFor();
    const life = page.getByTestId("liveness");
    await life.getByText("answered", { exact: true }).waitFor();
    // The mock's phone was seen today; a real one is only known once it said something.
    if (mocked) await life.getByText(/^WhatsApp allows 13 d more/).waitFor();
    assert.equal(await page.getByTestId("ladder").count(), 0);
    await page.getByTestId("window").getByText(/^\d+ s$/).first().waitFor();
    // Nothing that was announced has failed to come.
    await page.getByTestId("gaps").getByText(/^0\s*missing$/).waitFor();
    assertHealthy(page);
  });

  it("its device, its limits and its traffic are on its page, and what helps is one command away", async () => {
    const id = await linkAccount(page, world, "Well equipped", newNumber());
    await page.goto(`/accounts/${id}`);
    const device = page.getByTestId("device");
    await device.getByText("The session is whole.").waitFor();
    await device.getByText(/^number \d+ of the account$/).waitFor();
    const sending = page.getByTestId("sending");
    await sending.getByText(/^\d+ of \d+$/).first().waitFor();
    await sending.getByText("Nothing waits to be sent.").waitFor();
    await page.getByTestId("traffic").getByText("received").waitFor();
    await page.keyboard.press("Control+k");
    await page.getByRole("combobox", { name: "Search or jump to" }).fill("recover well equipped");
    await page.getByRole("option", { name: /^Recover Well equipped/ }).click();
    await page.getByText("Well equipped is being recovered: what comes next is tried now.").waitFor();
    await page.getByTestId("headline").getByText(/^All is well/).waitFor();
    assertHealthy(page);
  });

  it("while linking, the window in use is named with the reason for its length", async () => {
    await page.goto("/accounts/new");
    await page.getByLabel("Name").fill("Window shopper");
    await page.getByRole("button", { name: "Show the QR code" }).click();
    await page.getByTestId("window-why").getByText(/^Each round waits \d+ s\. (The default|Learned)/).waitFor();
    // Only two links run at once: one left open would keep the next test waiting.
    await page.getByRole("button", { name: "Cancel linking" }).click();
    await page.getByText("Linking cancelled").waitFor();
    assertHealthy(page);
  });

  if (mocked) {
    it("one that was cut says what is wrong, what comes next and when, and counts down", async () => {
      await world.condition("acc_0viewings", { recovery: { ...(await recovery("acc_0viewings")), at: inSeconds(34) } });
      await page.goto("/accounts/acc_0viewings");
      const headline = page.getByTestId("headline");
      await headline.getByText(/^The connection closed; Waypost is reconnecting\. Next: reconnect in 0:\d\d\.$/).waitFor();
      const first = await headline.innerText();
      await page.waitForFunction((before) => document.querySelector("[data-testid=headline]").textContent !== before, first);
      assert.match(await here().innerText(), /Reconnect[\s\S]*Waiting 0:\d\d/);
      assert.equal(await page.getByTestId("ladder").locator("li").count(), 7);
      await page.getByTestId("ladder").getByText("comes next").waitFor();
    });

    it("climbing a rung, and coming back, show at once", async () => {
      const known = await recovery("acc_0viewings");
      await world.condition("acc_0viewings", { recovery: { ...known, rung: "rebuild", rung_number: 4, rung_text: "Building everything anew from the store and connecting.", doing: "trying", at: null, then: "person" } });
      await here().getByText("Rebuild").waitFor();
      await page.getByTestId("headline").getByText("Waypost is on it now; if it fails, a person comes next.").waitFor();
      await page.getByRole("button", { name: "Recover", exact: true }).click();
      await page.getByTestId("headline").getByText(/^All is well/).waitFor();
      await page.getByTestId("ladder").waitFor({ state: "detached" });
      assertHealthy(page);
    });

    it("an open breaker says when its one trial comes", async () => {
      await page.goto("/accounts/acc_0villas");
      await page.getByTestId("breaker").getByText(/^Open after 5 errors; one trial in 1\d:\d\d$/).waitFor();
      await page.getByText("A person is needed").waitFor();
    });

    it("a removed device asks for a new link, one click away", async () => {
      await page.goto("/");
      await row(page, "acc_0service").getByText("Step 5 of 7: relink by QR").waitFor();
      await page.goto("/accounts/acc_0service");
      await page.getByTestId("headline").getByText(/^This device was removed on the phone; link it again\. Next: somebody links it again by QR code/).waitFor();
      await page.getByRole("button", { name: "Relink" }).click();
      await page.getByRole("heading", { name: "Link After-sales" }).waitFor();
    });

    it("a phone that stays away is warned of before the fourteenth day", async () => {
      await page.goto("/accounts/acc_0airport");
      await page.getByTestId("phone").getByText(/^Switch the phone on: WhatsApp unlinks this device in 2 d /).waitFor();
    });

    it("what waits to be sent says why, and which limits are used up", async () => {
      await page.goto("/accounts/acc_0events");
      const sending = page.getByTestId("sending");
      await sending.getByText("8 of 8").waitFor();
      await sending.getByText("Day 9 of the warm-up: 40 % of the limits hold; they grow until day 31.").waitFor();
      await sending.getByText(/^WhatsApp bars new chats for 5 h 1\d min more, as far as refused messages show\.$/).waitFor();
      await page.getByTestId("waiting").getByText(/^Barred by WhatsApp first in 5 h/).waitFor();
      assertHealthy(page);
    });

    it("a restriction says what is refused and what goes on", async () => {
      await page.goto("/accounts/acc_0events");
      await page.getByTestId("restriction").getByText("New chats are refused by WhatsApp; conversations that exist go on.").waitFor();
      assertHealthy(page);
    });
  }

  async function recovery(id) {
    const account = await page.evaluate(async (of) => (await fetch(`/api/v1/accounts/${of}`)).json(), id);
    return account.recovery;
  }
});
