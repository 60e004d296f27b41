import { idempotencyKey } from "./client.ts";

/**
 * Keys for sends that a person may have to try again. The same request keeps its key until it
 * succeeded, so a second try after a lost answer never sends twice; a changed one gets a new key.
 */
export class Attempt {
  #print: string | null = null;
  #key = "";
  #make: () => string;

  constructor(make: () => string = idempotencyKey) {
    this.#make = make;
  }

  /** The key for this request. */
  keyFor(request: unknown): string {
    const print = JSON.stringify(request);
    if (print !== this.#print) {
      this.#print = print;
      this.#key = this.#make();
    }
    return this.#key;
  }

  /** It went through: the next request is a new one, even with the same words. */
  done(): void {
    this.#print = null;
  }
}
