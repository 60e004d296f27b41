// Fetches things again when events say that they changed: at once the first time, then no more
// often than every GAP_MS per thing, and never twice at the same time for one thing.

/** Shortest time between two fetches of one thing, in milliseconds. */
export const GAP_MS = 250;

interface Slot {
  running: boolean;
  again: boolean;
}

export class Refresher {
  #slots = new Map<string, Slot>();

  /** Runs `fetch` for `key`; a request while it runs makes it run once more afterwards. */
  ask(key: string, fetch: () => Promise<void>): void {
    const slot = this.#slots.get(key) ?? { running: false, again: false };
    this.#slots.set(key, slot);
    if (slot.running) {
      slot.again = true;
      return;
    }
    void this.#run(key, slot, fetch);
  }

  async #run(key: string, slot: Slot, fetch: () => Promise<void>): Promise<void> {
    slot.running = true;
    do {
      slot.again = false;
      // A failed fetch leaves the screen as it was; the connection indicator tells the rest.
      await fetch().catch(() => {});
      await new Promise((done) => setTimeout(done, GAP_MS));
    } while (slot.again);
    this.#slots.delete(key);
  }
}
