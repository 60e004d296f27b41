import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { assertHealthy, openBrowser, signIn, visitor } from "./browser.mjs";
import { mocked, openWorld } from "./world.mjs";

describe("Google Sheets", () => {
  let world, browser, page;
  before(async () => {
    world = await openWorld();
    browser = await openBrowser();
    page = await visitor(browser, world);
    await signIn(page, world);
    await page.goto("/sheets");
  });
  after(async () => {
    await browser?.close();
    await world?.close();
  });

  it("a file that is no key is refused with what to do", async () => {
    await page.getByRole("button", { name: "Connect", exact: true }).click();
    await page.getByLabel("or its content").fill("not json");
    await page.getByRole("dialog").getByRole("button", { name: "Connect" }).click();
    await page.getByText("it is not JSON").waitFor();
    await page.getByLabel("or its content").fill('{"type": "something else"}');
    await page.getByRole("dialog").getByRole("button", { name: "Connect" }).click();
    await page.getByText("This is not a key file from Google").waitFor();
    await page.getByRole("button", { name: "Cancel" }).click();
    assertHealthy(page);
  });

  // Only the mock has a Google to connect to; mappings on the real server are tested in Rust.
  if (mocked) {
    it("a mapping is written with a preview of the last event, switched off and deleted", async () => {
      await page.getByRole("button", { name: "New mapping" }).first().click();
      const preview = page.getByTestId("preview");
      await preview.getByText("=SUM(A1:A9) is the villa still free?", { exact: true }).waitFor();
      await page.getByLabel("Name", { exact: true }).fill("Viewings");
      await page.getByLabel("Spreadsheet").fill("https://docs.google.com/spreadsheets/d/1abc/edit");
      await page.getByRole("button", { name: "Add a column" }).click();
      const last = page.getByTestId("columns").getByRole("listitem").last();
      await last.getByLabel("Header").fill("Chat");
      await last.getByLabel("Path").fill("/conversation");
      await preview.getByRole("columnheader", { name: "Chat" }).waitFor();
      await preview.getByText("cnv_0mariam", { exact: true }).waitFor();
      await page.getByRole("button", { name: "Create mapping" }).click();
      await page.getByText("Viewings", { exact: true }).waitFor();
      await page.getByRole("switch", { name: "Viewings is on" }).click();
      await page.getByRole("switch", { name: "Viewings is off" }).waitFor();
      await page.getByRole("button", { name: "More for Viewings" }).click();
      await page.getByRole("menuitem", { name: "Delete" }).click();
      await page.getByRole("button", { name: "Delete mapping" }).click();
      await page.getByRole("switch", { name: "Viewings is off" }).waitFor({ state: "detached" });
      assertHealthy(page);
    });

    it("failed rows are tried again, and a spreadsheet that was left alone too", async () => {
      await page.getByText("3 failed").waitFor();
      await page.getByRole("button", { name: "More for Monthly report" }).click();
      await page.getByRole("menuitem", { name: "Show failed rows" }).click();
      const rows = page.getByTestId("failed-rows").getByRole("listitem");
      await rows.filter({ hasText: "Ben" }).getByRole("button", { name: "Try again" }).click();
      await rows.filter({ hasText: "Ben" }).waitFor({ state: "detached" });
      assert.equal(await rows.count(), 2);
      await page.getByRole("dialog").getByRole("button", { name: "Close" }).last().click();
      await page.getByText("2 failed").waitFor();
      await page.getByRole("button", { name: "More for Monthly report" }).click();
      await page.getByRole("menuitem", { name: "Try failed rows again" }).click();
      await page.getByText("2 rows are tried again.").waitFor();
      await page.getByText("2 failed").waitFor({ state: "detached" });
      await page.getByRole("button", { name: "Try now" }).click();
      await page.getByText("Left alone").waitFor({ state: "detached" });
      assertHealthy(page);
    });
  }
});
