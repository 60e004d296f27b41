import type { Analysis, Entity } from "../api/types.ts";
import { words, type Tone } from "./states.ts";

// What was understood of a message, in words and pieces. Pure.

export interface Piece {
  text: string;
  entity: Entity | null;
}

/** The text in pieces, those that are values marked. Places count Unicode code points, as the server does. */
export function marked(text: string, entities: Entity[]): Piece[] {
  const points = Array.from(text);
  const pieces: Piece[] = [];
  let from = 0;
  // Of values that overlap the first is marked; the list below the text has all of them.
  for (const entity of [...entities].sort((a, b) => a.start - b.start || b.end - a.end)) {
    const end = Math.min(entity.end, points.length);
    if (entity.start < from || end <= entity.start) continue;
    if (entity.start > from) pieces.push({ text: points.slice(from, entity.start).join(""), entity: null });
    pieces.push({ text: points.slice(entity.start, end).join(""), entity });
    from = end;
  }
  if (from < points.length) pieces.push({ text: points.slice(from).join(""), entity: null });
  return pieces;
}

const TONES: Record<string, Tone> = {
  money: "good", number: "good", percentage: "good", quantity: "good", area_size: "good", bedrooms: "good",
  date: "busy", datetime: "busy", duration: "busy",
  phone: "info", email: "info", url: "info", person: "info",
  location: "warn", project: "warn", unit: "warn", property_type: "warn",
};

/** The colour family of a kind of value; the kind itself is always written, too. */
export function kindTone(kind: string): Tone {
  return TONES[kind] ?? "idle";
}

const LANGUAGES: Record<string, string> = { mixed: "English and Arabic mixed", und: "Not recognised" };

/** A language by its name; `mixed` and `und` are the server's own. */
export function languageName(code: string, locale = "en"): string {
  if (LANGUAGES[code]) return LANGUAGES[code];
  try {
    return new Intl.DisplayNames([locale], { type: "language" }).of(code) ?? code;
  } catch {
    return code;
  }
}

export const FEELING: Record<string, Tone> = { positive: "good", neutral: "idle", negative: "bad" };
export const URGENCY: Record<string, Tone> = { normal: "idle", high: "warn", critical: "bad" };
const SOURCES: Record<string, string> = { rule: "a rule", model: "the model", gazetteer: "a list", llm: "a language model" };

export function sourceName(source: string): string {
  return SOURCES[source] ?? words(source);
}

/** The analysis as one sentence. */
export function gist(a: Analysis): string {
  const n = a.entities.length;
  const values = n === 0 ? "no values" : n === 1 ? "one value" : `${n} values`;
  return `${words(a.intent.name)}, ${a.sentiment.label}, ${a.urgency} urgency; ${values} in ${languageName(a.language)}.`;
}
