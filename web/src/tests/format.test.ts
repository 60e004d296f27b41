import { describe, expect, it } from "vitest";
import type { Message } from "../lib/api/types.ts";
import { ago, clockTime, countdown, dayLabel, shareLeft, span, stamp, uptime } from "../lib/format/time.ts";
import { body, countReactions, isAnnotation, kindForFile, mediaKind, phone, previewOf, quoted, size, summary } from "../lib/format/content.ts";
import { pieces } from "../lib/format/markup.ts";

const NOW = new Date(2026, 10, 21, 15, 30).getTime();
const MINUTE = 60_000;

describe("times", () => {
  it("tells how long ago in the largest unit that fits", () => {
    expect(ago(NOW - 2_000, NOW)).toBe("just now");
    expect(ago(NOW + 2_000, NOW)).toBe("just now");
    expect(ago(NOW - 42_000, NOW)).toBe("42 s ago");
    expect(ago(NOW - 59.9 * MINUTE, NOW)).toBe("59 min ago");
    expect(ago(NOW - 25 * 60 * MINUTE, NOW)).toBe("1 d ago");
    expect(ago("nonsense", NOW)).toBe("");
    expect(span(-5)).toBe("0 s");
  });

  it("counts down to zero and stays there", () => {
    expect(countdown(NOW + 65_000, NOW)).toBe("1:05");
    expect(countdown(NOW + 100, NOW)).toBe("0:01");
    expect(countdown(NOW - 9_000, NOW)).toBe("0:00");
  });

  it("draws the ring from full to empty, never beyond", () => {
    expect(shareLeft(NOW + 30_000, 60_000, NOW)).toBe(0.5);
    expect(shareLeft(NOW + 90_000, 60_000, NOW)).toBe(1);
    expect(shareLeft(NOW - 1, 60_000, NOW)).toBe(0);
    expect(shareLeft(NOW + 1, 0, NOW)).toBe(0);
  });

  it("shows the time today, then the weekday, then the date", () => {
    expect(stamp(NOW - MINUTE, NOW, "en-GB")).toBe("15:29");
    expect(stamp(new Date(2026, 10, 19, 23, 59).getTime(), NOW, "en-GB")).toBe("Thu");
    expect(stamp(new Date(2026, 10, 3).getTime(), NOW, "en-GB")).toBe("3 Nov");
    expect(clockTime("nonsense")).toBe("");
  });

  it("names days by the calendar, not by hours", () => {
    expect(dayLabel(new Date(2026, 10, 20, 23, 59).getTime(), NOW)).toBe("Yesterday");
    expect(dayLabel(new Date(2026, 10, 21, 0, 0).getTime(), NOW)).toBe("Today");
    expect(dayLabel(new Date(2025, 0, 2).getTime(), NOW, "en-GB")).toContain("2025");
  });

  it("tells an uptime in two units", () => {
    expect(uptime(12)).toBe("12 s");
    expect(uptime(3 * 3_600 + 5 * 60)).toBe("3 h 05 min");
    expect(uptime(3 * 86_400 + 4 * 3_600)).toBe("3 d 4 h");
  });
});

describe("phone numbers", () => {
  it("are grouped the way people write them", () => {
    expect(phone("+971505760056")).toBe("+971 50 576 0056");
    expect(phone("971505760056@s.whatsapp.net")).toBe("+971 50 576 0056");
    expect(phone("+442079460018")).toBe("+44 207 946 0018");
  });
  it("leave alone what is no number", () => {
    expect(phone("12345678901234@lid")).toBe("12345678901234@lid");
    expect(phone("120363041234567890@g.us")).toBe("120363041234567890@g.us");
    expect(phone(null)).toBe("");
  });
});

