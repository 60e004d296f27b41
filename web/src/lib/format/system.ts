import type { LoadGauge, Timing } from "../api/types.ts";

// The machine's load and the time that work takes, in words. Pure.

export const GAUGE: Record<LoadGauge["gauge"], string> = { cpu: "Processors", memory: "Memory", errors: "Failed requests" };

/** The colour of a gauge between its marks. */
export function gaugeTone(gauge: Pick<LoadGauge, "percent" | "sheds_at" | "recovers_at">): "good" | "warn" | "bad" | "idle" {
  if (gauge.percent === null) return "idle";
  if (gauge.percent >= gauge.sheds_at) return "bad";
  return gauge.percent > gauge.recovers_at ? "warn" : "good";
}

/** "0.04 ms", "12.3 ms", "1.2 s"; nothing for nothing. */
export function millis(ms: number | null): string {
  if (ms === null) return "–";
  if (ms >= 1_000) return `${Number((ms / 1_000).toFixed(1))} s`;
  return `${Number(ms.toFixed(ms < 1 ? 3 : ms < 100 ? 1 : 0))} ms`;
}

/** What to say of how it does lately. */
export function standsOut(timing: Pick<Timing, "anomaly" | "ordinary_p95_ms">): string {
  if (timing.anomaly) return `Out of the ordinary: ${millis(timing.anomaly.p95_ms)} where ${millis(timing.anomaly.ordinary_ms)} is usual.`;
  return timing.ordinary_p95_ms === null ? "Too little was seen to say what is ordinary." : `Ordinary: ${millis(timing.ordinary_p95_ms)}.`;
}
