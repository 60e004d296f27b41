import type { Account, Liveness, Recovery, Rung } from "../api/types.ts";
import { words, type Tone } from "./states.ts";
import { ago, left, span } from "./time.ts";

// How an account is being brought back, and what proves that it lives, in words. Pure.

/** The seven rungs in their order, each with who climbs it. */
export const RUNGS: { rung: Rung; label: string; text: string; by: "waypost" | "person" }[] = [
  { rung: "probe", label: "Ask", text: "Ask the open connection whether it lives", by: "waypost" },
  { rung: "reconnect", label: "Reconnect", text: "A new connection for the same session", by: "waypost" },
  { rung: "restore", label: "Restore", text: "Read the session anew from the database", by: "waypost" },
  { rung: "rebuild", label: "Rebuild", text: "Drop and build anew all that is in memory", by: "waypost" },
  { rung: "relink_qr", label: "Relink by QR", text: "Link again by scanning a QR code", by: "person" },
  { rung: "relink_code", label: "Relink by code", text: "Link again by typing a pairing code", by: "person" },
  { rung: "person", label: "A person", text: "Only a person can put it right", by: "person" },
];

/** The rung's name; one of a newer server is shown by its own. */
export function rungLabel(rung: string): string {
  return RUNGS.find((r) => r.rung === rung)?.label ?? words(rung);
}

/** The rung's name within a sentence: "relink by QR". */
export function rungWords(rung: string): string {
  const label = rungLabel(rung);
  return label.charAt(0).toLowerCase() + label.slice(1);
}

/** What the current rung is doing, in two words. */
export const DOING: Record<Recovery["doing"], string> = {
  waiting: "Waiting",
  queued: "In the queue",
  trying: "Trying now",
  asking: "Asked, waiting",
  offered: "Up to you",
};

/** The kinds of trouble, as a person would call them. */
export const TROUBLE: Record<Recovery["class"], string> = {
  network: "Network",
  auth: "Sign-in",
  protocol: "Protocol",
  lock: "Used elsewhere",
  unknown: "Unknown",
};

function offered(rung: Rung): string {
  if (rung === "relink_qr") return "Next: somebody links it again by QR code; Waypost waits for that.";
  if (rung === "relink_code") return "Next: somebody types the pairing code on the phone; Waypost waits for that.";
  return "Next: this needs a person; nothing more is tried before.";
}

/** What happens next, as one sentence. */
export function nextStep(recovery: Recovery, now: number): string {
  const { rung, doing, at, then } = recovery;
  const ahead = at !== null && Date.parse(at) > now;
  switch (doing) {
    case "waiting":
      return ahead ? `Next: ${rungWords(rung)} in ${left(at, now)}.` : `Next: ${rungWords(rung)}, any moment now.`;
    case "queued":
      return "Next: it connects as soon as it is its turn among the other accounts.";
    case "trying":
      return `Waypost is on it now; if it fails, ${rungWords(then)} comes next.`;
    case "asking":
      return ahead
        ? `Waypost has asked the connection; without an answer within ${left(at, now)}, ${rungWords(then)} comes next.`
        : `Waypost has asked the connection; without an answer, ${rungWords(then)} comes next.`;
    case "offered":
      return offered(rung);
    default:
      return recovery.rung_text;
  }
}

/** What is wrong and what happens next; for an account that is well, what proves it. */
export function headline(account: Account, now: number): string {
  const { recovery, liveness } = account;
  if (recovery) return `${recovery.reason.text} ${nextStep(recovery, now)}`;
  const said = account.reason?.text ?? words(account.reason?.code ?? "");
  if (account.state === "online" && liveness.heard_at) return `All is well: WhatsApp was heard ${ago(liveness.heard_at, now)}.`;
  if (account.next_attempt_at && Date.parse(account.next_attempt_at) > now) return `${said} Next try in ${left(account.next_attempt_at, now)}.`;
  return said;
}

/** The breaker as one sentence. */
export function breakerText({ state, errors, until }: Recovery["breaker"], now: number): string {
  const counted = errors === 1 ? "1 error" : `${errors} errors`;
  if (state === "open") return until && Date.parse(until) > now ? `Open after ${counted}; one trial in ${left(until, now)}` : `Open after ${counted}; one trial comes next`;
  if (state === "half_open") return "Half open: one trial decides";
  return errors > 0 ? `Closed, ${counted} counted` : "Closed";
}

export interface Proof {
  id: "heard" | "probe" | "served" | "decrypted" | "phone";
  label: string;
  value: string;
  /** What is missing, if anything is. */
  trouble: string | null;
  tone: Tone;
}

const times = (n: number, one: string, many: string) => (n === 1 ? `1 ${one}` : `${n} ${many}`);
/** As many people as the server counts; it says this number for more, too. */
const UNREADABLE_MAX = 3;

function proof(id: Proof["id"], label: string, at: string | null, none: string, trouble: string | null, bad: boolean, now: number): Proof {
  const tone = trouble ? (bad ? "bad" : "warn") : at ? "good" : "idle";
  return { id, label, value: at ? ago(at, now) : none, trouble, tone };
}

/** What proves that the connection lives, one line each. */
export function proofs(l: Liveness, now: number): Proof[] {
  const probes = l.probes_missing > 0 ? `${times(l.probes_missing, "keep-alive", "keep-alives")} in a row not answered` : null;
  const trips = l.round_trips_missing > 0 ? `${times(l.round_trips_missing, "message", "messages")} to the own phone not accepted` : null;
  const people = l.unreadable_from >= UNREADABLE_MAX ? `${UNREADABLE_MAX} or more people` : times(l.unreadable_from, "person", "people");
  const unreadable = l.unreadable_from > 0 ? `Messages of ${people} cannot be read` : null;
  return [
    proof("heard", "Heard from WhatsApp", l.heard_at, "nothing yet", null, false, now),
    { id: "probe", label: "Keep-alive", value: l.heard_at ? (probes ? "no answer" : "answered") : "not asked yet", trouble: probes, tone: probes ? (l.probes_missing > 1 ? "bad" : "warn") : l.heard_at ? "good" : "idle" },
    proof("served", "Delivered or accepted", l.served_at, "nothing yet", trips, l.round_trips_missing > 1, now),
    proof("decrypted", "Message decrypted", l.decrypted_at, "none yet", unreadable, l.unreadable_from >= UNREADABLE_MAX, now),
  ];
}

/** From this much of the phone's two weeks on it is shown as a warning: eleven days of fourteen. */
const PHONE_WARN_SHARE = 11 / 14;

export interface PhoneSeen {
  /** How much of the time that WhatsApp allows has passed, from 0 to 1. */
  share: number;
  text: string;
  tone: "good" | "warn" | "bad";
}

/** How long the phone has been away, and what WhatsApp makes of it; null while nothing is known. */
export function phoneSeen(l: Liveness, now: number): PhoneSeen | null {
  if (!l.phone_seen_at || !l.phone_limit_at) return null;
  const seen = Date.parse(l.phone_seen_at);
  const limit = Date.parse(l.phone_limit_at);
  const share = limit > seen ? Math.min(1, Math.max(0, (now - seen) / (limit - seen))) : 1;
  if (share >= 1) return { share, tone: "bad", text: "WhatsApp may have unlinked this device: the phone stayed away too long." };
  if (share >= PHONE_WARN_SHARE) return { share, tone: "warn", text: `Switch the phone on: WhatsApp unlinks this device in ${left(limit, now)}.` };
  return { share, tone: "good", text: `WhatsApp allows ${span(limit - now)} more without it.` };
}