describe("what a message shows", () => {
  const text = (words: string) => ({ kind: "text", content: { body: words }, revoked_at: null });

  it("is its words, its caption, or the kind of file", () => {
    expect(summary(text("Hello"))).toBe("Hello");
    expect(summary({ kind: "image", content: { caption: "The view" }, revoked_at: null })).toBe("Photo: The view");
    expect(summary({ kind: "document", content: { file_name: "plan.pdf" }, revoked_at: null })).toBe("plan.pdf");
    expect(summary({ kind: "voice", content: {}, revoked_at: null })).toBe("Voice note");
  });

  it("is nothing of it once it was deleted", () => {
    expect(summary({ ...text("secret"), revoked_at: "2026-11-21T09:00:00Z" })).not.toContain("secret");
  });

  it("copes with content that is not what it should be", () => {
    // What a newer or broken server might send does not fit the types.
    const odd = (content: unknown) => ({ content }) as Pick<Message, "content">;
    expect(body(odd(null))).toBeNull();
    expect(body(odd({ body: 42 }))).toBeNull();
    expect(quoted(odd({ quote: "x" }))).toBeNull();
    expect(mediaKind({ kind: "hologram", content: {} })).toBeNull();
  });

  it("names what it answers", () => {
    expect(quoted({ content: { quote: { wire_id: "3EB0", sender: "+971501234567", text: "When?" } } })).toEqual({ wireId: "3EB0", who: "+971501234567", text: "When?" });
  });

  it("counts the same reaction of several people, and drops one that was taken back", () => {
    expect(countReactions([{ emoji: "👍" }, { emoji: "🙏" }, { emoji: "👍" }, { emoji: "" }])).toEqual([
      { emoji: "👍", count: 2 },
      { emoji: "🙏", count: 1 },
    ]);
    expect(isAnnotation({ kind: "reaction" })).toBe(true);
    expect(isAnnotation({ kind: "text" })).toBe(false);
  });

  it("sends a file as what WhatsApp can show, else as a document", () => {
    expect(kindForFile("image/jpeg")).toBe("image");
    expect(kindForFile("image/svg+xml")).toBe("document");
    expect(kindForFile("video/mp4")).toBe("video");
    expect(kindForFile("")).toBe("document");
    expect(size(1_204_331)).toBe("1.2 MB");
  });
});

describe("marks in a text", () => {
  const styled = (text: string) => pieces(text).filter((p) => p.style !== "plain");
  const joined = (text: string) => pieces(text).map((p) => p.text).join("");

  it("become bold, italic, struck and code", () => {
    expect(styled("Would *Thursday at 17:00* suit you?")).toEqual([{ style: "bold", text: "Thursday at 17:00" }]);
    expect(styled("_so_ ~not~ `code`").map((p) => p.style)).toEqual(["italic", "struck", "code"]);
  });

  it("stay as they are inside words, alone, or across lines", () => {
    for (const text of ["2*3*4 = 24", "snake_case_name", "* a list", "*open\nclose*", "**", "~ ~"]) {
      expect(styled(text)).toEqual([]);
      expect(joined(text)).toBe(text);
    }
  });

  it("links only web addresses, without the full stop after them", () => {
    expect(styled("See https://example.com/a?b=1. Thanks")).toEqual([{ style: "link", text: "https://example.com/a?b=1" }]);
    expect(styled("javascript:alert(1) data:text/html,x")).toEqual([]);
  });

  it("never makes anything else of HTML than text", () => {
    expect(pieces("<img src=x onerror=alert(1)>")).toEqual([{ style: "plain", text: "<img src=x onerror=alert(1)>" }]);
  });

  it("lose no words of a very long or hostile text", () => {
    const hostile = "*_~`".repeat(4_000);
    expect(joined(hostile).length).toBeGreaterThan(0);
    const long = "a".repeat(50_000);
    expect(joined(long)).toBe(long);
  });
});

describe("what stands for a message that has no words", () => {
  it("names the kinds that are kept but not shown", () => {
    const kept = (what: string) => summary({ kind: "unsupported", content: { what } as Message["content"], revoked_at: null });
    expect(kept("poll_creation_message_v3")).toBe("Poll");
    expect(kept("live_location_message")).toBe("Live location");
    expect(kept("contacts_array_message")).toBe("Contact cards");
    expect(kept("hologram_message")).toBe("Message of a newer kind");
  });
  it("leaves no line of the list of conversations empty", () => {
    for (const kind of ["image", "voice", "unsupported", "placeholder", "revoke", "hologram"]) expect(previewOf({ kind, preview: "" })).not.toBe("");
    expect(previewOf({ kind: "image", preview: "The view" })).toBe("The view");
  });
});
