// What of a found message is shown: the words around the first hit, with every hit marked.

export interface Span {
  text: string;
  hit: boolean;
}

/** Characters kept before the first hit. */
const BEFORE = 60;
/** Longest excerpt, in characters. */
const EXCERPT_MAX = 240;

function escaped(word: string): string {
  return word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

/** The part of `text` around the first word of `query`, in pieces; all of it when no word occurs. */
export function excerpt(text: string, query: string): Span[] {
  const words = query.split(/[^\p{L}\p{N}]+/u).filter(Boolean);
  if (words.length === 0) return [{ text: cutAt(text, 0), hit: false }];
  // Words are found by their beginnings, as the server finds them.
  const pattern = new RegExp(`(?<![\\p{L}\\p{N}])(?:${words.map(escaped).join("|")})`, "giu");
  const first = text.search(pattern);
  const shown = cutAt(text, first > BEFORE ? wordAfter(text, first - BEFORE) : 0);
  const spans: Span[] = [];
  let from = 0;
  for (const match of shown.matchAll(pattern)) {
    if (match.index > from) spans.push({ text: shown.slice(from, match.index), hit: false });
    spans.push({ text: match[0], hit: true });
    from = match.index + match[0].length;
  }
  if (from < shown.length) spans.push({ text: shown.slice(from), hit: false });
  return spans;
}

function cutAt(text: string, from: number): string {
  const end = from + EXCERPT_MAX;
  return `${from > 0 ? "… " : ""}${text.slice(from, end).trim()}${end < text.length ? " …" : ""}`;
}

function wordAfter(text: string, from: number): number {
  const space = text.indexOf(" ", from);
  return space < 0 ? from : space + 1;
}
