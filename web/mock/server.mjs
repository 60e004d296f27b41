// A stand-in for the server, in memory, for developing the dashboard and for its quick tests. It
// speaks the same API; what the real one does is tested against the real one. `POST /mock/...`
// plays the phone and the other side.
//
//   node mock/server.mjs [--port 8080] [--fresh] [--link-window 120]

import { createReadStream, existsSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { WebSocketServer } from "ws";
import * as data from "./data.mjs";
import { Sheets } from "./sheets.mjs";

const DIST = fileURLToPath(new URL("../dist/", import.meta.url));
// The server's own, so that what it forbids is noticed here too.
const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types svelte-trusted-html";
const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".json": "application/json" };
/** Events kept for resuming; an older cursor gets a resync. */
const LOG_MAX = 1_000;

class Refusal extends Error {
  constructor(status, code, detail, field) {
    super(detail);
    Object.assign(this, { status, code, detail, field });
  }
}
const found = (thing, what) => {
  if (!thing) throw new Refusal(404, "not_found", `There is no such ${what}; it may have been deleted.`);
  return thing;
};
const id = (prefix) => `${prefix}_0${Math.random().toString(32).slice(2, 12)}`;
/** An account as the API shows it. */
const shownAccount = ({ phoneAway, livenessMore, ...account }) => ({ ...account, health: data.healthSummary(account), liveness: data.liveness({ ...account, phoneAway, livenessMore }) });
const now = () => new Date().toISOString();
const later = (ms) => new Date(Date.now() + ms).toISOString();

export class Mock {
  constructor({ fresh = false, windowMs = 120_000, refMs = 20_000 } = {}) {
    this.fresh = fresh;
    this.windowMs = windowMs;
    this.refMs = refMs;
    this.setupToken = "set-up-once";
    this.people = fresh ? [] : [{ id: "per_0owner", login: "owner", name: "Sara Lindqvist", role: "owner", disabled: false, signed_in_at: now(), password: "correct horse battery", created_at: now() }];
    this.sessions = new Map();
    this.accounts = fresh ? [] : data.accounts();
    this.histories = new Map(this.accounts.map((a) => [a.id, a.state === "new" ? [] : data.history()]));
    const talks = fresh ? { list: [], messages: [] } : data.conversations();
    this.conversations = talks.list;
    this.messages = talks.messages;
    this.rules = fresh ? [] : data.rules();
    this.dead = fresh ? [] : data.deadLetters();
    this.contacts = fresh ? [] : data.contacts();
    this.merges = fresh ? [] : data.merges();
    this.groups = fresh ? [] : data.groups();
    this.hooks = fresh ? [] : data.webhooks();
    this.sheets = new Sheets({ fresh, id, page, found, Refusal });
    this.deliveries = data.deliveries();
    this.keys = fresh ? [] : data.keys();
    this.links = new Map();
    this.timers = new Set();
    this.log = [];
    this.position = 0;
    this.blobs = new Map();
    /** What contacts answer by themselves. */
    this.answers = new Map();
    this.idempotent = new Map();
    this.started = Date.now();
    /** What is put off: `none`, `nice_to_have` or `important`. */
    this.shedLevel = "none";
  }

  async listen(port = 0) {
    this.http = createServer((req, res) => void this.handle(req, res));
    this.ws = new WebSocketServer({ noServer: true });
    this.http.on("upgrade", (req, socket, head) => {
      const url = new URL(req.url, "http://x");
      if (url.pathname !== "/api/v1/events/stream" || !this.personOf(req)) return socket.destroy();
      this.ws.handleUpgrade(req, socket, head, (client) => this.stream(client, url.searchParams.get("after")));
    });
    await new Promise((done) => this.http.listen(port, "127.0.0.1", done));
    this.url = `http://127.0.0.1:${this.http.address().port}`;
    return this.url;
  }

  async close() {
    for (const timer of this.timers) clearTimeout(timer);
    for (const client of this.ws.clients) client.terminate();
    this.http.closeAllConnections();
    await new Promise((done) => this.http.close(done));
  }

