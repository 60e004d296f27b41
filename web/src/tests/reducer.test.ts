import { describe, expect, it } from "vitest";
import type { Account, LiveEvent } from "../lib/api/types.ts";
import { changesFor, mergeMessages, patchAccount, patchState, typingKey } from "../lib/live/reducer.ts";

function event(kind: string, more: Partial<LiveEvent> = {}): LiveEvent {
  return { id: "evt_01", kind, version: 1, account: "acc_01", conversation: "cnv_01", at: "2026-11-21T09:00:00.000Z", data: {}, ...more };
}

const ACCOUNT: Account = {
  id: "acc_01",
  name: "Sales",
  phone: "+971505760056",
  lid: null,
  role: "primary",
  priority: 999,
  state: "online",
  reason: { code: "connected", text: "Connected to WhatsApp." },
  state_since: "2026-11-21T08:00:00.000Z",
  next_attempt_at: null,
  proxy: null,
  proxy_state: null,
  recovery: null,
  health: null,
  liveness: {
    decrypted_at: null,
    heard_at: null,
    next_check_at: null,
    phone_limit_at: null,
    phone_seen_at: null,
    probes_missing: 0,
    round_trips_missing: 0,
    served_at: null,
    unreadable_from: 0,
  },
  counts: { waiting_to_send: 0, unfinished: 0, missing: 0 },
  created_at: "2026-11-01T08:00:00.000Z",
};

describe("an account is kicked", () => {
  const kick = event("account.state", { data: { from: "online", to: "recovering", reason: { code: "connection_lost" }, text: "The connection closed; Waypost is reconnecting." } });

  it("shows the new state and its sentence from the event alone, before anything is fetched", () => {
    const [first] = changesFor(kick);
    expect(first).toEqual({
      do: "account",
      id: "acc_01",
      patch: { state: "recovering", state_since: kick.at, reason: { code: "connection_lost", text: "The connection closed; Waypost is reconnecting." } },
    });
    if (first?.do !== "account") throw new Error("no patch");
    expect(patchAccount(ACCOUNT, first.patch)).toMatchObject({ state: "recovering", name: "Sales" });
  });

  it("then fetches the account, its history and its link", () => {
    expect(changesFor(kick).slice(1)).toEqual(["account", "history", "link"].map((what) => ({ do: "refresh", what, id: "acc_01" })));
  });

  it("does not go back in time when an older event comes late", () => {
    const known = { ...ACCOUNT, state_since: "2026-11-21T09:00:05.000Z" };
    expect(patchAccount(known, { state: "connecting", state_since: "2026-11-21T09:00:00.000Z" })).toBe(known);
  });

  it("fetches instead of guessing when the state is of a newer server", () => {
    const changes = changesFor(event("account.state", { data: { to: "hibernating" } }));
    expect(changes.some((c) => c.do === "account")).toBe(false);
    expect(changes).toContainEqual({ do: "refresh", what: "account", id: "acc_01" });
  });
});

describe("a message moves", () => {
  it("is fetched with its thread when it is new", () => {
    expect(changesFor(event("message.received", { data: { message: "msg_07" } }))).toEqual([
      { do: "refresh", what: "thread", id: "cnv_01" },
      { do: "refresh", what: "conversations", id: "cnv_01" },
    ]);
  });

  it("gets its ticks from the event", () => {
    expect(changesFor(event("message.state", { data: { message: "msg_07", from: "server", state: "delivered" } }))[0]).toEqual({
      do: "send_state",
      message: "msg_07",
      conversation: "cnv_01",
      state: "delivered",
    });
  });

  it("never loses a tick to a receipt that comes late", () => {
    const read = { id: "msg_07", state: "read" as const };
    expect(patchState(read, "delivered")).toBe(read);
    expect(patchState({ state: "server" as const }, "read").state).toBe("read");
  });

  it("stays failed once it failed", () => {
    expect(patchState({ state: "failed" as const }, "delivered").state).toBe("failed");
    expect(patchState({ state: "accepted" as const }, "failed").state).toBe("failed");
  });

  it("is fetched again when it was edited, deleted or reacted to", () => {
    expect(changesFor(event("message.changed", { data: { message: "msg_07", change: "reaction" } }))).toContainEqual({ do: "refresh", what: "message", id: "msg_07" });
  });
});

describe("other events", () => {
  it("ignores kinds it does not know", () => {
    expect(changesFor(event("deal.closed"))).toEqual([]);
    expect(changesFor(event("account.state", { account: null }))).toEqual([]);
  });

  it("starts over after a restore", () => {
    expect(changesFor(event("store.restored", { account: null, conversation: null }))).toEqual([{ do: "resync" }]);
  });

  it("knows who types by conversation, or by account and address", () => {
    expect(changesFor(event("conversation.typing", { data: { active: true } }))).toEqual([{ do: "typing", key: "cnv_01", active: true }]);
    const change = changesFor(event("conversation.typing", { conversation: null, data: { active: false, chat: "971501234567@s.whatsapp.net" } }));
    expect(change).toEqual([{ do: "typing", key: typingKey("acc_01", "+971501234567"), active: false }]);
  });
});

describe("merging messages", () => {
  const message = (id: string, sent_at: string, seq: number | null, state: string | null = null) => ({ id, sent_at, seq, state });

  it("keeps each once, in the order they were sent, with the server's newest word", () => {
    const known = [message("a", "2026-11-21T09:00:00Z", 1), message("c", "2026-11-21T09:02:00Z", 3, "accepted")];
    const news = [message("c", "2026-11-21T09:02:00Z", 3, "server"), message("b", "2026-11-21T09:01:00Z", 2)];
    const merged = mergeMessages(known, news);
    expect(merged.map((m) => m.id)).toEqual(["a", "b", "c"]);
    expect(merged[2]?.state).toBe("server");
  });

  it("orders messages of the same moment by their sequence", () => {
    const at = "2026-11-21T09:00:00Z";
    expect(mergeMessages([message("y", at, 5)], [message("x", at, 4)]).map((m) => m.id)).toEqual(["x", "y"]);
  });
});
