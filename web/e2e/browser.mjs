// A browser for the tests, and the steps that many of them share.

import assert from "node:assert/strict";
import { chromium } from "playwright-core";
import { OWNER, PATIENCE_MS } from "./world.mjs";

export const DESKTOP = { width: 1440, height: 900 };
export const PHONE = { width: 390, height: 844 };

export async function openBrowser() {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
}

/** A fresh visitor. `page.faults` collects what the page complains about. */
export async function visitor(browser, world, { viewport = DESKTOP, colorScheme = "light" } = {}) {
  const context = await browser.newContext({ viewport, colorScheme, baseURL: world.url });
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await context.newPage();
  page.faults = [];
  page.on("pageerror", (error) => page.faults.push(error.message));
  page.on("console", (message) => {
    // The browser reports every refused request by itself; what matters is what the page says.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) page.faults.push(message.text());
  });
  return page;
}

/** Nothing went wrong on the page, and its content security policy was kept. */
export function assertHealthy(page) {
  assert.deepEqual(page.faults, []);
}

/** Signs in, setting Waypost up first when nobody has. */
export async function signIn(page, world) {
  await page.goto("/");
  const setUp = page.getByLabel("Set-up token");
  await setUp.or(page.getByRole("heading", { name: "Sign in" })).first().waitFor();
  if (await setUp.isVisible()) await fillSetUp(page, world.setupToken);
  else {
    await page.getByLabel("Login").fill(OWNER.login);
    await page.getByLabel("Password").fill(OWNER.password);
    await page.getByRole("button", { name: "Sign in" }).click();
  }
  await page.locator("[data-connection=live]").waitFor({ state: "attached" });
}

export async function fillSetUp(page, token) {
  assert.ok(token, "the server was never set up: hand its set-up token over in SETUP_TOKEN");
  await page.getByLabel("Set-up token").fill(token);
  await page.getByLabel("Your name").fill(OWNER.name);
  await page.getByLabel("Login").fill(OWNER.login);
  await page.getByLabel("Password", { exact: true }).fill(OWNER.password);
  await page.getByLabel("Password again").fill(OWNER.password);
  await page.getByRole("button", { name: "Create the first owner" }).click();
}

/** Starts linking a new account and waits for its QR code; returns the QR's text. */
export async function startLink(page, name, number) {
  await page.goto("/accounts/new");
  await page.getByLabel("Name").fill(name);
  if (number) await page.getByLabel("Phone number").fill(number);
  await page.getByRole("button", { name: "Show the QR code" }).click();
  const qr = page.getByTestId("qr");
  await qr.waitFor();
  return qr.getAttribute("data-qr");
}

/** Links an account by QR and waits until it is online; returns its id. */
export async function linkAccount(page, world, name, number) {
  await world.addPhone(number, name);
  await world.scan(number, await startLink(page, name));
  await page.getByRole("heading", { name: `${name} is online` }).waitFor();
  return new URL(page.url()).pathname.split("/")[2];
}

/** The row of an account on the overview. */
export function row(page, account) {
  return page.locator(`[data-account="${account}"]`);
}

/** No part of the page sticks out to the right. */
export async function assertFits(page, where) {
  const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.ok(over <= 0, `${where} is ${over} px wider than the screen`);
}
