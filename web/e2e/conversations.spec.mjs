import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { assertHealthy, linkAccount, openBrowser, signIn, visitor } from "./browser.mjs";
import { mocked, newNumber, openWorld } from "./world.mjs";

describe("a conversation", () => {
  let world, browser, page, account, ours, theirs;
  before(async () => {
    world = await openWorld();
    browser = await openBrowser();
    page = await visitor(browser, world);
    await signIn(page, world);
    [ours, theirs] = [newNumber(), newNumber()];
    await world.addContact(theirs, "Layla Mansour");
    account = await linkAccount(page, world, "Talks", ours);
  });
  after(async () => {
    await browser?.close();
    await world?.close();
  });

  const open = async () => {
    await page.goto(`/conversations?account=${account}`);
    await page.getByTestId("conversations").getByText("Layla Mansour").click();
    await page.getByRole("log").waitFor();
  };
  const bubble = (text, direction) => page.locator(`[data-direction=${direction}]`).filter({ hasText: text }).last();

  it("appears live with its first message and counts it as unread", async () => {
    await page.goto(`/conversations?account=${account}`);
    await page.getByText("Nothing found").waitFor();
    await world.receive({ from: theirs, name: "Layla Mansour", to: ours, text: "Is the flat still free?" });
    const entry = page.getByTestId("conversations").locator("li").filter({ hasText: "Layla Mansour" });
    await entry.getByText("Is the flat still free?").waitFor();
    await entry.getByText("unread").waitFor({ state: "attached" });
    await entry.click();
    await bubble("Is the flat still free?", "in").waitFor();
    await entry.getByText("unread").waitFor({ state: "detached" });
  });

  it("sends an answer, shows its ticks, and the reply to it", async () => {
    await open();
    await world.answerWith(theirs, "Wonderful, see you then!");
    await page.getByLabel("Message", { exact: true }).fill("Yes, come on Thursday.");
    await page.keyboard.press("Enter");
    const sent = bubble("Yes, come on Thursday.", "out");
    await sent.waitFor();
    await page.locator("[data-direction=out][data-state=delivered], [data-direction=out][data-state=read]").filter({ hasText: "Yes, come on Thursday." }).waitFor();
    await bubble("Wonderful, see you then!", "in").waitFor();
    assert.equal(await page.getByLabel("Message", { exact: true }).inputValue(), "");
    assert.equal(await page.locator("[data-direction=out]").filter({ hasText: "Yes, come on Thursday." }).count(), 1);
    assertHealthy(page);
  });

  it("answers one message in particular", async () => {
    await open();
    await bubble("Is the flat still free?", "in").hover();
    await bubble("Is the flat still free?", "in").getByRole("button", { name: "Message actions" }).click();
    await page.getByRole("menuitem", { name: "Reply" }).click();
    await page.getByLabel("Message", { exact: true }).fill("It is, until Friday.");
    await page.getByRole("button", { name: "Send", exact: true }).click();
    await bubble("It is, until Friday.", "out").getByText("Is the flat still free?").waitFor();
  });

  it("shows what an outsider wrote as text, whatever it looks like", async () => {
    await open();
    const hostile = `<img src=x onerror="document.title='owned'"><script>document.title='owned'</script>`;
    await world.receive({ from: theirs, name: "Layla Mansour", to: ours, text: hostile });
    await page.getByRole("log").getByText(hostile, { exact: true }).waitFor();
    assert.notEqual(await page.title(), "owned");
    assert.equal(await page.locator("img[src=x]").count(), 0);
  });

  it("sends a file with its caption", async () => {
    await open();
    await page.locator("input[type=file]").setInputFiles({ name: "plan.pdf", mimeType: "application/pdf", buffer: Buffer.from("%PDF-1.4\n%%EOF\n") });
    await page.getByText("plan.pdf").waitFor();
    await page.getByLabel("Message", { exact: true }).fill("The floor plan");
    await page.getByRole("button", { name: "Send", exact: true }).click();
    const sent = bubble("The floor plan", "out");
    await sent.getByText("plan.pdf").waitFor();
    assertHealthy(page);
  });

  it("is found by the words in it, and by the command palette", async () => {
    await page.goto(`/conversations?account=${account}`);
    await page.getByPlaceholder("Name, number or words").fill("come on Thursday");
    await page.getByTestId("conversations").getByText("Layla Mansour").waitFor();
    await page.keyboard.press("Control+k");
    await page.keyboard.type("layla");
    await page.getByRole("option", { name: /Layla Mansour/ }).first().waitFor();
    await page.keyboard.press("Enter");
    await page.getByRole("log").waitFor();
  });

  // Only a restore makes a server hold sends; that it does, and what a release does there, is
  // tested with the server. Here it is what the person sees.
  if (mocked) {
    it("lets a person send or discard what a restore holds", async () => {
      await page.goto("/conversations");
      await page.getByTestId("conversations").getByText("Grace Whitfield").click();
      const held = page.locator("[data-state=held]");
      await held.getByText("restored from a backup").waitFor();
      await held.getByRole("button", { name: "Discard" }).waitFor();
      await held.getByRole("button", { name: "Send it" }).click();
      await bubble("The keys are at the desk.", "out").and(page.locator("[data-state=server]")).waitFor();
      assert.equal(await held.count(), 0);
      assertHealthy(page);
    });
  }
});
