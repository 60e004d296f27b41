import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { GAP_MS, Refresher } from "../lib/live/refresher.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it("fetches at once, and a burst of events only once more", async () => {
  let fetches = 0;
  const refresher = new Refresher();
  const ask = () => refresher.ask("accounts", async () => void (fetches += 1));
  ask();
  expect(fetches).toBe(1);
  for (let i = 0; i < 100; i += 1) ask();
  expect(fetches).toBe(1);
  await vi.advanceTimersByTimeAsync(GAP_MS);
  expect(fetches).toBe(2);
  await vi.advanceTimersByTimeAsync(GAP_MS * 5);
  expect(fetches).toBe(2);
});

it("does not let one thing hold up another, nor a failure stop later fetches", async () => {
  const refresher = new Refresher();
  const seen: string[] = [];
  refresher.ask("a", () => Promise.reject(new Error("server away")));
  refresher.ask("b", async () => void seen.push("b"));
  await vi.advanceTimersByTimeAsync(GAP_MS);
  refresher.ask("a", async () => void seen.push("a"));
  expect(seen).toEqual(["b", "a"]);
});
