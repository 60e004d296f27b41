import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { assertHealthy, openBrowser, signIn, visitor } from "./browser.mjs";
import { mocked, openWorld } from "./world.mjs";

describe("an account's proxy", () => {
  let world, browser, page;
  const name = `Behind a proxy ${Date.now()}`;
  const settings = async () => {
    await page.goto("/");
    await page.getByRole("link", { name, exact: true }).click();
    await page.getByRole("tab", { name: "Settings" }).click();
  };
  before(async () => {
    world = await openWorld();
    browser = await openBrowser();
    page = await visitor(browser, world);
    await signIn(page, world);
    const made = await page.evaluate(async (called) => {
      const { csrf_token } = await (await fetch("/api/v1/session")).json();
      const answer = await fetch("/api/v1/accounts", { method: "POST", headers: { "Content-Type": "application/json", "X-CSRF-Token": csrf_token }, body: JSON.stringify({ name: called }) });
      return answer.status;
    }, name);
    assert.equal(made, 201);
  });
  after(async () => {
    await browser?.close();
    await world?.close();
  });

  it("is set with a password that nobody sees again", async () => {
    await settings();
    await page.getByTestId("proxy").getByText("connects directly").waitFor();
    await page.getByRole("button", { name: "Set a proxy" }).click();
    await page.getByLabel("Host").fill("127.0.0.1");
    await page.getByLabel("Port").fill("9");
    await page.getByLabel("User").fill("desk");
    await page.getByLabel("Password").fill("p@ss/word:1");
    const sent = page.waitForRequest((request) => request.method() === "PATCH");
    await page.getByRole("button", { name: "Save proxy" }).click();
    assert.equal((await sent).postDataJSON().proxy, "socks5://desk:p%40ss%2Fword%3A1@127.0.0.1:9");
    await page.getByTestId("proxy").getByText("socks5://desk:***@127.0.0.1:9").waitFor();
    await page.reload();
    await page.getByTestId("proxy").getByText("socks5://desk:***@127.0.0.1:9").waitFor();
    assert.ok(!(await page.content()).includes("p@ss"), "the page shows the password");
    await page.getByRole("button", { name: "Change", exact: true }).click();
    assert.equal(await page.getByLabel("User").inputValue(), "desk");
    assert.equal(await page.getByLabel("Password").inputValue(), "");
    await page.getByRole("button", { name: "Cancel" }).click();
    assertHealthy(page);
  });

  it("is removed only after a question", async () => {
    await settings();
    await page.getByRole("button", { name: "Remove the proxy" }).click();
    await page.getByRole("dialog").getByText("WhatsApp will see this server's own address").waitFor();
    await page.getByRole("button", { name: "Remove proxy" }).click();
    await page.getByTestId("proxy").getByText("connects directly").waitFor();
    assertHealthy(page);
  });

  if (mocked) {
    it("that fails behind a connection that is still open is told with the account", async () => {
      await page.goto("/accounts/acc_0london");
      await page.getByTestId("proxy-fails").getByText("opens no new connection").waitFor();
      await page.getByRole("link", { name: "Change the proxy" }).click();
      await page.getByTestId("proxy-state").getByText(/^No new connection for \d+ min\. .*It is tried again in/).waitFor();
      assertHealthy(page);
    });

    it("is tested, and what is wrong with it is said in a sentence", async () => {
      await page.goto("/accounts/acc_0abroad");
      await page.getByRole("link", { name: "Change the proxy" }).click();
      await page.getByRole("button", { name: "Test" }).click();
      await page.getByTestId("proxy-check").getByText(/^This account's proxy refuses us/).waitFor();
      await page.getByRole("button", { name: "Change", exact: true }).click();
      await page.getByLabel("Password").fill("the right one");
      await page.getByRole("button", { name: "Save proxy" }).click();
      await page.getByRole("tab", { name: "State" }).click();
      await page.getByTestId("headline").getByText(/^All is well/).waitFor();
      await page.getByRole("tab", { name: "Settings" }).click();
      await page.getByRole("button", { name: "Test" }).click();
      await page.getByTestId("proxy-check").getByText(/gives a way to WhatsApp; that took \d+ ms/).waitFor();
      assertHealthy(page);
    });
  }
});
