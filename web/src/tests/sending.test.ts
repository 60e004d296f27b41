import { describe, expect, it } from "vitest";
import type { Sending } from "../lib/api/types.ts";
import { allowance, warmUp } from "../lib/format/sending.ts";

describe("what may still be sent", () => {
  it("says how full a limit is and when that should worry", () => {
    expect(allowance({ used: 12, limit: 40 })).toEqual({ text: "12 of 40", share: 0.3, tone: "good" });
    expect(allowance({ used: 33, limit: 40 }).tone).toBe("warn");
    expect(allowance({ used: 41, limit: 40 })).toEqual({ text: "41 of 40", share: 1, tone: "bad" });
    expect(allowance({ used: 3, limit: null })).toEqual({ text: "3, no limit", share: 0, tone: "good" });
    expect(allowance({ used: 0, limit: 0 }).tone).toBe("bad");
  });

  it("says where the warm-up stands", () => {
    const sending: Sending = { unasked: { used: 0, limit: 4 }, new_chats: { used: 0, limit: 1 }, share_percent: 10, warm_up_day: 2, restriction: null, waiting: [] };
    expect(warmUp(sending)).toContain("Day 2 of the warm-up: 10 %");
    expect(warmUp({ ...sending, warm_up_day: null, share_percent: 100 })).toContain("whole limits");
  });
});
