import type { Message } from "../api/types.ts";

// What a message shows. Outsiders wrote it: everything here is plain text and stays so.

export type MediaKind = "image" | "video" | "voice" | "audio" | "document" | "sticker";
export const MEDIA_KINDS: readonly string[] = ["image", "video", "voice", "audio", "document", "sticker"];

export interface Quoted {
  wireId: string | null;
  who: string | null;
  text: string | null;
}

function text(from: Record<string, unknown> | null, name: string): string | null {
  const value = from?.[name];
  return typeof value === "string" && value !== "" ? value : null;
}

function record(value: unknown): Record<string, unknown> | null {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : null;
}

/** The kind of file a message carries, if any. */
export function mediaKind(message: Pick<Message, "kind" | "content">): MediaKind | null {
  const named = message.kind === "media" ? text(message.content, "media") : message.kind;
  return named && MEDIA_KINDS.includes(named) ? (named as MediaKind) : null;
}

/** The words a person would read: the body or the caption. */
export function body(message: Pick<Message, "content">): string | null {
  return text(message.content, "body") ?? text(message.content, "caption");
}

export function fileName(message: Pick<Message, "content">): string | null {
  return text(message.content, "file_name");
}

export function mime(message: Pick<Message, "content" | "media">): string | null {
  return text(message.content, "mime") ?? message.media?.mime ?? null;
}

export function seconds(message: Pick<Message, "content">): number | null {
  const value = message.content?.seconds;
  return typeof value === "number" ? value : null;
}

/** What a message answers. */
export function quoted(message: Pick<Message, "content">): Quoted | null {
  const quote = record(message.content?.quote);
  if (!quote) return null;
  const sender = record(quote.sender);
  return {
    wireId: text(quote, "wire_id") ?? text(quote, "message"),
    who: text(quote, "sender") ?? text(sender, "name") ?? text(sender, "address"),
    text: text(quote, "text") ?? text(quote, "body"),
  };
}

const NAMES: Record<string, string> = {
  image: "Photo",
  video: "Video",
  voice: "Voice note",
  audio: "Audio",
  document: "Document",
  sticker: "Sticker",
  placeholder: "Waiting for this message; it could not be decrypted yet",
};

export function kindName(kind: string): string {
  return NAMES[kind] ?? kind.replaceAll("_", " ");
}

// WhatsApp's names of kinds that are kept but not shown, by how they begin.
const UNSUPPORTED: [string, string][] = [
  ["live_location", "Live location"],
  ["location", "Location"],
  ["contacts_array", "Contact cards"],
  ["contact", "Contact card"],
  ["poll_creation", "Poll"],
  ["poll_update", "Vote in a poll"],
  ["event", "Event"],
  ["group_invite", "Invitation to a group"],
  ["product", "Product"],
  ["order", "Order"],
  ["list", "List"],
  ["button", "Buttons"],
  ["album", "Album"],
  ["pin_in_chat", "Pinned message"],
];

/** What a message is that Waypost keeps but cannot show. */
export function unsupportedName(what: string | null): string {
  const known = UNSUPPORTED.find(([start]) => what?.startsWith(start));
  return known?.[1] ?? "Message of a newer kind";
}

/** What stands in a list for the last message of a conversation. */
export function previewOf(last: { kind: string; preview: string }): string {
  if (last.preview !== "") return last.preview;
  switch (last.kind) {
    case "revoke":
      return "This message was deleted";
    case "placeholder":
      return "Waiting for this message";
    case "unsupported":
      return "A kind of message that cannot be shown";
    default:
      return kindName(last.kind);
  }
}

/** One line for lists and quotes. */
export function summary(message: Pick<Message, "kind" | "content" | "revoked_at">): string {
  if (message.revoked_at) return "This message was deleted";
  const media = mediaKind(message);
  const said = body(message);
  if (media) return said ? `${kindName(media)}: ${said}` : (fileName(message) ?? kindName(media));
  if (message.kind === "unsupported") return unsupportedName(text(message.content, "what"));
  return said ?? kindName(message.kind);
}

/** Kinds that change another message instead of standing for themselves. */
export function isAnnotation(message: Pick<Message, "kind">): boolean {
  return message.kind === "reaction" || message.kind === "edit" || message.kind === "revoke";
}

/** The same emoji of several people as one entry with a count. */
export function countReactions(reactions: { emoji: string }[] | null | undefined): { emoji: string; count: number }[] {
  const counts = new Map<string, number>();
  for (const { emoji } of reactions ?? []) {
    if (emoji) counts.set(emoji, (counts.get(emoji) ?? 0) + 1);
  }
  return Array.from(counts, ([emoji, count]) => ({ emoji, count }));
}

/** "820 B", "12 kB", "3.4 MB". */
export function size(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`;
  if (bytes < 1_000_000) return `${Math.round(bytes / 1_000)} kB`;
  if (bytes < 1_000_000_000) return `${(bytes / 1_000_000).toFixed(1)} MB`;
  return `${(bytes / 1_000_000_000).toFixed(1)} GB`;
}

/** A phone number or address as people write it; anything unknown is shown as it is. */
export function phone(address: string | null | undefined): string {
  if (!address) return "";
  const bare = address.replace(/^(pn|phone|lid):/, "").replace(/@(s\.whatsapp\.net|c\.us)$/, "");
  const digits = bare.replace(/^\+/, "");
  if (!/^\d{7,15}$/.test(digits) || address.includes("@lid") || address.startsWith("lid:")) return bare;
  const code = countryCode(digits);
  const rest = digits.slice(code.length);
  if (code === "971" && rest.length === 9) return `+971 ${rest.slice(0, 2)} ${rest.slice(2, 5)} ${rest.slice(5)}`;
  return `+${code} ${inGroups(rest)}`;
}

// The calling codes of one and two digits; all others have three.
const SHORT_CODES =
  "1 7 20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82 84 86 90 91 92 93 94 95 98".split(" ");

function countryCode(digits: string): string {
  return SHORT_CODES.find((code) => digits.startsWith(code)) ?? digits.slice(0, 3);
}

// Threes, with a last group of four rather than a lone digit.
function inGroups(digits: string): string {
  return digits.length <= 4 ? digits : `${digits.slice(0, 3)} ${inGroups(digits.slice(3))}`;
}

/** What kind of message a chosen file becomes. */
export function kindForFile(type: string): "image" | "video" | "document" {
  if (/^image\/(jpeg|png|webp|gif)$/.test(type)) return "image";
  if (/^video\/(mp4|3gpp)$/.test(type)) return "video";
  return "document";
}
