import { describe, expect, it } from "vitest";
import { excerpt } from "../lib/format/found.ts";

const hits = (text: string, query: string) => excerpt(text, query).filter((s) => s.hit).map((s) => s.text);
const whole = (text: string, query: string) => excerpt(text, query).map((s) => s.text).join("");

describe("what is shown of a found message", () => {
  it("marks every word by its beginning, whatever its capitals", () => {
    expect(hits("The Invoice of May: invoices are due", "invoice may")).toEqual(["Invoice", "May", "invoice"]);
  });
  it("marks no middle of a word", () => {
    expect(hits("reinvoiced", "invoice")).toEqual([]);
  });
  it("takes what was typed as text, not as a pattern", () => {
    expect(hits("costs (about) 5.00", "(about) .*")).toEqual(["about"]);
  });
  it("begins near the first hit of a long text and says that it was cut", () => {
    const text = `${"before ".repeat(60)}needle ${"after ".repeat(60)}`;
    const shown = whole(text, "needle");
    expect(shown.startsWith("… before")).toBe(true);
    expect(shown.endsWith("…")).toBe(true);
    expect(shown).toContain("needle");
    expect(shown.length).toBeLessThan(260);
  });
  it("shows a short text whole", () => {
    expect(whole("مرحبا يا صديقي", "صديقي")).toBe("مرحبا يا صديقي");
    expect(hits("مرحبا يا صديقي", "صديقي")).toEqual(["صديقي"]);
  });
});
