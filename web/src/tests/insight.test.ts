import { describe, expect, it } from "vitest";
import type { Entity, LinkWindow, ProxyState } from "../lib/api/types.ts";
import { languageName, marked } from "../lib/format/insight.ts";
import { proxyAddress, proxyForm, proxyLine, proxyTone } from "../lib/format/proxy.ts";
import { windowWhy } from "../lib/format/window.ts";
import { importRequest, PickError, sessionsIn, stillWarm, type PickedFile } from "../lib/imports.ts";
import { routeFor } from "../lib/state/router.svelte.ts";

const entity = (start: number, end: number, kind = "money"): Entity => ({ kind, start, end, text: "", value: "", confidence: 1, source: "rule" });
const pieces = (text: string, ...entities: Entity[]) => marked(text, entities).map((p) => (p.entity ? `[${p.text}]` : p.text));

describe("a message's values", () => {
  it("are marked by code points, so that emoji before them move nothing", () => {
    expect(pieces("🏠🔑 85k now", entity(3, 6))).toEqual(["🏠🔑 ", "[85k]", " now"]);
    expect(pieces("٨٥ ألف", entity(0, 6))).toEqual(["[٨٥ ألف]"]);
  });
  it("never lose or repeat text, also when they overlap or lie outside", () => {
    expect(pieces("abcdef", entity(2, 4), entity(1, 5), entity(5, 99), entity(3, 3)).join("")).toBe("a[bcde][f]");
    expect(pieces("abc")).toEqual(["abc"]);
  });
  it("come with a language by its name", () => {
    expect([languageName("ar"), languageName("mixed"), languageName("und"), languageName("not a code")]).toEqual(["Arabic", "English and Arabic mixed", "Not recognised", "not a code"]);
  });
});

describe("a proxy's address", () => {
  it("keeps odd characters, and IPv6 in brackets", () => {
    expect(proxyAddress({ kind: "socks5", host: " proxy.example.com ", port: "1080", user: "a@b", password: "p:/%" })).toBe("socks5://a%40b:p%3A%2F%25@proxy.example.com:1080");
    expect(proxyAddress({ kind: "http", host: "::1", port: "3128", user: "", password: "" })).toBe("http://[::1]:3128");
  });
  it("as shown gives back all but the password", () => {
    expect(proxyForm("socks5://a%40b:***@[::1]:1080")).toEqual({ kind: "socks5", host: "::1", port: "1080", user: "a@b", password: "" });
    expect(proxyForm("http://proxy.example.com:3128")).toMatchObject({ kind: "http", host: "proxy.example.com", user: "" });
    expect(proxyForm(null).host).toBe("");
  });
});

describe("what is known of a proxy", () => {
  const now = Date.parse("2026-11-21T09:10:00.000Z");
  const known = (more: Partial<ProxyState>): ProxyState => ({ state: "unknown", reason: null, checked_at: null, failing_since: null, next_check_at: null, ...more });
  const reason = { code: "proxy_unreachable", text: "This proxy gives no way." };
  it("is said in a sentence, with how long and what next", () => {
    expect(proxyLine(null, now)).toBeNull();
    expect(proxyLine(known({}), now)).toBeNull();
    expect(proxyLine(known({ state: "works", checked_at: "2026-11-21T09:05:00.000Z" }), now)).toBe("It gave a way to WhatsApp 5 min ago.");
    expect(proxyLine(known({ state: "doubtful", reason, next_check_at: "2026-11-21T09:10:30.000Z" }), now)).toBe("It failed once: This proxy gives no way. It is tried again in 0:30.");
    expect(proxyLine(known({ state: "failing", reason, failing_since: "2026-11-21T08:08:00.000Z" }), now)).toBe("No new connection for 1 h. This proxy gives no way.");
  });
  it("has a colour", () => {
    expect((["works", "doubtful", "failing", "unknown"] as const).map((state) => proxyTone(known({ state })))).toEqual(["good", "warn", "bad", "idle"]);
  });
});

describe("a link window", () => {
  const window = (more: Partial<LinkWindow>) => ({ seconds: 120, strategy: "survival", basis: "base", confidence: 0, samples: 0, median_s: null, p95_s: null, flags: [], needs_new_refs: false, ...more }) as LinkWindow;
  it("says what its length rests on", () => {
    expect(windowWhy(window({ basis: "own", samples: 1 }))).toBe("Learned from 1 scan of this number in the last 30 days.");
    expect(windowWhy(window({ strategy: "fixed", basis: "own" }))).toMatch(/^Fixed/);
    expect(windowWhy(window({}))).toMatch(/^The default/);
    expect(windowWhy(window({ basis: "others" }))).toMatch(/other numbers/);
  });
});

describe("a picked session", () => {
  const file = (path: string, text = "{}", lastModified = 0): PickedFile => ({ name: path.split("/").at(-1)!, webkitRelativePath: path.includes("/") ? path : "", size: text.length, lastModified, text: async () => text });
  it("is each folder with creds.json; what is no JSON stays where it is", () => {
    const found = sessionsIn([file("noweb/a/creds.json"), file("noweb/a/session-1.json"), file("noweb/b/creds.json"), file("noweb/b/log.txt"), file("noweb/other.json")]);
    expect(found.map((s) => [s.folder, s.files.length])).toEqual([["noweb/a", 2], ["noweb/b", 1]]);
  });
  it("is a single file alone, as older Baileys kept it, and not one of many", () => {
    expect(sessionsIn([file("auth_info.json")])).toHaveLength(1);
    expect(() => sessionsIn([file("x/a.json"), file("x/b.json")])).toThrow(PickError);
    expect(() => sessionsIn([])).toThrow(PickError);
  });
  it("is sent as it was written, big numbers included", async () => {
    const [session] = sessionsIn([file("s/creds.json", '{"id": 12345678901234567890}'), file('s/odd"name.json', "[1]")]);
    const text = await (await importRequest(session!, { account: "Shop", dryRun: true })).text();
    expect(text).toBe('{"format":"baileys","account":"Shop","dry_run":true,"parts":{"creds.json":{"id": 12345678901234567890},"odd\\"name.json":[1]}}');
    const [broken] = sessionsIn([file("s/creds.json", '{"cut":')]);
    await expect(importRequest(broken!, { account: null, dryRun: true })).rejects.toThrow("creds.json is not JSON");
  });
  it("is warm while its client may still write it", () => {
    const [session] = sessionsIn([file("s/creds.json", "{}", 1_000)]);
    expect([stillWarm(session!, 60_999), stillWarm(session!, 61_001)]).toEqual([true, false]);
  });
  it("has a page of its own", () => {
    expect([routeFor("/move-in").name, routeFor("/understand").name, routeFor("/move-in/x").name]).toEqual(["move_in", "understand", "missing"]);
  });
});
