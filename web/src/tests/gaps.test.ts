import { describe, expect, it } from "vitest";
import { gapLine, gapTone } from "../lib/format/gaps.ts";

describe("messages that never came", () => {
  const gap = { kind: "announced" as const, expected: 3, missing: 2, filled: 1, next_attempt_at: null };

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

  it("says of history how much of it came, because nobody knows how much there was", () => {
    const history = { ...gap, kind: "history" as const, missing: 0, expected: 0, filled: 0 };
    expect(gapLine({ ...history, state: "open", next_attempt_at: "2026-11-01T00:00:00Z" })).toBe("None of it came since; the phone is asked.");
    expect(gapLine({ ...history, state: "lost", filled: 12 })).toBe("12 of its messages came since.");
    expect(gapLine({ ...history, state: "filled" })).toBe("It came after all.");
  });
});
