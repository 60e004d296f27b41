// Takes pictures of every screen against the mock: `npm run shots [folder] [name ...]`. With WHOLE=1
// each is as long as its page.

import { mkdirSync } from "node:fs";
import { chromium } from "playwright-core";
import { Mock } from "../mock/server.mjs";

const folder = process.argv[2] ?? "shots";
const only = process.argv.slice(3);
mkdirSync(folder, { recursive: true });

// The link goes on between the pictures, so only the first has to start it.
async function showQr(page) {
  const start = page.getByRole("button", { name: "Show a QR code" });
  await start.or(page.getByTestId("qr")).first().waitFor();
  if (await start.isVisible()) await start.click();
  await page.getByTestId("qr").waitFor();
}

const file = (name, content) => ({ name, mimeType: "application/json", buffer: Buffer.from(JSON.stringify(content)) });
const SESSION = [
  file("creds.json", { me: { id: "971509990001:7@s.whatsapp.net", name: "Front desk" } }),
  ...Array.from({ length: 38 }, (_, i) => file(`session-97150111${1000 + i}.0.json`, {})),
  ...Array.from({ length: 120 }, (_, i) => file(`pre-key-${i}.json`, {})),
  ...Array.from({ length: 6 }, (_, i) => file(`sender-key-${i}.json`, {})),
  ...Array.from({ length: 4 }, (_, i) => file(`device-list-${i}.json`, {})),
];
const SIZES = { desktop: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } };
const SCREENS = [
  ["overview", "/"],
  ["account", "/accounts/acc_0sales"],
  ["account-settings", "/accounts/acc_0sales/settings"],
  ["account-recovering", "/accounts/acc_0viewings"],
  ["account-logged-out", "/accounts/acc_0service"],
  ["account-breaker", "/accounts/acc_0villas"],
  ["account-phone", "/accounts/acc_0airport"],
  ["account-restricted", "/accounts/acc_0events"],
  ["proxy", "/accounts/acc_0abroad/settings", async (page) => (await page.getByRole("button", { name: "Test" }).click(), page.getByTestId("proxy-check").waitFor())],
  ["proxy-edit", "/accounts/acc_0abroad/settings", async (page) => page.getByRole("button", { name: "Change", exact: true }).click()],
  ["move-in", "/move-in"],
  ["move-in-found", "/move-in", async (page) => (await page.getByLabel("Session files").setInputFiles(SESSION), page.getByTestId("device").waitFor(), page.getByTestId("device").scrollIntoViewIfNeeded())],
  ["lists", "/lists", (page) => page.getByRole("button", { name: "Save and learn" }).waitFor()],
  ["explain", "/conversations/cnv_0amira", async (page) => {
    await page.getByText("AED 185,000").waitFor();
    await page.locator("[data-direction=in]:has(.text)").last().getByRole("button", { name: "Message actions" }).click();
    await page.getByRole("menuitem", { name: "Explain" }).click();
    await page.getByTestId("explanation").getByText("Intent classifier").waitFor();
  }],
  ["threads", "/conversations/cnv_0amira", async (page) => {
    await page.getByRole("button", { name: "Threads of this conversation" }).click();
    await page.getByTestId("threads").getByText("Arabian Ranches").waitFor();
  }],
  ["pipeline", "/pipeline", (page) => page.getByTestId("stage-conversation").waitFor()],
  ["understand", "/understand", async (page) => (await page.getByRole("button", { name: /^2BR/ }).click(), page.getByTestId("analysis").waitFor())],
  ["understand-arabic", "/understand", async (page) => (await page.locator(".example", { hasText: "دبي" }).click(), page.getByTestId("analysis").waitFor())],
  ["system", "/system"],
  ["new", "/accounts/new"],
  ["link-qr", "/accounts/acc_0spare/link", showQr],
  ["conversations", "/conversations"],
  ["thread", "/conversations/cnv_0amira", async (page) => page.getByText("AED 185,000").waitFor()],
  ["group-talk", "/conversations/cnv_0marina"],
  ["waiting", "/conversations/cnv_0omar"],
  ["held", "/conversations/cnv_0grace"],
  ["search", "/search?q=marina"],
  ["search-empty", "/search"],
  ["gallery", "/gallery"],
  ["contacts", "/contacts"],
  ["contact", "/contacts/ctc_0amira"],
  ["merges", "/contacts", async (page) => page.getByRole("tab", { name: "Merged" }).click()],
  ["groups", "/groups"],
  ["group", "/groups/acc_0sales:120363041234567890@g.us"],
  ["group-new", "/groups", async (page) => page.getByRole("button", { name: "New group" }).click()],
  ["rules", "/rules"],
  ["rule-edit", "/rules", async (page) => page.getByRole("button", { name: "New rule" }).first().click()],
  ["dead-letters", "/dead-letters"],
  ["webhooks", "/webhooks"],
  ["webhook", "/webhooks/whk_0crm"],
  ["sheets", "/sheets"],
  ["keys", "/keys"],
  ["key-new", "/keys", async (page) => page.getByRole("button", { name: "New key" }).first().click()],
  ["settings", "/settings"],
  ["palette", "/", async (page) => page.keyboard.press("Control+k")],
  ["confirm", "/accounts/acc_0sales/settings", async (page) => page.getByRole("button", { name: "Delete", exact: true }).click()],
];

const mock = new Mock();
const url = await mock.listen();
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
for (const scheme of ["light", "dark"]) {
  for (const [size, viewport] of Object.entries(SIZES)) {
    const context = await browser.newContext({ viewport, colorScheme: scheme, reducedMotion: "reduce", baseURL: url });
    const page = await context.newPage();
    page.on("console", (m) => m.type() === "error" && console.log(`${scheme} ${size} console:`, m.text()));
    page.on("pageerror", (e) => console.log(`${scheme} ${size} error:`, e.message));
    await page.goto("/");
    if (!only.length || only.includes("sign-in")) await page.screenshot({ path: `${folder}/sign-in-${size}-${scheme}.png` });
    await page.getByLabel("Login").fill("owner");
    await page.getByLabel("Password").fill("correct horse battery");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByTestId("accounts").waitFor();
    for (const [name, path, act] of SCREENS) {
      if (only.length && !only.includes(name)) continue;
      await page.goto(path);
      await page.locator("[data-connection=live]").waitFor({ state: "attached" });
      await page.waitForLoadState("networkidle");
      await act?.(page);
      await page.waitForTimeout(150);
      await page.screenshot({ path: `${folder}/${name}-${size}-${scheme}.png`, fullPage: process.env.WHOLE === "1" });
    }
    await context.close();
  }
}
await browser.close();
await mock.close();
