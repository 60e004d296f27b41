import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { assertHealthy, fillSetUp, openBrowser, signIn, visitor } from "./browser.mjs";
import { openWorld, OWNER } from "./world.mjs";

describe("the door", () => {
  let world, browser;
  before(async () => {
    world = await openWorld({ fresh: true });
    browser = await openBrowser();
  });
  after(async () => {
    await browser?.close();
    await world?.close();
  });

  // Runs first; a server that was set up before is not new enough for these tests.
  it("lets the first owner set Waypost up with the token, and with nothing else", async () => {
    const page = await visitor(browser, world);
    await page.goto(`/setup?token=${world.setupToken}`);
    assert.equal(await page.getByLabel("Set-up token").inputValue(), world.setupToken);
    assert.ok(!page.url().includes(world.setupToken), "the token stayed in the address");
    await fillSetUp(page, "not-the-token");
    await page.getByText(/token/i).filter({ hasText: /not|wrong|no /i }).first().waitFor();
    await fillSetUp(page, world.setupToken);
    await page.getByRole("heading", { name: "Link your first number" }).waitFor();
    assertHealthy(page);
    await page.context().close();
  });

  it("refuses a wrong password with a sentence, and keeps what was typed as login", async () => {
    const page = await visitor(browser, world);
    await page.goto("/");
    await page.getByLabel("Login").fill(OWNER.login);
    await page.getByLabel("Password").fill("wrong password");
    await page.getByRole("button", { name: "Sign in" }).click();
    const alert = page.getByRole("alert");
    await alert.waitFor();
    assert.match(await alert.innerText(), /wrong/i);
    assert.equal(await page.getByLabel("Login").inputValue(), OWNER.login);
    await page.context().close();
  });

  it("opens for the right one, stays open over a reload, and closes on signing out", async () => {
    const page = await visitor(browser, world);
    await signIn(page, world);
    await page.reload();
    await page.getByRole("heading", { name: "Accounts", exact: true }).waitFor();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    await page.reload();
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    assertHealthy(page);
    await page.context().close();
  });

  it("runs no script and no style but its own", async () => {
    const page = await visitor(browser, world);
    const answer = await page.goto("/");
    const policy = answer.headers()["content-security-policy"];
    assert.match(policy, /default-src 'none'.*script-src 'self'/);
    assert.doesNotMatch(policy, /unsafe-inline|unsafe-eval|\*/);
    // Later, because what a debugger runs at once may evaluate code whatever the policy says.
    const harm = await page.evaluate(async () => {
      await new Promise((done) => setTimeout(done, 0));
      const told = [];
      const attempt = (what, act) => {
        try {
          act();
        } catch (error) {
          told.push(`${what}: ${error.name}`);
        }
      };
      attempt("script", () => {
        const script = document.createElement("script");
        script.textContent = "globalThis.harmed = true";
        document.head.append(script);
      });
      attempt("markup", () => (document.body.innerHTML += "<img src=x onerror='globalThis.harmed = true'>"));
      attempt("code", () => new Function("globalThis.harmed = true")());
      return { told, harmed: "harmed" in globalThis };
    });
    assert.equal(harm.harmed, false);
    assert.deepEqual(harm.told, ["script: TypeError", "markup: TypeError", "code: EvalError"]);
    await page.context().close();
  });

  it("asks to sign in again when the session has ended elsewhere", async () => {
    const page = await visitor(browser, world);
    await signIn(page, world);
    await page.context().clearCookies();
    // The page may notice by itself before a hand gets to the link, so the click waits for nothing.
    await page.evaluate(() => document.querySelector('a[href="/keys"]')?.click());
    await page.getByText("Your session has ended").waitFor();
    await page.context().close();
  });
});
