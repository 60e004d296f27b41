import type { Frame, LiveEvent } from "../api/types.ts";

// One WebSocket to the event stream that comes back by itself and goes on where it stopped.

/** First wait before trying again, doubled each time, in milliseconds. */
export const RETRY_FIRST_MS = 500;
/** Longest wait before trying again. */
export const RETRY_MAX_MS = 15_000;
/** A connection that is silent for longer is given up; the server pings far more often. */
export const SILENCE_MAX_MS = 60_000;

export type Connection = "connecting" | "live" | "waiting" | "closed";

export interface Handlers {
  onEvent: (event: LiveEvent) => void;
  /** Everything must be fetched again: the first connection, or the cursor is no longer good. */
  onResync: (reason: string) => void;
  onConnection: (connection: Connection) => void;
}

export interface World {
  open: (after: string | null) => WebSocket;
  random: () => number;
}

/** How long to wait before try number `n` (from 0), with jitter in the upper half. */
export function retryDelay(n: number, random: number): number {
  const full = Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** Math.min(n, 10));
  return full / 2 + (full / 2) * random;
}

function parse(data: unknown): Frame | null {
  if (typeof data !== "string") return null;
  try {
    const frame: unknown = JSON.parse(data);
    return typeof frame === "object" && frame !== null && "type" in frame ? (frame as Frame) : null;
  } catch {
    return null;
  }
}

export class EventSocket {
  #handlers: Handlers;
  #world: World;
  #socket: WebSocket | null = null;
  #cursor: string | null = null;
  #tries = 0;
  #retry: ReturnType<typeof setTimeout> | null = null;
  #silence: ReturnType<typeof setTimeout> | null = null;
  #stopped = true;

  constructor(handlers: Handlers, world: World) {
    this.#handlers = handlers;
    this.#world = world;
  }

  start(): void {
    if (!this.#stopped) return;
    this.#stopped = false;
    this.#connect();
  }

  stop(): void {
    this.#stopped = true;
    this.#clear();
    this.#drop();
    this.#cursor = null;
    this.#tries = 0;
    this.#handlers.onConnection("closed");
  }

  /** Tries at once, for instance because the browser says that it is online again. */
  hurry(): void {
    if (this.#stopped || !this.#retry) return;
    this.#clear();
    this.#connect();
  }

  #connect(): void {
    this.#retry = null;
    this.#handlers.onConnection("connecting");
    const socket = this.#world.open(this.#cursor);
    this.#socket = socket;
    const fresh = this.#cursor === null;
    socket.onopen = () => {
      this.#tries = 0;
      this.#watch();
      this.#handlers.onConnection("live");
      // Without a cursor the stream starts now, so what came before has to be fetched.
      if (fresh) this.#handlers.onResync("start");
    };
    socket.onmessage = (message) => {
      this.#watch();
      const frame = parse(message.data);
      if (frame) this.#take(frame);
    };
    socket.onclose = () => {
      if (this.#socket === socket) this.#lost();
    };
  }

  #take(frame: Frame): void {
    if (frame.type === "event") {
      this.#cursor = frame.cursor;
      this.#handlers.onEvent(frame.event);
    } else if (frame.type === "resync") {
      this.#cursor = frame.cursor;
      this.#handlers.onResync(frame.reason ?? "resync");
    }
  }

  #lost(): void {
    this.#clear();
    this.#drop();
    if (this.#stopped) return;
    this.#handlers.onConnection("waiting");
    const delay = retryDelay(this.#tries, this.#world.random());
    this.#tries += 1;
    this.#retry = setTimeout(() => this.#connect(), delay);
  }

  #watch(): void {
    if (this.#silence) clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#lost(), SILENCE_MAX_MS);
  }

  #clear(): void {
    if (this.#retry) clearTimeout(this.#retry);
    if (this.#silence) clearTimeout(this.#silence);
    this.#retry = null;
    this.#silence = null;
  }

  #drop(): void {
    const socket = this.#socket;
    this.#socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }
}
