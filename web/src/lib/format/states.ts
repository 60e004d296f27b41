import type { Account, AccountState, SendState } from "../api/types.ts";

export type Tone = "good" | "busy" | "warn" | "bad" | "idle" | "info";
export interface Look {
  label: string;
  tone: Tone;
  icon: string;
}

const ACCOUNT: Record<AccountState, Look> = {
  new: { label: "New", tone: "idle", icon: "spark" },
  linking: { label: "Linking", tone: "info", icon: "qr" },
  connecting: { label: "Connecting", tone: "busy", icon: "sync" },
  online: { label: "Online", tone: "good", icon: "check-circle" },
  degraded: { label: "Degraded", tone: "warn", icon: "alert" },
  recovering: { label: "Recovering", tone: "busy", icon: "sync" },
  needs_attention: { label: "Needs attention", tone: "bad", icon: "hand" },
  logged_out: { label: "Logged out", tone: "bad", icon: "unlink" },
  banned: { label: "Banned", tone: "bad", icon: "ban" },
  disabled: { label: "Paused", tone: "idle", icon: "pause" },
};

/** How an account's state looks; a state of a newer server is shown by its name. */
export function accountLook(state: string): Look {
  return ACCOUNT[state as AccountState] ?? { label: words(state), tone: "idle", icon: "dot" };
}

/** What can be done with an account in a state. */
export type AccountAction = "link" | "relink" | "pause" | "resume" | "recover" | "reconnect" | "restore" | "unlink" | "delete";

export function actionsFor(state: AccountState): AccountAction[] {
  switch (state) {
    case "new":
      return ["link", "delete"];
    case "linking":
      return ["link", "delete"];
    case "connecting":
    case "online":
      return ["reconnect", "pause", "relink", "recover", "restore", "unlink", "delete"];
    case "degraded":
    case "recovering":
      return ["recover", "pause", "relink", "reconnect", "restore", "unlink", "delete"];
    case "needs_attention":
      return ["relink", "reconnect", "pause", "recover", "restore", "unlink", "delete"];
    case "logged_out":
      return ["relink", "delete"];
    case "banned":
      return ["reconnect", "pause", "unlink", "delete"];
    case "disabled":
      return ["resume", "unlink", "delete"];
    default:
      return ["reconnect", "delete"];
  }
}

/** The actions that a page's head has room for: the others are in menus, cards and the palette. */
export function headActions(state: AccountState): AccountAction[] {
  return actionsFor(state)
    .filter((action) => !["restore", "unlink", "delete"].includes(action))
    .slice(0, 3);
}

/** Trouble that a new link would not end: what the reason says is done elsewhere, then connected again. */
const NOT_FOR_A_LINK = new Set([
  ...["connection_lost", "keepalive_timeout", "not_served", "unwell", "server_error", "offline_sync_interrupted", "unexpected", "restored"],
  ...["stream_replaced", "client_outdated", "blocked", "store_failed", "proxy_unreachable", "proxy_refused"],
]);

/** Trouble of a connection that works: nothing that is done here ends it. */
const NOT_OURS = new Set(["restricted", "phone_offline", "backpressure"]);

/** The one thing a row offers at once: nothing while all is well, or nothing here would help. */
export function mainAction(state: AccountState, reason?: string): AccountAction | null {
  if (state === "online" || state === "connecting") return null;
  if (state === "degraded" && reason && NOT_OURS.has(reason)) return null;
  if (state === "needs_attention" && reason && NOT_FOR_A_LINK.has(reason)) return "reconnect";
  return actionsFor(state)[0] ?? null;
}

const URGENCY: AccountState[] = [
  "banned",
  "logged_out",
  "needs_attention",
  "degraded",
  "recovering",
  "linking",
  "connecting",
  "new",
  "online",
  "disabled",
];

// Made once: with a thousand accounts a collator per comparison is what takes the time.
const NAMES = new Intl.Collator(undefined, { numeric: true });

/** What needs a person first, then by priority and name. */
export function byUrgency(a: Account, b: Account): number {
  const rank = (x: Account) => {
    const at = URGENCY.indexOf(x.state);
    return at < 0 ? URGENCY.length : at;
  };
  return rank(a) - rank(b) || a.priority - b.priority || NAMES.compare(a.name, b.name);
}

export interface Totals {
  all: number;
  online: number;
  busy: number;
  attention: number;
  paused: number;
  waiting: number;
}

/** The figures over the list. */
export function totals(accounts: Iterable<Account>): Totals {
  const sum: Totals = { all: 0, online: 0, busy: 0, attention: 0, paused: 0, waiting: 0 };
  for (const account of accounts) {
    sum.all += 1;
    sum.waiting += account.counts?.waiting_to_send ?? 0;
    const { tone } = accountLook(account.state);
    if (account.state === "online") sum.online += 1;
    else if (account.state === "disabled") sum.paused += 1;
    else if (tone === "bad" || tone === "warn") sum.attention += 1;
    else sum.busy += 1;
  }
  return sum;
}

const SEND: Record<SendState, Look> = {
  accepted: { label: "Stored, waiting for WhatsApp", tone: "idle", icon: "clock" },
  server: { label: "Accepted by WhatsApp", tone: "idle", icon: "tick" },
  delivered: { label: "Delivered", tone: "idle", icon: "ticks" },
  read: { label: "Read", tone: "info", icon: "ticks" },
  failed: { label: "Failed", tone: "bad", icon: "alert" },
  held: { label: "Held: nobody knows whether it went out", tone: "warn", icon: "pause" },
};

export function sendLook(state: string): Look {
  return SEND[state as SendState] ?? { label: words(state), tone: "idle", icon: "dot" };
}

const FORWARD: SendState[] = ["accepted", "server", "delivered", "read"];

/** The later of two states: a late receipt never moves a message back, and a failure stays. */
export function laterState(known: SendState | null, news: SendState): SendState {
  if (known === null || known === "held") return news;
  if (known === "failed") return known;
  if (news === "failed" || news === "held") return news;
  return FORWARD.indexOf(news) > FORWARD.indexOf(known) ? news : known;
}

const DEAD: Record<string, Look> = {
  pending: { label: "Pending", tone: "warn", icon: "clock" },
  retrying: { label: "Retrying", tone: "busy", icon: "sync" },
  resolved: { label: "Resolved", tone: "good", icon: "check-circle" },
  archived: { label: "Archived", tone: "idle", icon: "archive" },
  manual_review: { label: "Needs review", tone: "bad", icon: "hand" },
};

export function deadLook(state: string): Look {
  return DEAD[state] ?? { label: words(state), tone: "idle", icon: "dot" };
}

/** `needs_attention` → "Needs attention". */
export function words(code: string): string {
  const text = code.replaceAll(/[_.]/g, " ").trim();
  return text ? text[0]!.toUpperCase() + text.slice(1) : "Unknown";
}
