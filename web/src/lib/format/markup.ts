// WhatsApp's marks inside a text: *bold*, _italic_, ~struck~, `code`, ```block```, and web
// addresses. The result is a list of plain pieces; nothing here is ever read as HTML.

export type Style = "plain" | "bold" | "italic" | "struck" | "code" | "link";
export interface Piece {
  style: Style;
  text: string;
}

const MARKS: Record<string, Style> = { "*": "bold", _: "italic", "~": "struck", "`": "code" };
// A mark opens at a word's beginning and closes at a word's end, on the same line.
const PATTERN = /```([\s\S]+?)```|(?<![\p{L}\p{N}])([*_~`])(?=\S)([^\n]*?\S)\2(?![\p{L}\p{N}])|https?:\/\/[^\s<>"]+[^\s<>"'.,;:!?)\]}]/gu;
/** Texts longer than this are shown without marks, so that no text can be slow to draw. */
const MARKED_MAX = 20_000;

/** Cuts a text into pieces; putting the pieces together gives the text without its marks. */
export function pieces(text: string): Piece[] {
  if (text.length > MARKED_MAX) return [{ style: "plain", text }];
  const list: Piece[] = [];
  let from = 0;
  for (const match of text.matchAll(PATTERN)) {
    if (match.index > from) list.push({ style: "plain", text: text.slice(from, match.index) });
    const [whole, block, mark, inner] = match;
    if (block !== undefined) list.push({ style: "code", text: block });
    else if (mark && inner) list.push({ style: MARKS[mark] ?? "plain", text: inner });
    else list.push({ style: "link", text: whole });
    from = match.index + whole.length;
  }
  if (from < text.length) list.push({ style: "plain", text: text.slice(from) });
  return list;
}
