import type { Account, AccountState, LiveEvent, Reason, SendState } from "../api/types.ts";
import { laterState } from "../format/states.ts";

// What an event means for the screen. Pure: an event goes in, changes come out. What the event
// itself says is applied at once; what it does not say is fetched again.

export type Resource =
  | "account"
  | "history"
  | "gaps"
  | "link"
  | "conversations"
  | "message"
  | "thread"
  | "typing"
  | "dead_letters"
  | "webhooks"
  | "contacts"
  | "health"
  | "load";

export type Change =
  | { do: "account"; id: string; patch: Partial<Account> }
  | { do: "send_state"; message: string; conversation: string | null; state: SendState }
  | { do: "typing"; key: string; active: boolean }
  | { do: "resync" }
  | { do: "refresh"; what: Resource; id: string | null };

const ACCOUNT_STATES = new Set<string>([
  "new",
  "linking",
  "connecting",
  "online",
  "degraded",
  "recovering",
  "needs_attention",
  "logged_out",
  "banned",
  "disabled",
]);
const SEND_STATES = new Set<string>(["accepted", "server", "delivered", "read", "failed", "held"]);

/** Events about a message that a thread cannot know yet. */
const NEW_MESSAGE = new Set(["message.received", "message.accepted", "message.repaired"]);

type Data = Record<string, unknown>;

function string(data: Data, ...names: string[]): string | null {
  for (const name of names) {
    const value = data[name];
    if (typeof value === "string" && value !== "") return value;
  }
  return null;
}

/** The message an event is about: named by id, or given whole. */
export function messageId(data: Data): string | null {
  const whole = data.message;
  if (typeof whole === "object" && whole !== null) return string(whole as Data, "id");
  return string(data, "message", "message_id", "id");
}

function refresh(what: Resource, id: string | null): Change {
  return { do: "refresh", what, id };
}

function accountState(event: LiveEvent, data: Data): Change[] {
  const id = event.account;
  if (!id) return [];
  const changes: Change[] = [];
  const state = string(data, "to", "state");
  if (state && ACCOUNT_STATES.has(state)) {
    const patch: Partial<Account> = { state: state as AccountState, state_since: event.at };
    const reason = data.reason;
    if (typeof reason === "object" && reason !== null) {
      const text = string(data, "text");
      patch.reason = { ...(reason as Reason), ...(text ? { text } : {}) };
    }
    changes.push({ do: "account", id, patch });
  }
  changes.push(refresh("account", id), refresh("history", id), refresh("link", id));
  return changes;
}

function messageChanges(event: LiveEvent, data: Data): Change[] {
  const id = messageId(data);
  const changes: Change[] = [];
  const state = string(data, "state");
  if (id && event.kind === "message.state" && state && SEND_STATES.has(state)) {
    changes.push({ do: "send_state", message: id, conversation: event.conversation, state: state as SendState });
  }
  if (!id || NEW_MESSAGE.has(event.kind)) changes.push(refresh("thread", event.conversation));
  else changes.push(refresh("message", id));
  if (event.kind !== "message.processed") changes.push(refresh("conversations", event.conversation));
  return changes;
}

/** The changes one event asks for; kinds of a newer server are ignored. */
export function changesFor(event: LiveEvent): Change[] {
  const data = event.data ?? {};
  switch (event.kind) {
    case "account.state":
      return accountState(event, data);
    case "account.proxy":
    case "account.recovery":
      return [refresh("account", event.account)];
    case "gap.found":
    case "gap.filled":
      // What came after all belongs into threads that are open, at its place.
      return [refresh("gaps", event.account), refresh("account", event.account), refresh("thread", null)];
    case "account.health":
      return [refresh("account", event.account), refresh("health", event.account)];
    case "system.load":
      return [refresh("load", null)];
    case "account.deleted":
      return [refresh("account", event.account ?? string(data, "account"))];
    case "store.restored":
      return [{ do: "resync" }];
    case "conversation.read":
      return [refresh("conversations", event.conversation)];
    case "link.code":
      return [refresh("link", event.account)];
    case "media.read":
    case "media.state": {
      const id = messageId(data);
      return [id ? refresh("message", id) : refresh("thread", event.conversation)];
    }
    case "dead_letter.added":
      return [refresh("dead_letters", null)];
    case "endpoint.disabled":
      return [refresh("webhooks", null)];
    case "contact.merged":
      return [refresh("contacts", null), refresh("conversations", null)];
    case "conversation.typing": {
      const key = event.conversation ?? typingKey(event.account, string(data, "chat"));
      return key ? [{ do: "typing", key, active: data.active === true }] : [];
    }
    default:
      return event.kind.startsWith("message.") ? messageChanges(event, data) : [];
  }
}

/** How typing is remembered when the event names an address instead of a conversation. */
export function typingKey(account: string | null, address: string | null): string | null {
  const bare = address?.replace(/^[a-z]+:/, "").replace(/[:@].*$/, "").replace(/^\+/, "");
  return account && bare ? `${account} ${bare}` : null;
}

/** An account with a patch; an older change never overwrites a newer one. */
export function patchAccount(known: Account, patch: Partial<Account>): Account {
  if (patch.state_since && Date.parse(patch.state_since) < Date.parse(known.state_since)) return known;
  return { ...known, ...patch };
}

/** A send's state only moves forward. */
export function patchState<M extends { state: SendState | null }>(message: M, state: SendState): M {
  const later = laterState(message.state, state);
  return later === message.state ? message : { ...message, state: later };
}

/** Newest last, each message once; what the server says now replaces what was known. */
export function mergeMessages<M extends { id: string; sent_at: string; seq: number | null }>(known: M[], news: M[]): M[] {
  const byId = new Map(known.map((m) => [m.id, m]));
  for (const message of news) byId.set(message.id, message);
  return Array.from(byId.values()).sort(
    (a, b) => Date.parse(a.sent_at) - Date.parse(b.sent_at) || (a.seq ?? Number.MAX_SAFE_INTEGER) - (b.seq ?? Number.MAX_SAFE_INTEGER),
  );
}
