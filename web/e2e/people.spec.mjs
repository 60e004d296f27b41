import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { assertHealthy, linkAccount, openBrowser, signIn, visitor } from "./browser.mjs";
import { newNumber, openWorld } from "./world.mjs";

describe("words, people and groups", () => {
  let world, browser, page, account, ours, hana, yusuf;
  const mark = `quince${Date.now()}`;
  before(async () => {
    world = await openWorld();
    browser = await openBrowser();
    page = await visitor(browser, world);
    await signIn(page, world);
    [ours, hana, yusuf] = [newNumber(), newNumber(), newNumber()];
    await world.addContact(hana, "Hana Osman");
    await world.addContact(yusuf, "Yusuf Demir");
    account = await linkAccount(page, world, `People ${mark}`, ours);
  });
  after(async () => {
    await browser?.close();
    await world?.close();
  });
  const says = (text) => world.receive({ from: hana, name: "Hana Osman", to: ours, text });
  const talk = async (path = "") => {
    await page.goto(`/conversations?account=${account}${path}`);
    await page.getByTestId("conversations").getByText("Hana Osman").click();
    await page.getByRole("log").waitFor();
  };

  it("a message is found by its words anywhere, and shown where it was said", async () => {
    await says(`The ${mark} tree stands in the yard`);
    await talk();
    await page.locator("[data-direction=in]").filter({ hasText: mark }).waitFor();
    await page.keyboard.press("Control+k");
    await page.getByRole("combobox", { name: "Search or jump to" }).fill(`${mark} yard`);
    await page.getByRole("option", { name: "Messages with" }).click();
    const hit = page.getByTestId("found").locator("li");
    await hit.filter({ hasText: "Hana Osman" }).waitFor();
    assert.equal(await hit.count(), 1);
    assert.deepEqual(await hit.locator("mark").allInnerTexts(), [mark, "yard"]);
    await hit.getByRole("link").click();
    await page.locator("[data-direction=in].wanted").filter({ hasText: mark }).waitFor();
    await page.goBack();
    assert.equal(await page.getByLabel("Words to look for").inputValue(), `${mark} yard`);
    await page.getByLabel("Words to look for").fill(`${mark} nowhere`);
    await page.getByText("No message has these words").waitFor();
    assertHealthy(page);
  });

  it("typing shows in the conversation it belongs to", async () => {
    await talk();
    // What was typed is told once and shown for some seconds; only this conversation shows it.
    await world.typing({ from: hana, to: ours });
    await page.getByRole("region", { name: "Conversation with Hana Osman" }).getByText("typing…").waitFor();
    await page.getByTestId("conversations").locator("li").filter({ hasText: "Hana Osman" }).getByText("typing…").waitFor();
    assert.equal(await page.getByTestId("conversations").getByText("typing…").count(), 1);
  });

  it("an answer says which rule wrote it", async () => {
    const name = `Garden ${mark}`;
    await page.goto("/rules");
    await page.getByRole("button", { name: "New rule" }).first().click();
    await page.getByLabel("Name").fill(name);
    await page.getByLabel("Words").fill(`garden${mark}`);
    await page.getByLabel("Answer").fill("The garden is open all day.");
    await page.getByRole("spinbutton", { name: "Place" }).fill("1");
    await page.getByRole("button", { name: "Add rule" }).click();
    await page.getByText(name).first().waitFor();
    await says(`When is garden${mark} open?`);
    await talk();
    const answer = page.locator("[data-direction=out]").filter({ hasText: "The garden is open all day." });
    await answer.getByRole("link", { name }).waitFor();
    assertHealthy(page);
  });

  it("a contact has its addresses and conversations, and takes a name", async () => {
    await page.goto("/contacts");
    await page.getByLabel("Find a contact").fill(hana.replace("+", ""));
    const entry = page.getByTestId("contacts").locator("li");
    await entry.filter({ hasText: "Hana Osman" }).waitFor();
    await page.waitForFunction(() => document.querySelectorAll("[data-testid=contacts] li").length === 1);
    await entry.getByRole("link").click();
    await page.getByRole("region", { name: "Addresses" }).getByText("since").first().waitFor();
    await page.getByRole("region", { name: "Conversations" }).getByText(`via People ${mark}`).waitFor();
    await page.getByRole("button", { name: "Give a name" }).click();
    await page.getByRole("textbox", { name: "Name" }).fill("Hana from the garden");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("heading", { name: "Hana from the garden" }).waitFor();
    await page.getByRole("button", { name: "Rename" }).click();
    await page.getByRole("textbox", { name: "Name" }).fill("");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("heading", { name: "Hana Osman" }).waitFor();
    await page.goto("/contacts");
    await page.getByRole("tab", { name: "Merged" }).click();
    await page.getByTestId("merges").or(page.getByText("Nobody was merged")).first().waitFor();
    assertHealthy(page);
  });

  it("a group is made, gets another member and loses one", async () => {
    const name = `Gardeners ${mark}`;
    await page.goto("/groups");
    await page.getByRole("button", { name: "New group" }).click();
    await page.getByLabel("Account").last().selectOption({ label: `People ${mark}` });
    await page.getByLabel("Name of the group").fill(name);
    await page.getByRole("textbox", { name: "Members" }).fill(hana);
    await page.getByRole("button", { name: "Create the group" }).click();
    await page.getByRole("heading", { name }).waitFor();
    const members = page.getByTestId("members").locator("li");
    await members.first().waitFor();
    const before = await members.count();
    const grown = (count) => page.waitForFunction((n) => document.querySelectorAll("[data-testid=members] li").length === n, count);
    await page.getByRole("button", { name: "Add people" }).click();
    await page.getByRole("textbox", { name: "Members" }).fill(yusuf);
    await page.getByRole("button", { name: "Add", exact: true }).click();
    await grown(before + 1);
    await members.last().getByRole("button", { name: /More for/ }).click();
    await page.getByRole("menuitem", { name: "Remove from the group" }).click();
    await page.getByRole("button", { name: "Remove", exact: true }).click();
    await grown(before);
    await page.goto("/groups");
    await page.getByTestId("groups").getByText(name).click();
    await page.getByRole("heading", { name }).waitFor();
    assertHealthy(page);
  });
});
