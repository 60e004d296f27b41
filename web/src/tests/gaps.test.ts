import { describe, expect, it } from "vitest";
import { gapLine, gapTone } from "../lib/format/gaps.ts";

describe("messages that never came", () => {
  const gap = { expected: 3, missing: 2, filled: 1, next_attempt_at: null };

  it("says what is missing and whether anybody is asked", () => {
    expect(gapLine({ ...gap, state: "open" })).toBe("2 of 3 missing.");
    expect(gapLine({ ...gap, state: "open", next_attempt_at: "2026-11-01T00:00:00Z" })).toBe("2 of 3 missing; the phone is asked.");
    expect(gapLine({ ...gap, state: "lost" })).toBe("2 of 3 could not be had.");
  });

  it("says when all is here", () => {
    expect(gapLine({ ...gap, state: "filled", missing: 0, filled: 3 })).toBe("All 3 came after all.");
    expect(gapLine({ ...gap, state: "filled", expected: 1, missing: 0, filled: 1 })).toBe("It came after all.");
    expect(gapTone({ state: "filled" })).toBe("good");
    expect(gapTone({ state: "lost" })).toBe("bad");
  });
});
