import { describe, expect, it } from "vitest";
import { factorTone, figure, line, outlook } from "../lib/format/health.ts";

describe("health in words", () => {
  it("says figures with their unit, and that one is not known", () => {
    expect(figure({ value: 99.95, unit: "percent" })).toBe("99.95 %");
    expect(figure({ value: 100, unit: "percent" })).toBe("100 %");
    expect(figure({ value: 1.234, unit: "seconds" })).toBe("1.2 s");
    expect(figure({ value: null, unit: "percent" })).toBe("not known");
  });

  it("blames nothing that is not known", () => {
    expect(factorTone({ value: null, points: 50 })).toBe("idle");
    expect(factorTone({ value: 3, points: 50 })).toBe("warn");
    expect(factorTone({ value: 30, points: 0 })).toBe("bad");
    expect(factorTone({ value: 0, points: 100 })).toBe("good");
  });

  it("says where a score is going only when it goes somewhere", () => {
    const steady = { direction: "steady" as const, per_hour: 0, ahead: [], falls_below: null };
    const hours = () => 3.2;
    expect(outlook({ score: 90, dropped_from: null, trend: steady }, hours)).toBeNull();
    const falling = { ...steady, direction: "falling" as const, falls_below: { at: "2026-11-21T12:00:00Z", score: 60 } };
    expect(outlook({ score: 70, dropped_from: 92, trend: falling }, hours)).toBe(
      "It dropped from 92 within the last hour. It is falling, and will be below 60 in about 3 hours if it goes on.",
    );
  });

  it("draws the oldest score on the left, and nothing of a single one", () => {
    const at = (minutes: number) => new Date(minutes * 60_000).toISOString();
    expect(line([{ at: at(10), score: 50 }, { at: at(0), score: 100 }], 100, 40)).toBe("0,0 100,20");
    expect(line([{ at: at(0), score: 100 }], 100, 40)).toBe("");
    expect(line([], 100, 40)).toBe("");
  });
});
