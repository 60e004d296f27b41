import type { Rule, RuleDraft, RuleMatch } from "./api/types.ts";

/** A rule as its form holds it: everything a person can type. */
export interface RuleForm {
  name: string;
  on: RuleMatch["on"];
  text: string;
  answer: string;
  scope: Rule["scope"];
  account: string;
  minutes: number | string;
  position: number | string;
  enabled: boolean;
}

const MINUTE_MS = 60_000;
/** Rules are placed ten apart, so that one can be put between two others. */
const STEP = 10;

export function emptyForm(rules: Rule[]): RuleForm {
  const last = rules.reduce((max, rule) => Math.max(max, rule.position), 0);
  return { name: "", on: "any_word", text: "", answer: "", scope: "direct", account: "", minutes: 10, position: last + STEP, enabled: true };
}

export function formOf(rule: Rule): RuleForm {
  const { matches } = rule;
  const text = matches.on === "any" ? "" : matches.on === "any_word" ? matches.words.join(", ") : matches.text;
  return {
    name: rule.name,
    on: matches.on,
    text,
    answer: rule.answer,
    scope: rule.scope,
    account: rule.account ?? "",
    minutes: Math.max(1, Math.round(rule.max_age / MINUTE_MS)),
    position: rule.position,
    enabled: rule.enabled,
  };
}

export function draftOf(form: RuleForm): RuleDraft {
  return {
    name: form.name.trim(),
    matches: matchOf(form),
    answer: form.answer,
    scope: form.scope,
    account: form.account || null,
    max_age: Number(form.minutes) * MINUTE_MS,
    position: Number(form.position),
    enabled: form.enabled,
  };
}

function matchOf(form: RuleForm): RuleMatch {
  if (form.on === "any") return { on: "any" };
  if (form.on === "any_word") return { on: "any_word", words: form.text.split(/[,\n،]/).map((w) => w.trim()).filter(Boolean) };
  return { on: form.on, text: form.text.trim() };
}

/** The end of a sentence that begins "When a message". */
export function describeMatch(matches: RuleMatch): string {
  switch (matches.on) {
    case "any":
      return "has any text";
    case "equals":
      return `is exactly “${matches.text}”`;
    case "contains":
      return `contains “${matches.text}”`;
    case "starts_with":
      return `starts with “${matches.text}”`;
    case "any_word":
      return `contains ${matches.words.map((w) => `“${w}”`).join(" or ")}`;
    default:
      return "fits";
  }
}
