import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { assertHealthy, openBrowser, signIn, visitor } from "./browser.mjs";
import { openWorld } from "./world.mjs";

describe("understanding a message", () => {
  let world, browser, page;
  before(async () => {
    world = await openWorld();
    browser = await openBrowser();
    page = await visitor(browser, world);
    await signIn(page, world);
    await page.goto("/understand");
  });
  after(async () => {
    await browser?.close();
    await world?.close();
  });
  const type = async (text) => {
    await page.getByLabel("Message").fill(text);
    await page.getByRole("button", { name: "Understand" }).click();
  };

  it("marks values where they were written, also behind emoji, and gives their normal form", async () => {
    await type("🏠🔑 2BR in JVC, budget 85k, viewing tomorrow 5pm?");
    const money = page.locator("mark[data-kind=money]");
    await money.waitFor();
    assert.match(await money.innerText(), /^85k/);
    assert.match(await page.locator("mark[data-kind=location]").innerText(), /^JVC/);
    await page.getByTestId("entities").getByText("AED 85000").waitFor();
    assert.equal(await page.getByTestId("language").innerText(), "English");
    assertHealthy(page);
  });

  it("tells a complaint from thanks", async () => {
    await type("The AC is leaking again!! This is the third time I complain, it is terrible");
    await page.getByTestId("intent").getByText("Complaint").waitFor();
    await page.getByTestId("sentiment").getByText("Negative").waitFor();
    await type("Thank you so much, lovely service!");
    await page.getByTestId("sentiment").getByText("Positive").waitFor();
    assertHealthy(page);
  });

  it("an example is one click, and Arabic reads from the right", async () => {
    await page.locator(".example", { hasText: "دبي مارينا" }).click();
    await page.getByTestId("language").getByText("Arabic").waitFor();
    assert.equal(await page.getByTestId("marked").evaluate((said) => getComputedStyle(said).direction), "rtl");
    assertHealthy(page);
  });
});