  after(ms, work) {
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      work();
    }, ms);
    this.timers.add(timer);
  }

  // ---- events

  stream(client, after) {
    if (after !== null) {
      const from = Number(after);
      const oldest = this.position - this.log.length;
      if (!Number.isInteger(from) || from < oldest || from > this.position) client.send(JSON.stringify({ type: "resync", cursor: String(this.position), reason: "expired" }));
      else for (const frame of this.log.slice(from - oldest)) client.send(JSON.stringify(frame));
    }
    const ping = setInterval(() => client.send(JSON.stringify({ type: "ping" })), 10_000);
    client.on("close", () => clearInterval(ping));
  }

  emit(kind, account, conversation, body) {
    this.position += 1;
    const frame = { type: "event", cursor: String(this.position), event: { id: id("evt"), kind, version: 1, account, conversation, at: now(), data: body } };
    this.log.push(frame);
    if (this.log.length > LOG_MAX) this.log.shift();
    for (const client of this.ws.clients) client.send(JSON.stringify(frame));
  }

  setState(account, state, code, more = {}) {
    const change = { from: account.state, to: state, reason: data.reason(code), at: now() };
    Object.assign(account, { state, reason: change.reason, state_since: change.at, next_attempt_at: null, recovery: null }, more);
    this.histories.get(account.id).unshift(change);
    this.emit("account.state", account.id, null, { account: account.id, from: change.from, to: state, reason: { code }, text: change.reason.text });
  }

  // ---- linking

  startLink(account, method) {
    this.dropLink(account);
    const link = { status: "waiting", method, qr: null, qr_expires_at: null, code: null, window_ends_at: later(this.windowMs), regeneration: 0, regenerations_max: 3, message: "Asking WhatsApp for a code.", live: true };
    this.links.set(account.id, link);
    this.setState(account, "linking", method === "qr" ? "awaiting_scan" : "awaiting_code");
    this.after(250, () => link.live && (method === "qr" ? this.nextQr(account, link) : this.showCode(account, link)));
    return link;
  }
  nextQr(account, link) {
    if (!link.live || link.status === "linked") return;
    const random = () => Math.random().toString(36).slice(2);
    Object.assign(link, { status: "showing_qr", qr: `2@${random()}${random()}${random()}${random()},${random()}${random()},${random()}${random()}=,${random()}${random()},1`, qr_expires_at: later(this.refMs), message: null });
    this.emit("link.code", account.id, null, {});
    this.after(this.refMs, () => this.nextQr(account, link));
  }
  showCode(account, link) {
    const LETTERS = "123456789ABCDEFGHJKLMNPQRSTVWXYZ";
    const four = () => Array.from({ length: 4 }, () => LETTERS[Math.floor(Math.random() * LETTERS.length)]).join("");
    Object.assign(link, { status: "showing_code", code: `${four()}-${four()}`, message: null });
    this.emit("link.code", account.id, null, {});
  }
  dropLink(account) {
    const link = this.links.get(account.id);
    if (link) link.live = false;
  }
  /** The account whose link shows this; like a phone, the mock knows nothing else of it. */
  linking(shows) {
    for (const [account, link] of this.links) if (link.live && shows(link)) return this.accounts.find((a) => a.id === account);
    throw new Refusal(404, "no_such_code", "No link shows this code (any more).");
  }
  finishLink(account, number) {
    const link = found(this.links.get(account.id), "link");
    Object.assign(link, { status: "linked", live: false, qr: null, code: null, message: "Linked." });
    account.phone = number;
    account.lid = `${number.slice(1).split("").reverse().join("")}@lid`;
    this.setState(account, "connecting", "linked");
    this.after(400, () => this.setState(account, "online", "connected"));
  }

  // ---- messages

  preview(message) {
    return message.content?.body ?? message.content?.caption ?? message.content?.file_name ?? message.kind;
  }
  conversation(talk) {
    const last = this.messages.filter((m) => m.conversation === talk.id).at(-1);
    return { ...talk, last_message: last ? { preview: last.revoked_at ? "This message was deleted" : this.preview(last), at: last.sent_at, direction: last.direction, state: last.state } : null };
  }
  talkWith(account, to) {
    const known = this.conversations.find((c) => c.id === to || (c.account === account && c.address === to));
    if (known) return known;
    if (!/^\+?\d{7,15}$/.test(to.replaceAll(/[ -]/g, ""))) throw new Refusal(422, "bad_recipient", `“${to}” is no phone number; write it with its country code.`, "to");
    const talk = { id: id("cnv"), account, kind: "direct", title: to, address: to.replaceAll(/[ -]/g, ""), contact: null, unread: 0, last_message: null };
    this.conversations.push(talk);
    return talk;
  }
  receive({ account, from, name, body }) {
    const talk = this.talkWith(account, from);
    if (name) talk.title = name;
    const message = data.message(talk.id, account, "in", { kind: "text", body }, 0, { sender: { name: name ?? null, address: from } });
    this.messages.push(message);
    talk.unread += 1;
    this.emit("message.received", account, talk.id, { message: message.id });
    this.meet(talk, name);
    this.answerByRule(talk, message);
    return message;
  }
  meet(talk, name) {
    if (talk.kind !== "direct" || talk.contact) return;
    talk.contact = id("ctc");
    this.contacts.unshift({ id: talk.contact, title: name ?? talk.address, name: null, push_name: name ?? null, phone: talk.address, lid: null, created_at: now(), updated_at: now(), merged_into: null, aliases: [{ address: talk.address, valid_from: now(), valid_to: null }] });
  }
  answerByRule(talk, message) {
    const said = message.content.body.toLowerCase();
    const fits = ({ matches: m }) => m.on === "any" || (m.on === "any_word" ? m.words.some((w) => said.includes(w)) : said.includes(m.text));
    // What a message means is beyond this stand-in, so rules that ask for it never fit.
    const asksForMeaning = ({ when: w }) => Boolean(w && (w.intents.length || w.mentions.length || w.feeling || w.urgency));
    const rule = [...this.rules].sort((x, y) => x.position - y.position).find((r) => r.enabled && !r.account && !asksForMeaning(r) && fits(r));
    if (!rule) return;
    const answer = data.message(talk.id, talk.account, "out", { kind: "text", body: rule.answer }, 0, { state: "server", rule: { id: rule.id, name: rule.name, answers: message.id } });
    this.messages.push(answer);
    this.emit("message.accepted", talk.account, talk.id, { message: answer.id });
  }
  send(body) {
    const account = found(this.accounts.find((a) => a.id === body.account), "account");
    if (["new", "logged_out", "banned"].includes(account.state)) throw new Refusal(409, "not_linked", `${account.name} is not linked; link it first.`, "account");
    const talk = this.talkWith(account.id, String(body.to ?? ""));
    const content = body.content ?? {};
    const target = content.message ? found(this.messages.find((m) => m.id === content.message), "message") : null;
    if (content.kind === "reaction") target.reactions = content.emoji ? [{ emoji: content.emoji, by: "me" }] : [];
    else if (content.kind === "edit") Object.assign(target, { content: { ...target.content, body: content.body }, edited_at: now() });
    else if (content.kind === "revoke") target.revoked_at = now();
    const said = { ...content };
    if (content.quote_message) {
      const quoted = this.messages.find((m) => m.id === content.quote_message);
      said.quote = { wire_id: quoted?.wire_id, sender: quoted?.sender?.address ?? null, text: quoted ? this.preview(quoted) : null };
    }
    const blob = this.blobs.get(content.blob);
    const message = data.message(talk.id, account.id, "out", said, 0, { state: "accepted", media: blob ? { state: "stored", bytes: blob.bytes.length } : null });
    if (account.state !== "online") message.waiting = { code: "not_connected", text: `${account.name} is not connected; it goes out when it is back`, until: account.next_attempt_at };
    if (target) this.emit("message.changed", account.id, talk.id, { message: target.id });
    else {
      this.messages.push(message);
      this.emit("message.accepted", account.id, talk.id, { message: message.id });
      if (account.state === "online") this.progress(message);
    }
    return message;
  }
  progress(message) {
    ["server", "delivered", "read"].forEach((state, i) =>
      this.after([250, 700, 1_600][i], () => {
        message.state = state;
        this.emit("message.state", message.account, message.conversation, { message: message.id, state });
      }),
    );
    const talk = this.conversations.find((c) => c.id === message.conversation);
    const answer = this.answers.get(talk.address);
    if (answer) this.after(1_800, () => this.receive({ account: message.account, from: talk.address, body: answer }));
  }

  // ---- HTTP

  personOf(req) {
    const token = /waypost_session=([^;]+)/.exec(req.headers.cookie ?? "")?.[1];
    return token ? this.sessions.get(token) : undefined;
  }
  enter(res, person) {
    const token = id("ses");
    const session = { person, csrf: id("csrf") };
    this.sessions.set(token, session);
    res.setHeader("Set-Cookie", `waypost_session=${token}; HttpOnly; SameSite=Lax; Path=/`);
    return this.sessionView(session);
  }
  sessionView({ person, csrf }) {
    const { password: _, ...shown } = person;
    return { person: shown, csrf_token: csrf };
  }

  async handle(req, res) {
    const url = new URL(req.url, "http://x");
    try {
      if (url.pathname.startsWith("/mock/")) return this.answer(res, 200, this.control(url.pathname.slice(6), await readJson(req)));
      if (!url.pathname.startsWith("/api/")) return this.file(url.pathname, res);
      const [status, body] = await this.route(req, res, url);
      if (status !== "sent") this.answer(res, status, body);
    } catch (error) {
      const refusal = error instanceof Refusal ? error : new Refusal(500, "bug", `${error.stack}`);
      this.answer(res, refusal.status, { type: "about:blank", title: refusal.detail, status: refusal.status, detail: refusal.detail, code: refusal.code, field: refusal.field }, "application/problem+json");
    }
  }
  answer(res, status, body, type = "application/json") {
    if (body === null || body === undefined) {
      res.writeHead(204).end();
      return;
    }
    res.writeHead(status, { "Content-Type": type, "Cache-Control": "no-store" }).end(JSON.stringify(body));
  }
  file(path, res) {
    const wanted = join(DIST, normalize(path));
    const file = wanted.startsWith(DIST) && existsSync(wanted) && statSync(wanted).isFile() ? wanted : join(DIST, "index.html");
    if (!existsSync(file)) return res.writeHead(503).end("Run `npm run build` first.");
    res.writeHead(200, { "Content-Type": TYPES[extname(file)] ?? "application/octet-stream", "Content-Security-Policy": CSP, "X-Content-Type-Options": "nosniff" });
    createReadStream(file).pipe(res);
  }

  control(what, body) {
    const account = body.account ? found(this.accounts.find((a) => a.id === body.account || a.phone === body.account), "account") : null;
    switch (what) {
      case "scan":
        this.finishLink(this.linking((link) => link.qr === body.qr), body.number);
        return { ok: true };
      case "type":
        this.finishLink(this.linking((link) => link.code === body.code), body.number);
        return { ok: true };
      case "passkey": {
        const asked = this.linking((link) => link.qr === body.qr);
        Object.assign(this.links.get(asked.id), { status: "failed", live: false, qr: null, message: data.reason("passkey_required").text });
        this.setState(asked, "needs_attention", "passkey_required");
        return { ok: true };
      }
      case "kick":
        this.setState(account, "recovering", "connection_lost", { next_attempt_at: later(2_500), recovery: data.recovery("reconnect", "connection_lost", { at: later(2_500), failures: 1 }) });
        this.after(2_500, () => this.setState(account, "online", "connected"));
        return { ok: true };
      case "condition":
        Object.assign(account, body.change);
        this.emit("account.recovery", account.id, null, { account: account.id });
        return { ok: true };
      case "shed":
        this.shedLevel = body.level;
        this.emit("system.load", null, null, { level: body.level });
        return { ok: true };
      case "answer":
        this.answers.set(body.contact, body.text);
        return { ok: true };
      case "receive":
        return this.receive({ ...body, account: account.id });
      case "typing":
        this.emit("conversation.typing", account.id, this.talkWith(account.id, body.from).id, { chat: body.from, sender: body.from, active: true });
        return { ok: true };
      case "sent":
        return { items: this.messages.filter((m) => m.direction === "out" && (!account || m.account === account.id)) };
      default:
        throw new Refusal(404, "not_found", `There is no control “${what}”.`);
    }
  }

  async route(req, res, url) {
    const path = url.pathname.slice("/api/v1".length);
    const [a, b, c, d] = path.split("/").filter(Boolean);
    const q = url.searchParams;
    const m = req.method;
    if (a === "blobs" && m === "POST") return [201, await this.storeBlob(req, q)];
    const body = m === "GET" ? {} : await readJson(req);
    const session = this.personOf(req);

    if (a === "setup") {
      if (m === "GET") return [200, { needed: this.people.length === 0 }];
      if (this.people.length > 0) throw new Refusal(409, "already_set_up", "Waypost is already set up; sign in instead.");
      if (body.token !== this.setupToken) throw new Refusal(422, "bad_token", "This is not the set-up token; copy it from the server's first output.", "token");
      const person = { id: id("per"), login: body.login, name: body.name, role: "owner", disabled: false, signed_in_at: now(), password: body.password, created_at: now() };
      this.people.push(person);
      return [201, this.enter(res, person)];
    }
    if (a === "session" && m === "POST") {
      const person = this.people.find((p) => p.login === body.login && p.password === body.password);
      if (!person) throw new Refusal(401, "bad_credentials", "Login or password is wrong.");
      return [200, this.enter(res, person)];
    }
    if (!session) throw new Refusal(401, "signed_out", "Sign in first.");
    if (m !== "GET" && req.headers["x-csrf-token"] !== session.csrf) throw new Refusal(403, "csrf", "The CSRF token is missing or wrong; reload the page.");
    if (a === "session") {
      if (m === "GET") return [200, this.sessionView(session)];
      for (const [token, s] of this.sessions) if (s === session) this.sessions.delete(token);
      return [204, null];
    }
    if (a === "accounts" && c === "health" && d === "history") return [200, page(data.healthHistory(found(this.accounts.find((x) => x.id === b), "account")), q)];
    if (a === "system") return [200, b === "performance" ? data.performance() : data.systemLoad(this.shedLevel)];
    if (a === "sheets") return this.sheets.handle(m, b, c, d, body, q);
    const handler = { accounts: this.accountRoutes, messages: this.messageRoutes, conversations: this.conversationRoutes, contacts: this.contactRoutes, groups: this.groupRoutes, search: this.searchRoutes, gallery: this.galleryRoutes, rules: this.ruleRoutes, "dead-letters": this.deadRoutes, webhooks: this.hookRoutes, "api-keys": this.keyRoutes, people: this.peopleRoutes, imports: this.importRoutes, insight: this.insightRoutes, pipeline: this.pipelineRoutes }[a];
    if (handler) return handler.call(this, m, b, c, body, q, req, res, d);
    if (a === "status") return [200, this.status()];
    throw new Refusal(404, "not_found", "There is no such route.");
  }

  status() {
    const accounts = {};
    for (const account of this.accounts) accounts[account.state] = (accounts[account.state] ?? 0) + 1;
    return { version: "0.1.0-mock", uptime_s: Math.floor((Date.now() - this.started) / 1000) + 187_000, accounts, queues: { outbox: 12, unfinished: 213 }, sim: true };
  }

  accountRoutes(m, b, c, body, q) {
    if (!b) {
      if (m === "GET") return [200, page(this.accounts.map(shownAccount), q)];
      if (!body.name?.trim()) throw new Refusal(422, "empty_name", "Give the account a name.", "name");
      if (body.phone && !/^\+?[\d -]{7,20}$/.test(body.phone)) throw new Refusal(422, "bad_phone", "This is no phone number; write it with its country code.", "phone");
      const account = { ...data.accounts().at(-1), id: id("acc"), name: body.name, phone: body.phone ?? null, created_at: now(), state_since: now() };
      this.accounts.push(account);
      this.histories.set(account.id, [{ from: null, to: "new", reason: data.reason("created"), at: now() }]);
      return [201, shownAccount(account)];
    }
    const account = found(this.accounts.find((x) => x.id === b), "account");
    if (!c && m === "GET") return [200, shownAccount(account)];
    if (!c && m === "PATCH") return [200, shownAccount(this.changeAccount(account, body))];
    if (c === "proxy" && m === "POST") return [200, this.checkProxy(account)];
    if (!c && m === "DELETE") {
      this.dropLink(account);
      this.accounts = this.accounts.filter((x) => x !== account);
      return [204, null];
    }
    if (c === "health") return [200, data.health(account)];
    if (c === "history") return [200, page(this.histories.get(b), q)];
    if (c === "gaps") return [200, data.gaps(account)];
    if (c === "link") {
      if (m === "POST") return [202, { ...view(this.startLink(account, body.method)), window: data.linkWindow(account) }];
      const link = this.links.get(b);
      if (m === "DELETE") {
        if (link) Object.assign(link, { status: "cancelled", live: false, qr: null, code: null });
        this.setState(account, account.phone ? "logged_out" : "new", "link_cancelled");
        return [204, null];
      }
      const window = account.state === "disabled" ? null : data.linkWindow(account);
      return [200, { ...view(link ?? { status: "idle", method: null, qr: null, qr_expires_at: null, code: null, window_ends_at: null, regeneration: 0, regenerations_max: 3, message: null }), window }];
    }
    if (c === "sending") return [200, data.sending(account)];
    if (c === "device") return [200, data.device(account, data.liveness(account))];
    if (c === "stats") return [200, data.stats(account, Number(q.get("hours") ?? 24))];
    if (c === "recover" && ["online", "degraded"].includes(account.state)) return [200, shownAccount(account)];
    if (c === "pause") this.setState(account, "disabled", "requested");
    else if (c === "unlink") this.setState(account, "logged_out", "requested");
    else if (["resume", "reconnect", "recover", "restore"].includes(c)) {
      this.setState(account, "connecting", "requested");
      this.after(500, () => this.setState(account, "online", "connected"));
    } else throw new Refusal(404, "not_found", "There is no such route.");
    return [202, shownAccount(account)];
  }

  changeAccount(account, { proxy, ...body }) {
    Object.assign(account, body);
    if (proxy === undefined) return account;
    if (proxy !== null && !/^(http|socks5):\/\/\S+:\d+$/.test(proxy)) throw new Refusal(422, "bad_proxy", "The proxy's address does not begin with http:// or socks5://.", "proxy");
    // The password is forgotten here and only sealed there; neither shows it again.
    account.proxy = proxy?.replace(/(:\/\/[^:@]*):[^@]*@/, "$1:***@") ?? null;
    account.proxy_state = proxy ? data.proxyState("works") : null;
    if (account.phone && account.state !== "logged_out") {
      this.setState(account, "connecting", "requested");
      this.after(500, () => this.setState(account, "online", "connected"));
    }
    return account;
  }
  checkProxy(account) {
    if (!account.proxy) throw new Refusal(409, "no_proxy", "This account has no proxy.");
    if (account.recovery?.reason.code === "proxy_refused") return { works: false, took_ms: 41, code: "proxy_refused", error: account.recovery.reason.text };
    return { works: true, took_ms: 87, code: null, error: null };
  }
  importRoutes(m, b, c, body) {
    const { creds, ...keys } = Object.fromEntries(Object.entries(body.parts).map(([name, part]) => [name.replace(/\.json$/, ""), part]));
    if (!creds?.me?.id) throw new Refusal(422, "unreadable_session", "Nothing was imported, because this cannot be read: creds.json has no me.id.", "parts.creds.json");
    const device = data.imported(creds, keys, body.account);
    const known = this.accounts.find((a) => a.phone === device.phone);
    if (known) Object.assign(device, { account: known.id, account_name: known.name });
    if (known && known.state !== "logged_out") device.refused = `${known.name} is linked already; unlink it first.`;
    if (body.dry_run) return [200, { imported: false, devices: [device] }];
    if (device.refused) throw new Refusal(409, "conflict", device.refused);
    const account = known ?? { ...data.accounts().at(-1), id: id("acc"), name: device.account_name, phone: device.phone, created_at: now() };
    if (!known) {
      this.accounts.push(account);
      this.histories.set(account.id, []);
    }
    this.setState(account, "connecting", "linked");
    this.after(500, () => this.setState(account, "online", "connected"));
    return [200, { imported: true, devices: [{ ...device, account: account.id }] }];
  }
  pipelineRoutes(m, b, c, body) {
    this.pipeline ??= data.pipeline();
    if (m !== "PATCH") return [200, this.pipeline];
    for (const stage of this.pipeline.stages) {
      stage.switch = body.stages?.[stage.name] ?? stage.switch;
      for (const part of stage.parts) {
        const to = body.parts?.[part.name];
        if (to === "off" && !part.switchable) throw new Refusal(409, "conflict", `'${part.name}' always runs: without it messages would be lost, doubled or out of order`);
        if (to) part.off = to === "off";
        if (part.switchable) part.standing = stage.switch === "off" ? "stage_off" : part.off ? "part_off" : "on";
      }
    }
    for (const extra of ["own", "history", "stage_events"]) this.pipeline[extra] = body[extra] ?? this.pipeline[extra];
    return [200, structuredClone(this.pipeline)];
  }
  insightRoutes(m, b, c, body) {
    this.sets ??= data.insightSets();
    this.trained ??= { state: "done", at: now(), took_ms: 812, error: null };
    if (b === "training") return [m === "POST" ? 202 : 200, this.trained];
    if (b === "sets") {
      const bare = ({ content: _, ...set }) => set;
      if (!c) return [200, page(this.sets.map(bare), new URLSearchParams())];
      const set = found(this.sets.find((x) => x.name === c), "set");
      if (m === "PUT") {
        if (body.content.includes("\t")) throw new Refusal(422, "invalid", "the places could not be read: a tab is no indentation", "content");
        Object.assign(set, { content: body.content, edited: true, changed_at: now(), bytes: body.content.length });
      }
      if (m === "DELETE") Object.assign(set, data.insightSets().find((x) => x.name === c));
      if (m !== "GET") this.trained = { state: "done", at: now(), took_ms: 790, error: null };
      return m === "DELETE" ? [204, null] : [200, structuredClone(set)];
    }
    if (!body.text?.trim()) throw new Refusal(422, "empty_text", "Write a message.", "text");
    return [200, data.analysis(body.text)];
  }

  messageRoutes(m, b, c, body, q, req, res, d) {
    if (!b && m === "POST") {
      const key = req.headers["idempotency-key"];
      const known = key && this.idempotent.get(key);
      if (known) return [202, known];
      const message = this.send(body);
      if (key) this.idempotent.set(key, message);
      return [202, message];
    }
    const message = found(this.messages.find((x) => x.id === b), "message");
    if (c === "cancel") return [200, Object.assign(message, { state: "failed", waiting: null, failure: { code: "cancelled", text: "Cancelled before it went out." } })];
    if (c === "explain") return [200, data.explanation(message)];
    if (c === "release") return [200, Object.assign(message, { state: "server", waiting: null })];
    if (c === "media" && d === "reading") return [200, this.reading(message)];
    if (c === "media") {
      const blob = this.blobs.get(message.content.blob);
      const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="640" height="420"><defs><linearGradient id="g" x2="0" y2="1"><stop stop-color="#f2c48d"/><stop offset="1" stop-color="#3f7f8c"/></linearGradient></defs><rect width="640" height="420" fill="url(#g)"/><path d="M0 330 120 250l90 60 130-120 120 110 80-50 100 80v90H0z" fill="#1f4650"/><circle cx="470" cy="110" r="44" fill="#fff3da"/></svg>`;
      res.writeHead(200, { "Content-Type": blob?.mime ?? "image/svg+xml", "X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'" }).end(blob?.bytes ?? svg);
      return ["sent"];
    }
    return [200, message];
  }
  async storeBlob(req, q) {
    if (!this.personOf(req)) throw new Refusal(401, "signed_out", "Sign in first.");
    const bytes = await readBytes(req);
    const blob = { id: id("blb"), bytes, mime: req.headers["content-type"], name: q.get("file_name") };
    this.blobs.set(blob.id, blob);
    return { id: blob.id, bytes: bytes.length, sha256: "0".repeat(64), mime: blob.mime };
  }

  conversationRoutes(m, b, c, body, q) {
    if (!b) {
      const search = (q.get("search") ?? "").toLowerCase();
      const list = this.conversations
        .map((talk) => this.conversation(talk))
        .filter((t) => !q.get("account") || t.account === q.get("account"))
        .filter((t) => q.get("unread") !== "true" || t.unread > 0)
        .filter((t) => !search || `${t.title} ${t.address}`.toLowerCase().includes(search) || this.messages.some((x) => x.conversation === t.id && this.preview(x).toLowerCase().includes(search)))
        .sort((x, y) => (y.last_message?.at ?? "").localeCompare(x.last_message?.at ?? ""));
      return [200, page(list, q)];
    }
    const talk = found(this.conversations.find((x) => x.id === b), "conversation");
    if (c === "threads") return [200, page(data.threads(this.messages.filter((x) => x.conversation === b)), q)];
    if (c === "messages") return [200, page(this.messages.filter((x) => x.conversation === b).reverse(), q)];
    if (c === "read") {
      talk.unread = 0;
      this.emit("conversation.read", talk.account, talk.id, { conversation: talk.id });
      return [204, null];
    }
    if (c === "typing") return [204, null];
    return [200, this.conversation(talk)];
  }

  contactRoutes(m, b, c, body, q) {
    const bare = ({ aliases: _, ...contact }) => contact;
    if (b === "merges") {
      if (!c) return [200, page(this.merges, q)];
      return [200, Object.assign(found(this.merges.find((x) => x.id === c), "merge"), { undone_at: now() })];
    }
    if (!b) {
      const search = (q.get("search") ?? "").toLowerCase();
      return [200, page(this.contacts.filter((x) => !x.merged_into && `${x.title} ${x.push_name} ${x.phone}`.toLowerCase().includes(search)).map(bare), q)];
    }
    const contact = found(this.contacts.find((x) => x.id === b), "contact");
    if (m === "PATCH") Object.assign(contact, { name: body.name, title: body.name ?? contact.push_name ?? contact.phone, updated_at: now() });
    return [200, contact];
  }
  groupRoutes(m, b, c, body, q) {
    const bare = ({ members: _, ...group }) => ({ ...group, member_count: this.groups.find((g) => g.id === group.id).members.length });
    if (!b && m === "GET") return [200, page(this.groups.filter((g) => g.account === q.get("account")).map(bare), q)];
    if (!b) {
      if (!body.members?.length) throw new Refusal(422, "no_members", "A group needs at least one other person", "members");
      const address = `1203630${String(Date.now()).slice(-8)}@g.us`;
      const group = { id: `${body.account}:${address}`, account: body.account, address, subject: body.subject, description: null, joined: true, conversation: null, updated_at: now(), members: body.members.map((one) => ({ address: one, role: "member", contact: null, name: null })) };
      this.groups.push(group);
      return [201, { ...bare(group), members: group.members }];
    }
    const group = found(this.groups.find((g) => g.id === decodeURIComponent(b)), "group");
    if (c === "members") {
      group.members = group.members.filter((one) => !body.remove?.includes(one.address));
      for (const address of body.add ?? []) group.members.push({ address, role: "member", contact: null, name: null });
    }
    return [200, { ...bare(group), members: group.members }];
  }
  searchRoutes(m, b, c, body, q) {
    const words = q.get("q").toLowerCase().split(/\s+/).filter(Boolean);
    const fits = (x) => words.every((w) => this.preview(x).toLowerCase().includes(w));
    const items = this.messages.filter((x) => (!q.get("account") || x.account === q.get("account")) && !x.revoked_at && fits(x)).reverse();
    return [200, { ...page(items, q), complete: true }];
  }

  /** Messages with files, as the gallery lists them. */
  files() {
    const kinds = { image: "picture", sticker: "picture", document: "document", voice: "audio", audio: "audio" };
    return this.messages.filter((x) => x.direction === "in" && x.media?.state === "stored" && kinds[x.content.media ?? x.kind] && !x.revoked_at)
      .map((x) => ({ message: x, kind: kinds[x.content.media ?? x.kind], ...data.fileTexts[x.content.file_name ?? x.kind] }));
  }
  galleryRoutes(m, b, c, body, q) {
    const words = (q.get("q") ?? "").toLowerCase().split(/\s+/).filter(Boolean);
    const fits = (x) => words.every((w) => `${x.text ?? ""} ${x.message.content.file_name ?? ""} ${this.preview(x.message)}`.toLowerCase().includes(w));
    const wanted = (x) => (!q.get("kind") || x.kind === q.get("kind")) && (!q.get("account") || x.message.account === q.get("account")) && fits(x);
    const items = this.files().filter(wanted).reverse().map((x) => ({
      message: x.message.id, account: x.message.account, conversation: x.message.conversation, sender_name: x.message.sender?.name ?? null,
      file_name: x.message.content.file_name ?? null, mime: x.message.content.mime ?? null, bytes: x.message.media.bytes, sent_at: x.message.sent_at,
      kind: x.kind, state: x.state ?? "done", text: x.text ?? "", size: x.size ?? null, has_thumbnail: x.kind === "picture", same_as: x.message.id, copies: x.copies ?? 1,
    }));
    return [200, page(items, q)];
  }
  reading(message) {
    const file = found(this.files().find((x) => x.message === message), "reading");
    return { message: message.id, state: file.state ?? "done", kind: file.kind, text: file.text ?? "", tables: file.tables ?? [], entities: [], language: "en", truncated: false, confidence: null, took_ms: 412, size: file.size ?? null, same_as: null, has_thumbnail: file.kind === "picture", error: file.error ?? null, at: message.sent_at };
  }

  ruleRoutes(m, b, c, body, q) {
    if (!b && m === "GET") return [200, page([...this.rules].sort((x, y) => x.position - y.position), q)];
    if (m === "POST" || m === "PUT") {
      if (!body.answer?.trim()) throw new Refusal(422, "empty_answer", "Write what the rule answers.", "answer");
    }
    if (!b) {
      const rule = { ...body, id: id("rul"), created_at: now() };
      this.rules.push(rule);
      return [201, rule];
    }
    const rule = found(this.rules.find((x) => x.id === b), "rule");
    if (m === "PUT") return [200, Object.assign(rule, body)];
    if (m === "DELETE") {
      this.rules = this.rules.filter((x) => x !== rule);
      return [204, null];
    }
    return [200, rule];
  }
  deadRoutes(m, b, c, body, q) {
    if (!b) return [200, page(this.dead.filter((d) => !q.get("state") || d.state === q.get("state")), q)];
    if (b === "replay") {
      for (const one of this.dead) if (body.ids.includes(one.id)) one.state = "retrying";
      return [202, { replayed: body.ids.length }];
    }
    const letter = found(this.dead.find((x) => x.id === b), "dead letter");
    if (c) letter.state = c === "archive" ? "archived" : "retrying";
    return [200, letter];
  }
  hookRoutes(m, b, c, body, q) {
    if (!b && m === "GET") return [200, page(this.hooks, q)];
    if (!b) {
      if (!/^https?:\/\/[^/]/.test(body.url ?? "")) throw new Refusal(422, "bad_url", "Write the whole address, starting with https://.", "url");
      const hook = { id: id("whk"), description: null, kinds: [], account: null, enabled: true, disabled_reason: null, created_at: now(), succeeded_at: null, failing_since: null, previous_secret_until: null, ...body };
      this.hooks.push(hook);
      return [201, { ...hook, secret: "whsec_bW9jayBzZWNyZXQsIG9ubHkgc2hvd24gb25jZQ==" }];
    }
    const hook = found(this.hooks.find((x) => x.id === b), "webhook");
    if (c === "deliveries") return [200, page(b === "whk_0crm" ? this.deliveries : [], q)];
    if (c === "blocked") return [200, page(b === "whk_0crm" ? data.blocked() : [], q)];
    if (c === "rotate-secret") return [200, { ...hook, secret: "whsec_YW5vdGhlciBtb2NrIHNlY3JldCwgcm90YXRlZCE=" }];
    if (c) return [202, {}];
    if (m === "DELETE") {
      this.hooks = this.hooks.filter((x) => x !== hook);
      return [204, null];
    }
    if (m === "PATCH") Object.assign(hook, body, "enabled" in body ? { disabled_reason: body.enabled ? null : "person" } : {});
    return [200, hook];
  }
  keyRoutes(m, b, c, body, q) {
    if (m === "GET") return [200, page(this.keys, q)];
    if (m === "DELETE") {
      this.keys = this.keys.filter((x) => x.id !== b);
      return [204, null];
    }
    if (!body.scopes?.length) throw new Refusal(422, "no_scopes", "Choose at least one scope.", "scopes");
    const key = { id: id("key"), name: body.name, scopes: body.scopes, created_at: now(), expires_at: body.expires_at ?? null, last_used_at: null };
    this.keys.push(key);
    return [201, { ...key, key: `wpk_${key.id.slice(5)}_mockmockmockmockmockmockmockmock` }];
  }
  peopleRoutes(m, b, c, body, q) {
    const shown = ({ password: _, ...person }) => person;
    if (m === "GET") return [200, page(this.people.map(shown), q)];
    if (b === "me") return [204, null];
    if (b) return [200, shown(Object.assign(found(this.people.find((p) => p.id === b), "person"), body))];
    const person = { id: id("per"), disabled: false, signed_in_at: null, created_at: now(), ...body };
    this.people.push(person);
    return [201, shown(person)];
  }
}

function view({ live: _, ...link }) {
  return link;
}
function page(items, q) {
  const limit = Math.min(200, Number(q.get("limit") ?? 50));
  const from = Number(q.get("cursor") ?? 0);
  return { items: items.slice(from, from + limit), next: from + limit < items.length ? String(from + limit) : null };
}
async function readBytes(req) {
  const parts = [];
  for await (const part of req) parts.push(part);
  return Buffer.concat(parts);
}
async function readJson(req) {
  const text = (await readBytes(req)).toString();
  if (!text) return {};
  try {
    return JSON.parse(text);
  } catch {
    throw new Refusal(400, "bad_json", "The body is no JSON.");
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const option = (name, otherwise) => {
    const at = process.argv.indexOf(`--${name}`);
    return at < 0 ? otherwise : process.argv[at + 1];
  };
  const mock = new Mock({ fresh: process.argv.includes("--fresh"), windowMs: Number(option("link-window", 120)) * 1000 });
  const url = await mock.listen(Number(option("port", 8080)));
  console.log(`Mock of Waypost on ${url}; sign in as "owner" with "correct horse battery", or set up with "${mock.setupToken}" when --fresh.`);
}
