import { describe, expect, it } from "vitest";
import type { SheetMapping } from "../lib/api/types.ts";
import { columnOf, draftOf, emptyMapping, formOf, saved } from "../lib/sheets.ts";

const mapping: SheetMapping = {
  id: "gsm_1",
  name: "Leads",
  connection: "gsc_1",
  spreadsheet: "book",
  tab: "Leads",
  kinds: ["message.received"],
  account: null,
  columns: [
    { header: "Event", from: "event_id", missing: "blank" },
    { header: "When", from: "time", path: "/at", zone: "Asia/Dubai", missing: "blank" },
    { header: "Text", from: "path", path: "/data/content/body", missing: "refuse" },
    { header: "Kind", from: "literal", text: "lead", missing: "blank" },
  ],
  repetition_window_s: 300,
  enabled: true,
  paused_at: null,
  created_at: "2026-11-21T09:00:00.000Z",
  rows: { waiting: 0, in_doubt: 0, done: 3, failed: 0, duplicate: 0 },
};

describe("mappings of sheets", () => {
  it("come back from the form as they went in", () => {
    const draft = draftOf(formOf(mapping), "change");
    expect(draft.columns).toEqual(mapping.columns);
    expect(draft.repetition_window_s).toBe(300);
    expect(draft).not.toHaveProperty("connection");
  });

  it("begin with exactly one column for the event's id", () => {
    const form = emptyMapping("gsc_1", "Asia/Dubai");
    expect(form.columns.filter((c) => c.from === "event_id")).toHaveLength(1);
    expect(draftOf(form, "create")).toMatchObject({ connection: "gsc_1", account: null, repetition_window_s: 0 });
  });

  it("send only what a column needs", () => {
    const column = { header: " A ", from: "literal" as const, value: " x ", zone: "UTC", format: "%Y", required: false };
    expect(columnOf(column)).toEqual({ header: "A", from: "literal", text: " x ", missing: "blank" });
  });

  it("say what was saved, and nothing when nothing was done", () => {
    expect(saved({ operations: 100, calls: 10 })).toBeCloseTo(0.9);
    expect(saved({ operations: 0, calls: 0 })).toBeNull();
    expect(saved({ operations: 1, calls: 2 })).toBe(0);
  });
});
