// The world a test drives the dashboard in: the mock, or a real server with WhatsApp in a box.
//
//   npm run e2e                               against the mock (needs `npm run build`)
//   WAYPOST_URL=... WASIM_URL=... npm run e2e against a real `sim` server and `wasim serve`
//   SETUP_TOKEN=...                           when that server was never set up

import { Mock } from "../mock/server.mjs";

export const OWNER = { login: "owner", name: "Sara Lindqvist", password: "correct horse battery" };
/** Longest wait for something that involves the network in a box, in milliseconds. */
export const PATIENCE_MS = 20_000;

// Numbers no two tests share, also when the tests run again on the same server.
let serial = Math.floor(Date.now() / 1000) % 90_000;
export function newNumber() {
  serial += 1;
  return `+97150${String(serial).padStart(7, "0")}`;
}

async function call(base, method, path, body) {
  const answer = await fetch(base + path, { method, headers: { "Content-Type": "application/json" }, body: body === undefined ? undefined : JSON.stringify(body) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${text}`);
  return text ? JSON.parse(text) : null;
}

class MockWorld {
  static async open(options) {
    const world = new MockWorld();
    world.mock = new Mock(options);
    world.url = await world.mock.listen();
    world.setupToken = world.mock.setupToken;
    return world;
  }
  #play(what, body) {
    return call(this.url, "POST", `/mock/${what}`, body);
  }
  async addPhone() {}
  async addContact() {}
  scan(number, qr) {
    return this.#play("scan", { number, qr });
  }
  typeCode(number, code) {
    return this.#play("type", { number, code });
  }
  askPasskey(number, qr) {
    return this.#play("passkey", { number, qr });
  }
  kick(number) {
    return this.#play("kick", { account: number });
  }
  /** Makes something of an account so, with the event that tells of it; only a mock can. */
  condition(account, change) {
    return this.#play("condition", { account, change });
  }
  receive({ from, name, to, text }) {
    return this.#play("receive", { account: to, from, name, body: text });
  }
  answerWith(contact, text) {
    return this.#play("answer", { contact, text });
  }
  typing({ from, to }) {
    return this.#play("typing", { account: to, from });
  }
  close() {
    return this.mock.close();
  }
}

const digits = (number) => number.replace("+", "");

class RealWorld {
  constructor(url, wasim, setupToken) {
    this.url = url.replace(/\/$/, "");
    this.wasim = wasim.replace(/\/$/, "");
    this.setupToken = setupToken;
  }
  addPhone(number, name) {
    return call(this.wasim, "POST", "/phones", { number: digits(number), push_name: name });
  }
  addContact(number, name) {
    return call(this.wasim, "POST", "/contacts", { number: digits(number), push_name: name });
  }
  scan(number, qr) {
    return call(this.wasim, "POST", `/phones/${digits(number)}/scan`, { qr });
  }
  typeCode(number, code) {
    return call(this.wasim, "POST", `/phones/${digits(number)}/code`, { code: code.replace("-", "") });
  }
  kick(number) {
    return call(this.wasim, "POST", `/phones/${digits(number)}/kick`);
  }
  receive({ from, to, text }) {
    return call(this.wasim, "POST", `/contacts/${digits(from)}/send`, { to: digits(to), content: { kind: "text", text } });
  }
  answerWith(contact, text) {
    return call(this.wasim, "POST", `/contacts/${digits(contact)}/script`, { script: "answer", text });
  }
  typing({ from, to }) {
    return call(this.wasim, "POST", `/contacts/${digits(from)}/typing`, { to: digits(to), state: "composing" });
  }
  async close() {}
}

/** Opens the world that the environment names. */
export async function openWorld(options = {}) {
  const { WAYPOST_URL, WASIM_URL, SETUP_TOKEN } = process.env;
  if (!WAYPOST_URL) return MockWorld.open(options);
  if (!WASIM_URL) throw new Error("Set WASIM_URL as well: the control address that `wasim serve` prints.");
  return new RealWorld(WAYPOST_URL, WASIM_URL, SETUP_TOKEN);
}

/** True when the tests run against the mock. */
export const mocked = !process.env.WAYPOST_URL;
