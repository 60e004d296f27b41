import type { AccountHealth, HealthFactor, HealthSample } from "../api/types.ts";

// How well an account does, in words and lines. Pure.

type Tone = "good" | "info" | "warn" | "bad" | "idle";
type Rating = AccountHealth["rating"];

export const RATING: Record<Rating, { label: string; tone: Tone }> = {
  excellent: { label: "Excellent", tone: "good" },
  good: { label: "Good", tone: "good" },
  fair: { label: "Fair", tone: "info" },
  poor: { label: "Poor", tone: "warn" },
  critical: { label: "Critical", tone: "bad" },
  unknown: { label: "Not known yet", tone: "idle" },
};

export const FACTOR: Record<HealthFactor["factor"], string> = {
  uptime: "Uptime",
  qr_quality: "Scanning",
  error_rate: "Errors",
  response: "Response",
  message_success: "Messages through",
};

/** The colour of a factor by its points; what is not known has none. */
export function factorTone(factor: Pick<HealthFactor, "points" | "value">): Tone {
  if (factor.value === null) return "idle";
  if (factor.points >= 80) return "good";
  return factor.points >= 50 ? "warn" : "bad";
}

/** "99.95 %", "1.2 s" or "not known". */
export function figure(factor: Pick<HealthFactor, "value" | "unit">): string {
  if (factor.value === null) return "not known";
  const digits = factor.unit === "seconds" || factor.value >= 100 ? 1 : 2;
  const number = String(Number(factor.value.toFixed(digits)));
  return factor.unit === "seconds" ? `${number} s` : `${number} %`;
}

/** Where the score is going, in one sentence; nothing when it stays or is not known. */
export function outlook(health: Pick<AccountHealth, "trend" | "dropped_from" | "score">, hoursTo: (at: string) => number): string | null {
  const parts: string[] = [];
  if (health.dropped_from !== null) parts.push(`It dropped from ${health.dropped_from} within the last hour.`);
  const { direction, falls_below: below } = health.trend;
  if (direction === "falling") {
    const hours = below ? Math.max(1, Math.round(hoursTo(below.at))) : 0;
    parts.push(below ? `It is falling, and will be below ${below.score} in about ${hours === 1 ? "an hour" : `${hours} hours`} if it goes on.` : "It is falling.");
  }
  if (direction === "rising") parts.push("It is rising.");
  return parts.length > 0 ? parts.join(" ") : null;
}

/** The points of a line through the scores, in a box of this size; the oldest on the left. */
export function line(samples: Pick<HealthSample, "at" | "score">[], width: number, height: number): string {
  const sorted = samples.map((s) => ({ at: Date.parse(s.at), score: s.score })).sort((a, b) => a.at - b.at);
  const first = sorted[0];
  const last = sorted[sorted.length - 1];
  if (!first || !last || first.at === last.at) return "";
  const round = (n: number) => Math.round(n * 10) / 10;
  return sorted.map((s) => `${round(((s.at - first.at) / (last.at - first.at)) * width)},${round(height - (s.score / 100) * height)}`).join(" ");
}
