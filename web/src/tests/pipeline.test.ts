import { describe, expect, it } from "vitest";
import type { ExplainedPart } from "../lib/api/types.ts";
import { aboutThread, decision, decisionTone, outcomeLook, took } from "../lib/format/pipeline.ts";

const part = (name: string, decided: unknown): ExplainedPart => ({ part: name, title: name, outcome: "found", text: "It found something.", took_us: 12, decided: decided as ExplainedPart["decided"] });

describe("durations", () => {
  it("are written in the unit that is read most easily", () => {
    expect([took(null), took(0), took(999), took(1_500), took(250_000)]).toEqual(["–", "0 µs", "999 µs", "1.5 ms", "250 ms"]);
  });
});

describe("what a part decided", () => {
  it("is one line", () => {
    expect(decision(part("intent", { name: "viewing_request", confidence: 0.914 }))).toBe("Viewing request, 91 % sure");
    expect(decision(part("flow", { score: 0.65, switched: true, signs: ["words", "gap"] }))).toBe("Turns to something else (0.65 of 0.60): words that say so, a long silence");
    expect(decision(part("threads", { number: 2, how: "returned" }))).toBe("Thread 2: it comes back to it");
    expect(decision(part("entities", [{}, {}]))).toBe("2 values");
    expect(decision({ ...part("intent", null), text: "It was switched off." })).toBe("It was switched off.");
  });
  it("shows what is urgent before how it feels", () => {
    expect(decisionTone(part("sentiment", { label: "negative", urgency: "normal" }))).toBe("bad");
    expect(decisionTone(part("sentiment", { label: "positive", urgency: "high" }))).toBe("warn");
    expect(decisionTone(part("intent", { label: "negative" }))).toBe("idle");
  });
});

describe("states of parts", () => {
  it("have words of their own, unknown ones too", () => {
    expect(outcomeLook("failed").tone).toBe("bad");
    expect(outcomeLook(null).label).toBe("Not read");
  });
});

describe("a thread", () => {
  it("is called by what it is about", () => {
    expect(aboutThread([])).toBe("No particular matter");
    expect(aboutThread([{ kind: "unit", value: "1203" }, { kind: "project", value: "Marina Gate" }])).toBe("unit 1203, Marina Gate");
    const many = ["A", "B", "C", "D", "E"].map((value) => ({ kind: "project", value }));
    expect(aboutThread(many)).toBe("A, B, C, D and 1 more");
  });
});
