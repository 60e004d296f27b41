import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, describe, it } from "node:test";
import { assertFits, assertHealthy, DESKTOP, linkAccount, openBrowser, PHONE, signIn, startLink, visitor } from "./browser.mjs";
import { mocked, newNumber, openWorld } from "./world.mjs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];

describe("for every eye and hand", () => {
  let world, browser, account, screens;
  before(async () => {
    world = await openWorld();
    browser = await openBrowser();
    const page = await visitor(browser, world);
    await signIn(page, world);
    const [ours, theirs] = [newNumber(), newNumber()];
    await world.addContact(theirs, "Noura Saleh");
    account = await linkAccount(page, world, "Front desk", ours);
    await world.receive({ from: theirs, name: "Noura Saleh", to: ours, text: "Good morning! Could you send me the *brochure*, please?" });
    await page.goto(`/conversations?account=${account}`);
    await page.getByTestId("conversations").getByText("Noura Saleh").click();
    await page.getByRole("log").waitFor();
    const thread = new URL(page.url()).pathname;
    await page.goto("/contacts");
    await page.getByTestId("contacts").getByText("Noura Saleh").first().click();
    await page.getByRole("heading", { name: "Addresses" }).waitFor();
    const contact = new URL(page.url()).pathname;
    await startLink(page, "On the way");
    screens = ["/", `/accounts/${account}`, `/accounts/${account}/settings`, "/accounts/new", new URL(page.url()).pathname, "/conversations", thread, "/search", "/search?q=brochure", "/gallery", "/contacts", contact, "/groups", "/move-in", "/understand", "/pipeline", "/lists", "/system", "/rules", "/dead-letters", "/webhooks", "/sheets", "/keys", "/settings", "/nowhere"];
    // What only faults bring about is there from the start in the mock.
    if (mocked) screens.push("/accounts/acc_0viewings", "/accounts/acc_0villas", "/accounts/acc_0airport", "/accounts/acc_0abroad/settings", "/accounts/acc_0service");
    await page.context().close();
  });
  after(async () => {
    await browser?.close();
    await world?.close();
  });

  // Both schemes and both sizes are judged by axe once; it is the colours and the layouts that differ.
  const VIEWS = [
    { colorScheme: "light", name: "desktop", viewport: DESKTOP },
    { colorScheme: "dark", name: "phone", viewport: PHONE },
  ];
  for (const { colorScheme, name, viewport } of VIEWS) {
    it(`every screen fits, and passes WCAG AA, in ${colorScheme} on a ${name}`, async () => {
      const page = await visitor(browser, world, { colorScheme, viewport });
      await signIn(page, world);
      const violations = [];
      for (const path of screens) {
        await page.goto(path);
        await page.locator("[data-connection=live]").waitFor({ state: "attached" });
        await page.waitForLoadState("networkidle");
        await assertFits(page, path);
        await page.evaluate(AXE);
        const found = await page.evaluate((rules) => globalThis.axe.run({ runOnly: rules }), RULES);
        assert.ok(found.passes.some((p) => p.id === "color-contrast"), `${path}: contrast was not looked at`);
        violations.push(...found.violations.map((v) => `${path} ${v.id}: ${v.nodes.map((n) => `${n.target} ${n.any[0]?.message ?? ""}`).join("; ")}`));
      }
      assert.deepEqual(violations, []);
      assertHealthy(page);
      await page.context().close();
    });
  }

  it("keeps a chosen theme over a reload, before the first paint", async () => {
    const page = await visitor(browser, world, { colorScheme: "light" });
    await signIn(page, world);
    const colour = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const light = await colour();
    await page.goto("/settings");
    await page.getByRole("radio", { name: "Dark" }).click();
    const dark = await colour();
    assert.notEqual(dark, light);
    await page.reload();
    assert.equal(await colour(), dark);
    await page.context().close();
  });

  it("can be used by keyboard alone: skip link, palette, menu, dialog", async () => {
    const page = await visitor(browser, world);
    await signIn(page, world);
    await page.goto("/");
    await page.locator(`[data-account="${account}"]`).waitFor();
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement.textContent), "Skip to content");
    await page.keyboard.press("Enter");
    assert.equal(await page.evaluate(() => document.activeElement.id), "main");

    await page.keyboard.press("Control+k");
    await page.keyboard.type("front desk");
    await page.getByRole("option", { name: /^Front desk/ }).waitFor();
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Front desk" }).waitFor();
    await page.waitForFunction(() => document.activeElement?.textContent === "Front desk");

    await page.goto("/");
    const more = page.getByRole("button", { name: "More for Front desk" });
    await more.focus();
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => document.activeElement?.getAttribute("role") === "menuitem");
    await page.keyboard.press("End");
    assert.equal(await page.evaluate(() => document.activeElement.textContent.trim()), "Delete");
    await page.keyboard.press("Enter");
    const dialog = page.getByRole("dialog");
    await dialog.waitFor();
    for (let i = 0; i < 8; i += 1) {
      await page.keyboard.press("Tab");
      const outside = await page.evaluate(() => document.activeElement !== document.body && !document.activeElement.closest("dialog"));
      assert.equal(outside, false, "the focus left the dialog");
    }
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
    assertHealthy(page);
    await page.context().close();
  });

  it("works with a thumb at 390 px: bar, drawer, thread and back", async () => {
    const page = await visitor(browser, world, { viewport: PHONE });
    await signIn(page, world);
    await page.getByRole("navigation", { name: "Sections" }).getByText("Conversations").click();
    await page.getByTestId("conversations").getByText("Noura Saleh").click();
    await page.getByLabel("Message", { exact: true }).waitFor();
    await page.getByRole("link", { name: "Back to the conversations" }).click();
    await page.getByTestId("conversations").waitFor();
    await page.getByRole("button", { name: "More", exact: true }).click();
    await page.getByRole("navigation", { name: "Main" }).getByText("Webhooks").click();
    await page.getByRole("heading", { name: "Webhooks", exact: true }).waitFor();
    await assertFits(page, "webhooks");
    assertHealthy(page);
    await page.context().close();
  });
});
