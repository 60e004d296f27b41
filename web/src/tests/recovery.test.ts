import { describe, expect, it } from "vitest";
import type { Account, Liveness, Recovery } from "../lib/api/types.ts";
import { breakerText, headline, nextStep, phoneSeen, proofs, RUNGS } from "../lib/format/recovery.ts";
import { mainAction } from "../lib/format/states.ts";

const NOW = Date.parse("2026-11-21T12:00:00Z");
const at = (seconds: number) => new Date(NOW + seconds * 1000).toISOString();
const DAY = 86_400;

const recovery = (more: Partial<Recovery> = {}): Recovery => ({
  rung: "reconnect", rung_number: 2, rung_text: "Connecting again with the same session.", doing: "waiting", at: at(34), then: "restore",
  reason: { code: "connection_lost", text: "The connection closed; Waypost is reconnecting." }, class: "network", since: at(-60), failures: 3,
  breaker: { state: "closed", errors: 0, until: null }, person_called: false, ...more,
});
const liveness = (more: Partial<Liveness> = {}): Liveness => ({
  heard_at: at(-12), served_at: at(-90), decrypted_at: null, probes_missing: 0, round_trips_missing: 0, unreadable_from: 0,
  phone_seen_at: at(-DAY), phone_limit_at: at(13 * DAY), next_check_at: at(18), ...more,
});
const account = (more: Partial<Account>) => ({ state: "online", reason: { code: "connected", text: "Connected to WhatsApp." }, recovery: null, liveness: liveness(), next_attempt_at: null, ...more }) as Account;

describe("an account in one sentence", () => {
  it("that is well says what proves it", () => {
    expect(headline(account({}), NOW)).toBe("All is well: WhatsApp was heard 12 s ago.");
  });
  it("that is being brought back says what is wrong and what happens when", () => {
    expect(headline(account({ state: "recovering", recovery: recovery() }), NOW)).toBe("The connection closed; Waypost is reconnecting. Next: reconnect in 0:34.");
  });
  it("that nobody told anything of shows its reason, and the next try if there is one", () => {
    expect(headline(account({ state: "connecting", liveness: liveness({ heard_at: null }) }), NOW)).toBe("Connected to WhatsApp.");
    expect(headline(account({ state: "banned", reason: { code: "temporary_ban", text: "Banned." }, next_attempt_at: at(7_500) }), NOW)).toBe("Banned. Next try in 2 h 05 min.");
  });
});

describe("the next step", () => {
  it("never promises a time that has passed", () => {
    expect(nextStep(recovery({ at: at(-2) }), NOW)).toBe("Next: reconnect, any moment now.");
  });
  it("says what comes when this fails, and what only a person can do", () => {
    expect(nextStep(recovery({ doing: "trying", at: null }), NOW)).toContain("if it fails, restore comes next");
    expect(nextStep(recovery({ rung: "probe", doing: "asking", at: at(9), then: "reconnect" }), NOW)).toContain("without an answer within 0:09, reconnect comes next");
    const offers = (["relink_qr", "relink_code", "person"] as const).map((rung) => nextStep(recovery({ rung, doing: "offered", at: null }), NOW));
    expect(new Set(offers).size).toBe(3);
  });
  it("has words for every rung of the ladder", () => {
    expect(RUNGS.map((r) => r.rung)).toEqual(["probe", "reconnect", "restore", "rebuild", "relink_qr", "relink_code", "person"]);
  });
});

describe("the breaker", () => {
  it("says when its trial comes", () => {
    expect(breakerText({ state: "open", errors: 5, until: at(300) }, NOW)).toBe("Open after 5 errors; one trial in 5:00");
    expect(breakerText({ state: "open", errors: 5, until: at(-1) }, NOW)).toBe("Open after 5 errors; one trial comes next");
    expect(breakerText({ state: "closed", errors: 1, until: null }, NOW)).toBe("Closed, 1 error counted");
  });
});

describe("proof of life", () => {
  const of = (id: string, more: Partial<Liveness>) => proofs(liveness(more), NOW).find((p) => p.id === id);
  it("is judged by what is missing, not by silence", () => {
    expect(of("heard", { heard_at: at(-500) })?.tone).toBe("good");
    expect(of("probe", { probes_missing: 1 })).toMatchObject({ tone: "warn", value: "no answer", trouble: "1 keep-alive in a row not answered" });
    expect(of("probe", { probes_missing: 2 })?.tone).toBe("bad");
    expect(of("served", { round_trips_missing: 2 })?.trouble).toBe("2 messages to the own phone not accepted");
    expect(of("decrypted", { unreadable_from: 3 })?.trouble).toBe("Messages of 3 or more people cannot be read");
    expect(of("decrypted", {})).toMatchObject({ tone: "idle", value: "none yet" });
  });
  it("warns of an absent phone from the eleventh day on, and not before", () => {
    const away = (days: number) => phoneSeen(liveness({ phone_seen_at: at(-days * DAY), phone_limit_at: at((14 - days) * DAY) }), NOW);
    expect(away(1)).toMatchObject({ tone: "good", text: "WhatsApp allows 13 d more without it." });
    expect(away(10.9)?.tone).toBe("good");
    expect(away(11)).toMatchObject({ tone: "warn", text: "Switch the phone on: WhatsApp unlinks this device in 3 d 0 h." });
    expect(away(15)?.tone).toBe("bad");
    expect(phoneSeen(liveness({ phone_seen_at: null }), NOW)).toBeNull();
  });
});

describe("what a person is offered first", () => {
  it("is a new link only where a link helps", () => {
    expect(mainAction("needs_attention", "session_invalid")).toBe("relink");
    expect(mainAction("needs_attention", "proxy_refused")).toBe("reconnect");
    expect(mainAction("needs_attention", "stream_replaced")).toBe("reconnect");
  });
});
