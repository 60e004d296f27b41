// Times for people. Everything takes `now`, so that it can be tested and ticks with the clock.

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** "just now", "42 s ago", "5 min ago", "3 h ago", "2 d ago". */
export function ago(at: string | number, now: number): string {
  const past = now - time(at);
  if (Number.isNaN(past)) return "";
  if (past < 5 * SECOND) return "just now";
  return `${span(past)} ago`;
}

/** The largest unit that fits, rounded down: "42 s", "5 min", "3 h", "2 d". */
export function span(ms: number): string {
  if (ms < MINUTE) return `${Math.max(0, Math.floor(ms / SECOND))} s`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min`;
  if (ms < DAY) return `${Math.floor(ms / HOUR)} h`;
  return `${Math.floor(ms / DAY)} d`;
}

/** How long something took: "40 ms", "1.2 s", "14 s", "3 min". */
export function took(ms: number): string {
  if (ms < SECOND) return `${Math.round(ms)} ms`;
  if (ms < 10 * SECOND) return `${(ms / SECOND).toFixed(1)} s`;
  return span(ms);
}

/** Two units: "3 d 4 h", "2 h 05 min", "3 min 09 s", "12 s". */
export function uptime(seconds: number): string {
  const ms = Math.max(0, seconds) * SECOND;
  const part = (of: number, unit: number) => Math.floor((ms % of) / unit);
  if (ms < MINUTE) return `${Math.floor(ms / SECOND)} s`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min ${two(part(MINUTE, SECOND))} s`;
  if (ms < DAY) return `${Math.floor(ms / HOUR)} h ${two(part(HOUR, MINUTE))} min`;
  return `${Math.floor(ms / DAY)} d ${part(DAY, HOUR)} h`;
}

/** "1:05" until `at`; "0:00" once it has passed. */
export function countdown(at: string | number, now: number): string {
  const left = Math.max(0, Math.ceil((time(at) - now) / SECOND));
  return `${Math.floor(left / 60)}:${two(left % 60)}`;
}

/** The time left until `at` at the precision a person needs: "0:34", "2 h 05 min", "3 d 4 h". */
export function left(at: string | number, now: number): string {
  const ms = time(at) - now;
  return ms < HOUR ? countdown(at, now) : uptime(ms / SECOND);
}

/** The share of `total` milliseconds still left before `at`, from 0 to 1. */
export function shareLeft(at: string | number, total: number, now: number): number {
  if (total <= 0) return 0;
  return Math.min(1, Math.max(0, (time(at) - now) / total));
}

/** In a list: the time today, the weekday this week, else the date. */
export function stamp(at: string | number, now: number, locale?: string): string {
  const when = new Date(time(at));
  if (Number.isNaN(when.getTime())) return "";
  const days = calendarDays(when, new Date(now));
  if (days === 0) return clockTime(at, locale);
  if (days > 0 && days < 7) return when.toLocaleDateString(locale, { weekday: "short" });
  return when.toLocaleDateString(locale, { day: "numeric", month: "short" });
}

/** Hours and minutes. */
export function clockTime(at: string | number, locale?: string): string {
  const when = new Date(time(at));
  return Number.isNaN(when.getTime()) ? "" : when.toLocaleTimeString(locale, { hour: "2-digit", minute: "2-digit" });
}

/** The heading over a day's messages: "Today", "Yesterday", "Monday 16 November". */
export function dayLabel(at: string | number, now: number, locale?: string): string {
  const when = new Date(time(at));
  const days = calendarDays(when, new Date(now));
  if (days === 0) return "Today";
  if (days === 1) return "Yesterday";
  const sameYear = when.getFullYear() === new Date(now).getFullYear();
  return when.toLocaleDateString(locale, { weekday: "long", day: "numeric", month: "long", year: sameYear ? undefined : "numeric" });
}

/** The whole truth, for tooltips and details. */
export function exact(at: string | number, locale?: string): string {
  const when = new Date(time(at));
  return Number.isNaN(when.getTime()) ? "" : when.toLocaleString(locale, { dateStyle: "medium", timeStyle: "medium" });
}

function time(at: string | number): number {
  return typeof at === "number" ? at : Date.parse(at);
}

function two(n: number): string {
  return String(n).padStart(2, "0");
}

function calendarDays(from: Date, to: Date): number {
  const midnight = (d: Date) => Date.UTC(d.getFullYear(), d.getMonth(), d.getDate());
  return Math.round((midnight(to) - midnight(from)) / DAY);
}
