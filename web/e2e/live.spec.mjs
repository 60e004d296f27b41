import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { assertHealthy, linkAccount, openBrowser, row, signIn, visitor } from "./browser.mjs";
import { newNumber, openWorld, PATIENCE_MS } from "./world.mjs";

/** A change of state must be on screen within this time, in milliseconds. */
const VISIBLE_MS = 1_000;

describe("what happens is on screen at once", () => {
  let world, browser, page, account, number, sockets;
  before(async () => {
    world = await openWorld();
    browser = await openBrowser();
    page = await visitor(browser, world);
    sockets = [];
    await page.routeWebSocket(/\/events\/stream/, (ws) => {
      ws.connectToServer();
      sockets.push(ws);
    });
    await signIn(page, world);
    number = newNumber();
    account = await linkAccount(page, world, "Watched", number);
  });
  after(async () => {
    await browser?.close();
    await world?.close();
  });

  it("shows a kick within a second, and the recovery", async () => {
    await page.goto("/");
    await page.locator(`[data-account="${account}"][data-state=online]`).waitFor();
    await page.locator("[data-connection=live]").waitFor({ state: "attached" });
    // Both clocks are this machine's, so the times can be compared.
    const seen = page.evaluate(
      ([id, limit]) =>
        new Promise((done, fail) => {
          const here = document.querySelector(`[data-account="${id}"]`);
          const look = () => here.dataset.state !== "online" && done({ at: Date.now(), state: here.dataset.state, text: here.innerText });
          new MutationObserver(look).observe(here, { attributes: true });
          setTimeout(() => fail(new Error("the state never changed")), limit);
        }),
      [account, PATIENCE_MS],
    );
    const kicked = Date.now();
    await world.kick(number);
    const { at, state } = await seen;
    assert.ok(["recovering", "connecting", "degraded"].includes(state), `it became ${state}`);
    assert.ok(at - kicked < VISIBLE_MS, `it took ${at - kicked} ms`);
    await page.locator(`[data-account="${account}"][data-state=online]`).waitFor({ timeout: 3 * PATIENCE_MS });
    assertHealthy(page);
  });

  it("says when the live connection is gone, comes back by itself and misses nothing", async () => {
    await page.goto("/");
    await page.locator("[data-connection=live]").waitFor({ state: "attached" });
    await page.locator(`[data-account="${account}"][data-state=online]`).waitFor();
    await world.kick(number);
    // Once an event was seen there is a place to go on from.
    await page.locator(`[data-account="${account}"]:not([data-state=online])`).waitFor();
    const before = sockets.length;
    await sockets.at(-1).close({ code: 4000 });
    await page.locator("[data-connection=waiting]").waitFor({ state: "attached" });
    await page.locator("[data-connection=live]").waitFor({ state: "attached" });
    assert.equal(sockets.length, before + 1);
    assert.match(sockets.at(-1).url(), /after=/);
    await page.locator(`[data-account="${account}"][data-state=online]`).waitFor({ timeout: 3 * PATIENCE_MS });
  });

  it("pauses and resumes an account from its row", async () => {
    await page.goto("/");
    await page.locator(`[data-account="${account}"][data-state=online]`).waitFor({ timeout: 3 * PATIENCE_MS });
    await row(page, account).getByRole("button", { name: /More for/ }).click();
    await page.getByRole("menuitem", { name: "Pause" }).click();
    await page.locator(`[data-account="${account}"][data-state=disabled]`).waitFor();
    await row(page, account).getByRole("button", { name: "Resume" }).click();
    await page.locator(`[data-account="${account}"][data-state=online]`).waitFor({ timeout: 3 * PATIENCE_MS });
  });

  it("deletes an account only after its name was typed", async () => {
    await page.goto(`/accounts/${account}/settings`);
    await page.getByRole("button", { name: "Delete", exact: true }).click();
    const sure = page.getByRole("button", { name: "Delete account" });
    assert.ok(await sure.isDisabled());
    await page.getByLabel("Type “Watched” to confirm").fill("Watched");
    await sure.click();
    await page.getByRole("heading", { name: "Accounts", exact: true }).waitFor();
    await row(page, account).waitFor({ state: "detached" });
  });
});
