import { describe, expect, it } from "vitest";
import { gaugeTone, millis, standsOut } from "../lib/format/system.ts";

describe("the machine in words", () => {
  it("colours a gauge by its marks", () => {
    const at = (percent: number | null) => gaugeTone({ percent, sheds_at: 80, recovers_at: 50 });
    expect([at(null), at(50), at(51), at(79.9), at(80)]).toEqual(["idle", "good", "warn", "warn", "bad"]);
  });

  it("says durations in the unit that people read", () => {
    expect([millis(null), millis(0.0426), millis(12.34), millis(250.4), millis(1_234)]).toEqual(["–", "0.043 ms", "12.3 ms", "250 ms", "1.2 s"]);
  });

  it("says what stands out and what is ordinary", () => {
    expect(standsOut({ anomaly: null, ordinary_p95_ms: null })).toBe("Too little was seen to say what is ordinary.");
    expect(standsOut({ anomaly: null, ordinary_p95_ms: 4.4 })).toBe("Ordinary: 4.4 ms.");
    const anomaly = { at: "2026-11-21T12:00:00Z", p95_ms: 41.2, ordinary_ms: 4.4, deviations: 11 };
    expect(standsOut({ anomaly, ordinary_p95_ms: 4.4 })).toBe("Out of the ordinary: 41.2 ms where 4.4 ms is usual.");
  });
});
