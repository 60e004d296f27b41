// Words for messages that never came.

import type { Gap } from "../api/types.ts";

/** How a hole stands, in a few words. */
export function gapLine(gap: Pick<Gap, "kind" | "state" | "missing" | "expected" | "filled" | "next_attempt_at">): string {
  if (gap.kind === "history") return historyLine(gap);
  switch (gap.state) {
    case "filled":
      return gap.expected === 1 ? "It came after all." : `All ${gap.expected} came after all.`;
    case "doubtful":
      return "Perhaps from before the link.";
    case "lost":
      return `${gap.missing} of ${gap.expected} could not be had.`;
    default: {
      const asked = gap.next_attempt_at ? "; the phone is asked" : "";
      return `${gap.missing} of ${gap.expected} missing${asked}.`;
    }
  }
}

/** Of history nobody knows how much there was. */
function historyLine({ state, filled, next_attempt_at }: Pick<Gap, "state" | "filled" | "next_attempt_at">): string {
  if (state === "filled") return "It came after all.";
  const had = filled === 0 ? "None of it came since" : `${filled} of its messages came since`;
  return next_attempt_at ? `${had}; the phone is asked.` : `${had}.`;
}

/** Its colour. */
export function gapTone(gap: Pick<Gap, "state">): "good" | "warn" | "bad" | "idle" {
  const tones = { filled: "good", open: "warn", lost: "bad", doubtful: "idle" } as const;
  return tones[gap.state];
}
