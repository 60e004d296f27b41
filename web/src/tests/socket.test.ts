import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { EventSocket, RETRY_FIRST_MS, RETRY_MAX_MS, retryDelay, SILENCE_MAX_MS, type Connection } from "../lib/live/socket.ts";

class FakeSocket {
  onopen: (() => void) | null = null;
  onmessage: ((message: { data: unknown }) => void) | null = null;
  onclose: (() => void) | null = null;
  closed = false;
  constructor(readonly after: string | null) {}
  close() {
    this.closed = true;
  }
  say(frame: unknown) {
    this.onmessage?.({ data: typeof frame === "string" ? frame : JSON.stringify(frame) });
  }
}

const event = (cursor: string) => ({ type: "event", cursor, event: { id: `evt_${cursor}`, kind: "account.state", version: 1, account: null, conversation: null, at: "", data: {} } });

describe("the event stream", () => {
  let opened: FakeSocket[];
  let events: string[];
  let resyncs: string[];
  let connections: Connection[];
  let stream: EventSocket;
  const last = () => opened.at(-1)!;

  beforeEach(() => {
    vi.useFakeTimers();
    opened = [];
    events = [];
    resyncs = [];
    connections = [];
    stream = new EventSocket(
      { onEvent: (e) => events.push(e.id), onResync: (why) => resyncs.push(why), onConnection: (c) => connections.push(c) },
      {
        open: (after) => {
          const socket = new FakeSocket(after);
          opened.push(socket);
          return socket as unknown as WebSocket;
        },
        random: () => 1,
      },
    );
    stream.start();
  });
  afterEach(() => {
    stream.stop();
    vi.useRealTimers();
  });

  it("fetches everything once when it connects for the first time", () => {
    last().onopen?.();
    expect(resyncs).toEqual(["start"]);
    expect(connections).toEqual(["connecting", "live"]);
  });

  it("goes on after the last event it saw when the connection breaks", () => {
    last().onopen?.();
    last().say(event("41"));
    last().say(event("42"));
    last().onclose?.();
    vi.advanceTimersByTime(RETRY_FIRST_MS);
    expect(opened).toHaveLength(2);
    expect(last().after).toBe("42");
    last().onopen?.();
    expect(resyncs).toEqual(["start"]);
  });

  it("fetches everything again when the server says that it missed something", () => {
    last().onopen?.();
    last().say({ type: "resync", cursor: "90", reason: "lagging" });
    expect(resyncs).toEqual(["start", "lagging"]);
    last().onclose?.();
    vi.advanceTimersByTime(RETRY_FIRST_MS);
    expect(last().after).toBe("90");
  });

  it("gives up a connection that is open but silent", () => {
    last().onopen?.();
    const first = last();
    vi.advanceTimersByTime(SILENCE_MAX_MS - 1);
    first.say({ type: "ping" });
    vi.advanceTimersByTime(SILENCE_MAX_MS - 1);
    expect(first.closed).toBe(false);
    vi.advanceTimersByTime(1);
    expect(first.closed).toBe(true);
    expect(connections.at(-1)).toBe("waiting");
  });

  it("survives frames that make no sense", () => {
    last().onopen?.();
    for (const nonsense of ["{", "null", "[]", '{"type":"later"}']) last().say(nonsense);
    last().say(event("7"));
    expect(events).toEqual(["evt_7"]);
  });

  it("tries at once when asked to hurry, and not at all after stopping", () => {
    last().onclose?.();
    stream.hurry();
    expect(opened).toHaveLength(2);
    stream.stop();
    vi.advanceTimersByTime(RETRY_MAX_MS * 2);
    expect(opened).toHaveLength(2);
    expect(connections.at(-1)).toBe("closed");
  });

  it("waits longer each time, up to a limit", () => {
    expect(retryDelay(0, 1)).toBe(RETRY_FIRST_MS);
    expect(retryDelay(3, 1)).toBe(RETRY_FIRST_MS * 8);
    expect(retryDelay(50, 1)).toBe(RETRY_MAX_MS);
    expect(retryDelay(50, 0)).toBe(RETRY_MAX_MS / 2);
  });
});
