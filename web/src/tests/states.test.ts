import { describe, expect, it } from "vitest";
import type { Account, AccountState } from "../lib/api/types.ts";
import { accountLook, actionsFor, byUrgency, headActions, mainAction, sendLook, totals, words } from "../lib/format/states.ts";
import { describeConditions, draftOf, emptyForm, formOf } from "../lib/rules.ts";
import { routeFor } from "../lib/state/router.svelte.ts";
import { problemFrom, sentence } from "../lib/api/problem.ts";

const account = (name: string, state: AccountState, priority = 999) => ({ id: name, name, state, priority, counts: { waiting_to_send: 2, unfinished: 0 } }) as Account;
const STATES: AccountState[] = ["new", "linking", "connecting", "online", "degraded", "recovering", "needs_attention", "logged_out", "banned", "disabled"];

describe("account states", () => {
  it("each have words, an icon and a tone, so that colour is never alone", () => {
    const labels = STATES.map((s) => accountLook(s).label);
    expect(new Set(labels).size).toBe(STATES.length);
    for (const state of STATES) expect(accountLook(state).icon).toBeTruthy();
  });

  it("of a newer server are shown by their name", () => {
    expect(accountLook("being_moved").label).toBe("Being moved");
    expect(words("")).toBe("Unknown");
  });

  it("offer what can be done, and always a way to delete", () => {
    for (const state of STATES) expect(actionsFor(state)).toContain("delete");
    expect(mainAction("logged_out")).toBe("relink");
    expect(mainAction("disabled")).toBe("resume");
    expect(mainAction("online")).toBeNull();
    expect(mainAction("degraded", "restricted")).toBeNull();
    expect(mainAction("degraded", "keepalive_timeout")).toBe("recover");
    expect(actionsFor("logged_out")).not.toContain("pause");
    expect(headActions("recovering")).toEqual(["recover", "pause", "relink"]);
    expect(headActions("online")).toEqual(["reconnect", "pause", "relink"]);
    for (const state of STATES) expect(actionsFor(state)).toEqual(expect.arrayContaining(headActions(state)));
  });

  it("sort what needs a person to the top", () => {
    const list = [account("b", "online"), account("c", "logged_out"), account("a", "online"), account("d", "online", 1)];
    expect(list.sort(byUrgency).map((a) => a.name)).toEqual(["c", "d", "a", "b"]);
  });

  it("add up to the number of accounts", () => {
    const sum = totals(STATES.map((s) => account(s, s)));
    expect(sum).toEqual({ all: 10, online: 1, busy: 4, attention: 4, paused: 1, waiting: 20 });
    expect(sum.online + sum.busy + sum.attention + sum.paused).toBe(sum.all);
  });

  it("tell a stored send from one that WhatsApp accepted", () => {
    expect(sendLook("accepted").label).not.toBe(sendLook("server").label);
    expect(sendLook("accepted").icon).not.toBe(sendLook("server").icon);
  });
});

describe("a rule's form", () => {
  it("gives back the rule it was made from", () => {
    const rule = { id: "rul_1", name: "Hours", position: 20, matches: { on: "any_word" as const, words: ["open", "hours"] }, when: { intents: ["inquiry"], mentions: [], feeling: null, urgency: "high" as const, files: "read" as const }, scope: "direct" as const, account: null, answer: "Nine to six", max_age: 600_000, enabled: true, created_at: "2026-11-21T09:00:00Z" };
    const { id: _, created_at: __, ...draft } = rule;
    expect(draftOf(formOf(rule))).toEqual(draft);
    expect(emptyForm([rule]).position).toBe(30);
  });

  it("says what must be meant besides, and nothing when nothing must", () => {
    const none = { intents: [], mentions: [], feeling: null, urgency: null, files: "ignored" as const };
    expect(describeConditions(none)).toBe("");
    expect(describeConditions({ ...none, intents: ["viewing_request", "offer"], feeling: "negative" })).toBe(" and means viewing request or offer and feels negative");
    expect(describeConditions({ ...none, files: "read" })).toBe(", its file included");
    expect(draftOf({ ...emptyForm([]), intents: "Viewing request,, offer" }).when).toEqual({ ...none, intents: ["viewing_request", "offer"] });
  });

  it("takes words with commas of both scripts, without empty ones", () => {
    const form = { ...emptyForm([]), text: " hours,, متى، أين\nwhen " };
    expect(draftOf(form).matches).toEqual({ on: "any_word", words: ["hours", "متى", "أين", "when"] });
  });
});

describe("addresses", () => {
  it("lead to their screens", () => {
    expect(routeFor("/")).toEqual({ name: "overview" });
    expect(routeFor("/accounts/new")).toEqual({ name: "account_new" });
    expect(routeFor("/accounts/acc_01/link")).toEqual({ name: "link", id: "acc_01" });
    expect(routeFor("/accounts/acc_01")).toEqual({ name: "account", id: "acc_01", tab: "state" });
    expect(routeFor("/conversations/")).toEqual({ name: "conversations", id: null });
  });
  it("that are wrong say so instead of breaking", () => {
    for (const path of ["/nowhere", "/accounts/a/b/c/d", "/accounts/a/unknown"]) expect(routeFor(path)).toEqual({ name: "missing" });
    expect(routeFor("/accounts/%E0%A4%A")).toEqual({ name: "account", id: "%E0%A4%A", tab: "state" });
  });
});

describe("what the server refuses", () => {
  it("is told in the server's own sentence, with its field", () => {
    const problem = problemFrom(422, { detail: "This is no phone number.", code: "bad_phone", field: "phone" });
    expect(problem).toMatchObject({ message: "This is no phone number.", code: "bad_phone", field: "phone" });
  });
  it("is a sentence even when the answer is no problem document", () => {
    expect(problemFrom(404, null).message).toMatch(/no longer exists/);
    expect(problemFrom(502, "<html>").message).toMatch(/502/);
    expect(sentence("what?")).toMatch(/try again/);
  });
});
