import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { assertHealthy, openBrowser, signIn, visitor } from "./browser.mjs";
import { openWorld } from "./world.mjs";

describe("the pipeline", () => {
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

  it("shows every part, and a switch stays where it was put", async () => {
    await page.goto("/pipeline");
    const part = (name) => page.locator(`[data-part=${name}]`);
    // A machine as busy as this one may let it rest; what counts here is that it is switched on.
    const on = (name) => part(name).getByText(/^(Runs|Rests)$/);
    await on("sentiment").waitFor();
    assert.equal(await page.getByTestId("stage-conversation").locator("[data-part]").count(), 5);
    await part("sentiment").getByRole("switch").click();
    await part("sentiment").getByText("Off", { exact: true }).waitFor();
    await page.reload();
    await part("sentiment").getByText("Off", { exact: true }).waitFor();
    await part("sentiment").getByRole("switch").click();
    await on("sentiment").waitFor();
    assert.equal(await part("ordering").getByRole("switch").count(), 0, "what keeps messages safe has no switch");
    assertHealthy(page);
  });

  it("a list that cannot be read is refused with the reason, and one that can is learnt", async () => {
    await page.goto("/lists");
    const editor = page.getByLabel("Places", { exact: true });
    await editor.waitFor();
    const before = await editor.inputValue();
    await editor.fill("projects:\n\t- broken");
    await page.getByRole("button", { name: "Save and learn" }).click();
    await page.getByText("could not be read").waitFor();
    await editor.fill("projects:\n- name: Sandcastle Heights\n");
    await page.getByRole("button", { name: "Save and learn" }).click();
    await page.getByTestId("training").getByText(/^Learnt/).waitFor();
    await page.getByRole("button", { name: "Bring back the original" }).click();
    await page.getByRole("button", { name: "Bring back", exact: true }).click();
    await page.waitForFunction((text) => document.querySelector("textarea")?.value === text, before);
    // The browser itself reports the refusal as an error of the page.
  });
});
