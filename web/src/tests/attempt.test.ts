import { describe, expect, it } from "vitest";
import { Attempt } from "../lib/api/attempt.ts";

describe("sending again after a lost answer", () => {
  const fresh = () => {
    let n = 0;
    return new Attempt(() => `key-${(n += 1)}`);
  };

  it("uses the same key for the same words, so nothing is sent twice", () => {
    const attempt = fresh();
    const first = attempt.keyFor({ to: "cnv_1", body: "Hello" });
    expect(attempt.keyFor({ to: "cnv_1", body: "Hello" })).toBe(first);
  });

  it("uses a new key once the words were changed", () => {
    const attempt = fresh();
    expect(attempt.keyFor({ body: "Helo" })).not.toBe(attempt.keyFor({ body: "Hello" }));
  });

  it("lets a person say the same thing twice on purpose", () => {
    const attempt = fresh();
    const first = attempt.keyFor({ body: "Hello" });
    attempt.done();
    expect(attempt.keyFor({ body: "Hello" })).not.toBe(first);
  });
});
