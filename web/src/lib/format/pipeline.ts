import type { ExplainedPart, PartStanding, ThreadSubject } from "../api/types.ts";
import { FEELING, URGENCY } from "./insight.ts";
import { words, type Look, type Tone } from "./states.ts";

// The parts of the pipeline and what they decided, in words. Pure.

/** A duration in microseconds for people; nothing measured is a dash. */
export function took(us: number | null | undefined): string {
  if (us === null || us === undefined) return "–";
  if (us < 1_000) return `${us} µs`;
  if (us < 100_000) return `${(us / 1_000).toFixed(1)} ms`;
  return `${Math.round(us / 1_000)} ms`;
}

const STANDINGS: Record<PartStanding, Look> = {
  on: { tone: "good", icon: "check", label: "Runs" },
  part_off: { tone: "idle", icon: "pause", label: "Off" },
  stage_off: { tone: "idle", icon: "pause", label: "Stage is off" },
  shed: { tone: "warn", icon: "clock", label: "Rests" },
};

export function standingLook(standing: PartStanding): Look {
  return STANDINGS[standing] ?? { tone: "idle", icon: "dot", label: words(standing) };
}

const CLASSES: Record<string, string> = { nice_to_have: "rests first", important: "rests second", critical: "always runs" };

export function className(name: string): string {
  return CLASSES[name] ?? words(name);
}

const OUTCOMES: Record<string, Look> = {
  found: { tone: "good", icon: "check", label: "Found" },
  nothing: { tone: "idle", icon: "dot", label: "Nothing" },
  no_text: { tone: "idle", icon: "dot", label: "No words" },
  off: { tone: "idle", icon: "pause", label: "Off" },
  stage_off: { tone: "idle", icon: "pause", label: "Stage is off" },
  shed: { tone: "warn", icon: "clock", label: "Put off" },
  failed: { tone: "bad", icon: "alert", label: "Broke" },
};

export function outcomeLook(outcome: string | null): Look {
  return OUTCOMES[outcome ?? ""] ?? { tone: "idle", icon: "dot", label: "Not read" };
}

const SIGNS: Record<string, string> = { words: "words that say so", subject: "another subject", intent: "another wish", gap: "a long silence", mood: "a turn of mood" };
const JOINED: Record<string, string> = { opened: "opens it", continued: "goes on with it", returned: "comes back to it" };

/** What a part decided, as one line; values are listed apart. */
export function decision(part: ExplainedPart): string {
  const d = part.decided as Record<string, unknown> | unknown[] | null;
  if (!d) return part.text;
  if (Array.isArray(d)) return d.length === 1 ? "One value" : `${d.length} values`;
  switch (part.part) {
    case "intent":
      return `${words(String(d.name))}, ${Math.round(Number(d.confidence) * 100)} % sure`;
    case "sentiment":
      return `${words(String(d.label))} (${Number(d.score).toFixed(2)}), ${String(d.urgency)} urgency`;
    case "flow": {
      const signs = Array.isArray(d.signs) ? d.signs.map((s) => SIGNS[String(s)] ?? String(s)) : [];
      const why = signs.length > 0 ? `: ${signs.join(", ")}` : "";
      return `${d.switched ? "Turns to something else" : "Stays with the matter"} (${Number(d.score).toFixed(2)} of 0.60)${why}`;
    }
    case "threads":
      return `Thread ${String(d.number)}: it ${JOINED[String(d.how)] ?? "is in it"}`;
    default:
      return part.text;
  }
}

/** The colour of what was decided. */
export function decisionTone(part: ExplainedPart): Tone {
  const d = part.decided as Record<string, unknown> | null;
  if (part.part !== "sentiment" || !d) return "idle";
  const urgency = URGENCY[String(d.urgency)] ?? "idle";
  return urgency === "idle" ? (FEELING[String(d.label)] ?? "idle") : urgency;
}

/** What a thread is about, shortest first words. */
export function aboutThread(subjects: ThreadSubject[]): string {
  if (subjects.length === 0) return "No particular matter";
  const said = subjects.slice(0, 4).map((s) => (s.kind === "unit" ? `unit ${s.value}` : s.kind === "bedrooms" ? (s.value === "0" ? "studio" : `${s.value} bedrooms`) : s.value));
  const more = subjects.length - said.length;
  return said.join(", ") + (more > 0 ? ` and ${more} more` : "");
}

/** The lists that messages are read by. */
export const SETS: Record<string, { label: string; text: string }> = {
  places: { label: "Places", text: "Projects, buildings and areas with their other names." },
  names: { label: "Names", text: "People's names." },
  feelings: { label: "Feelings", text: "Words and emoji that say how somebody feels, and what is urgent." },
  intents: { label: "Intents", text: "What messages want, with examples of each; intents of your own replace those of the program." },
  labelled: { label: "Examples", text: "More messages with their intents." },
};
