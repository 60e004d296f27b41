import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { assertHealthy, openBrowser, signIn, visitor } from "./browser.mjs";
import { openWorld } from "./world.mjs";

describe("rules, webhooks, keys and people", () => {
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
  const mark = String(Date.now());

  it("a rule is written, changed, switched off and deleted", async () => {
    const name = `Parking ${mark}`;
    await page.goto("/rules");
    await page.getByRole("button", { name: "New rule" }).first().click();
    await page.getByLabel("Name").fill(name);
    await page.getByLabel("Words").fill("parking, car");
    await page.getByLabel("Answer").fill("There is one space per flat.");
    await page.getByRole("button", { name: "Add rule" }).click();
    await page.getByText("“parking” or “car”").first().waitFor();
    await page.getByRole("button", { name: `More for ${name}` }).click();
    await page.getByRole("menuitem", { name: "Edit" }).click();
    assert.equal(await page.getByLabel("Words").inputValue(), "parking, car");
    await page.getByLabel("Answer").fill("Two spaces per flat.");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("Two spaces per flat.").waitFor();
    await page.getByRole("switch", { name: `${name} is on` }).click();
    await page.getByRole("switch", { name: `${name} is off` }).waitFor();
    await page.reload();
    await page.getByRole("switch", { name: `${name} is off` }).waitFor();
    await page.getByRole("button", { name: `More for ${name}` }).click();
    await page.getByRole("menuitem", { name: "Delete" }).click();
    await page.getByRole("button", { name: "Delete rule" }).click();
    await page.getByText(name, { exact: true }).waitFor({ state: "detached" });
    assertHealthy(page);
  });

  it("a key is shown once, and revoked", async () => {
    const name = `Connector ${mark}`;
    await page.goto("/keys");
    await page.getByRole("button", { name: "New key" }).first().click();
    await page.getByLabel("Name", { exact: true }).fill(name);
    await page.getByRole("button", { name: "Create key" }).click();
    assert.match(await page.getByTestId("secret").innerText(), /^wpk_\w+_\S{16,}$/);
    await page.getByRole("button", { name: "I have copied it" }).click();
    await page.reload();
    const line = page.getByRole("row").filter({ hasText: name });
    await line.waitFor();
    assert.equal(await page.getByTestId("secret").count(), 0);
    await line.getByRole("button", { name: "Revoke" }).click();
    await page.getByRole("button", { name: "Revoke key" }).click();
    await line.getByRole("button", { name: "Revoke" }).waitFor({ state: "detached" });
    assertHealthy(page);
  });

  it("a webhook gets its secret once, can be switched off and deleted", async () => {
    const name = `Reports ${mark}`;
    await page.goto("/webhooks");
    await page.getByRole("button", { name: "New webhook" }).first().click();
    await page.getByLabel("Address").fill("https://example.com/hooks");
    await page.getByLabel("Name").fill(name);
    await page.getByLabel("Message received").check();
    await page.getByRole("button", { name: "Create webhook" }).click();
    assert.match(await page.getByTestId("secret").innerText(), /^whsec_/);
    await page.getByRole("button", { name: "I have copied it" }).click();
    await page.getByRole("link", { name }).click();
    await page.getByRole("heading", { name }).waitFor();
    await page.getByText("message.received").first().waitFor();
    await page.getByRole("switch", { name: "This webhook is on" }).click();
    await page.getByRole("switch", { name: "This webhook is off" }).waitFor();
    await page.getByRole("button", { name: "More for this webhook" }).click();
    await page.getByRole("menuitem", { name: "Delete" }).click();
    await page.getByRole("button", { name: "Delete webhook" }).click();
    await page.getByRole("heading", { name: "Webhooks", exact: true }).waitFor();
    await page.getByText(name, { exact: true }).waitFor({ state: "detached" });
    assertHealthy(page);
  });

  it("a new person can sign in", async () => {
    const login = `omar${mark}`;
    await page.goto("/settings");
    await page.getByRole("button", { name: "Add a person" }).click();
    await page.getByLabel("Name").fill("Omar Farouk");
    await page.getByLabel("Login").fill(login);
    await page.getByLabel("Password").fill("a long enough one");
    await page.getByRole("button", { name: "Add", exact: true }).click();
    await page.getByText(login).first().waitFor();
    const other = await visitor(browser, world);
    await other.goto("/");
    await other.getByLabel("Login").fill(login);
    await other.getByLabel("Password").fill("a long enough one");
    await other.getByRole("button", { name: "Sign in" }).click();
    await other.getByRole("heading", { name: "Accounts", exact: true }).waitFor();
    assertHealthy(other);
  });
});
