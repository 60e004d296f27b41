import type { LinkWindow } from "../api/types.ts";

// The link window in words: how long a set of codes waits, and why that long. Pure.

const scans = (n: number) => (n === 1 ? "1 scan" : `${n} scans`);

/** Why the window is as long as it is, as one sentence. */
export function windowWhy(w: LinkWindow): string {
  if (w.strategy === "fixed") return "Fixed in the settings; nothing is learned.";
  if (w.basis === "own") return `Learned from ${scans(w.samples)} of this number in the last 30 days.`;
  if (w.basis === "others") return "Learned from how long other numbers here take; this one has not shown enough of itself.";
  return "The default: there are not enough scans yet to know better.";
}

export const STRATEGY: Record<LinkWindow["strategy"], string> = { fixed: "Fixed", blend: "Blend", survival: "Survival" };
export const BASIS: Record<LinkWindow["basis"], string> = { base: "Default", others: "Other numbers", own: "Its own scans" };

/** What stands out about how a number is scanned, with what it means. */
export const FLAGS: Record<LinkWindow["flags"][number], { label: string; text: string; tone: "good" | "warn" | "info" }> = {
  slow: { label: "Slow", text: "One scan in twenty takes longer than 30 s.", tone: "info" },
  consistent: { label: "Consistent", text: "Scans take about equally long.", tone: "good" },
  erratic: { label: "Erratic", text: "Scan times differ widely.", tone: "warn" },
};

/** "87 %". */
export function percent(share: number): string {
  return `${Math.round(Math.min(1, Math.max(0, share)) * 100)} %`;
}
