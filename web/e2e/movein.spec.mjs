import assert from "node:assert/strict";
import { mkdtempSync, mkdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { assertHealthy, openBrowser, signIn, visitor } from "./browser.mjs";
import { mocked, newNumber, openWorld } from "./world.mjs";

describe("moving in from another client", () => {
  let world, browser, page, folder;
  before(async () => {
    world = await openWorld();
    browser = await openBrowser();
    page = await visitor(browser, world);
    await signIn(page, world);
    folder = mkdtempSync(join(tmpdir(), "waypost-movein-"));
  });
  after(async () => {
    rmSync(folder, { recursive: true, force: true });
    await browser?.close();
    await world?.close();
  });

  /** A folder as Baileys keeps it, as far as its form goes, last written two hours ago. */
  function session(place, files) {
    mkdirSync(join(folder, place), { recursive: true });
    const then = Date.now() / 1000 - 7_200;
    for (const [name, content] of Object.entries(files)) {
      const path = join(folder, place, name);
      writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
      utimesSync(path, then, then);
    }
    return join(folder, place);
  }
  const pick = async (path) => page.getByLabel("Session folder").setInputFiles(path);
  const creds = (number, name) => ({ me: { id: `${number.slice(1)}:7@s.whatsapp.net`, name } });

  it("is explained, with the command for each client", async () => {
    await page.goto("/");
    await page.getByRole("link", { name: "Move in" }).click();
    await page.getByText("Stop the old client first").waitFor();
    await page.getByText("waypost import baileys ./auth_info --dry-run").waitFor();
    await page.getByRole("tab", { name: "whatsmeow" }).click();
    await page.getByText("waypost import whatsmeow ./whatsapp.db --dry-run").waitFor();
    assert.equal(await page.getByRole("button", { name: "Pick the folder" }).count(), 0);
    assertHealthy(page);
  });

  it("a folder without a session, or with a broken file, is refused before anything is sent", async () => {
    await page.goto("/move-in");
    let sent = 0;
    page.on("request", (request) => request.url().endsWith("/imports") && (sent += 1));
    await pick(session("empty", { "notes.json": {}, "more.json": {} }));
    await page.getByText("pick the folder that has creds.json in it").waitFor();
    await pick(session("broken", { "creds.json": creds(newNumber(), "Broken"), "session-1.json": '{"cut":' }));
    await page.getByText(/^session-1\.json is not JSON/).waitFor();
    assert.equal(sent, 0);
    assertHealthy(page);
  });

  it("what the server cannot read is said, and nothing can be taken over", async () => {
    await page.goto("/move-in");
    await pick(session("no-device", { "creds.json": { noiseKey: "gone" } }));
    await page.getByRole("alert").getByText("Nothing was imported").waitFor();
    assert.equal(await page.getByRole("button", { name: "Take over" }).count(), 0);
    assertHealthy(page);
  });

  if (mocked) {
    it("a dry run comes first; then, once the old client is stopped, the account is there", async () => {
      const number = newNumber();
      await page.goto("/move-in");
      await pick(session("auth_info", { "creds.json": creds(number, "Shop"), "session-1.0.json": {}, "session-2.0.json": {}, "pre-key-1.json": {}, "device-list-1.json": [], "readme.txt": "not ours" }));
      const device = page.getByTestId("device");
      await device.getByText("Shop", { exact: true }).waitFor();
      await device.getByText("2 sessions").waitFor();
      await device.getByText("What stays behind").click();
      await device.getByText("1 device lists: they are asked for again").waitFor();
      const take = page.getByRole("button", { name: "Take over" });
      assert.ok(await take.isDisabled(), "it can be taken over before anybody said that the old client is stopped");
      await page.getByLabel("Name of the account").fill("Shop by the sea");
      await page.getByLabel(/^The old client is stopped/).check();
      await take.click();
      await page.getByText("The account moved in").waitFor();
      await page.getByRole("link", { name: "Shop by the sea" }).click();
      await page.getByTestId("headline").getByText(/^All is well/).waitFor();
      assertHealthy(page);
    });

    it("a linked account is never replaced", async () => {
      await page.goto("/move-in");
      await pick(session("linked", { "creds.json": creds("+971505760056", "Sales again") }));
      await page.getByTestId("device").getByText("Sales Dubai is linked already; unlink it first.").waitFor();
      assert.equal(await page.getByRole("button", { name: "Take over" }).count(), 0);
    });

    it("WAHA's sessions are found below its folder, and keep their names", async () => {
      session("noweb/desk", { "creds.json": creds(newNumber(), "Desk on WhatsApp") });
      session("noweb/garage", { "creds.json": creds(newNumber(), "Garage on WhatsApp") });
      await page.goto("/move-in");
      await page.getByRole("tab", { name: "WAHA" }).click();
      await pick(join(folder, "noweb"));
      await page.getByText("2 files, 0.0 MB, 2 sessions").waitFor();
      await page.getByTestId("device").getByText("desk", { exact: true }).waitFor();
      await page.getByTestId("device").getByText("garage", { exact: true }).waitFor();
      assertHealthy(page);
    });
  }
});
