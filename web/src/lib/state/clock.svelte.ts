// The time as the server sees it. Countdowns are about the server's deadlines, and a browser's
// clock can be minutes off.

/** Differences below this are the Date header's own coarseness, in milliseconds. */
const TOLERANCE_MS = 1_500;
const TICK_MS = 1_000;

let skew = 0;

class Clock {
  /** Milliseconds since the epoch; ticks once a second. */
  now = $state(Date.now());

  constructor() {
    setInterval(() => (this.now = serverNow()), TICK_MS);
  }
}

/** Takes the server's Date header as a hint how far this browser's clock is off. */
export function noteServerTime(header: string | null, local = Date.now()): void {
  const at = header ? Date.parse(header) : Number.NaN;
  if (Number.isNaN(at)) return;
  const difference = at + 500 - local;
  skew = Math.abs(difference) > TOLERANCE_MS ? difference : 0;
}

/** Now, by the server's clock, in milliseconds since the epoch. */
export function serverNow(): number {
  return Date.now() + skew;
}

export const clock = new Clock();
