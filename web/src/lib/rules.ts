import type { Rule, RuleConditions, RuleDraft, RuleMatch } from "./api/types.ts";
import { words } from "./format/states.ts";

/** A rule as its form holds it: everything a person can type. */
export interface RuleForm {
  name: string;
  on: RuleMatch["on"];
  text: string;
  /** Names of intents, separated by commas. */
  intents: string;
  /** Kinds of values, separated by commas. */
  mentions: string;
  feeling: string;
  urgency: string;
  files: RuleConditions["files"];
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
  return { name: "", on: "any_word", text: "", intents: "", mentions: "", feeling: "", urgency: "", files: "ignored", answer: "", scope: "direct", account: "", minutes: 10, position: last + STEP, enabled: true };
}

export function formOf(rule: Rule): RuleForm {
  const { matches } = rule;
  const text = matches.on === "any" ? "" : matches.on === "any_word" ? matches.words.join(", ") : matches.text;
  return {
    name: rule.name,
    on: matches.on,
    text,
    intents: rule.when.intents.map(words).join(", "),
    mentions: rule.when.mentions.map(words).join(", "),
    feeling: rule.when.feeling ?? "",
    urgency: rule.when.urgency ?? "",
    files: rule.when.files ?? "ignored",
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
    when: {
      intents: namesOf(form.intents),
      mentions: namesOf(form.mentions),
      feeling: (form.feeling || null) as RuleConditions["feeling"],
      urgency: (form.urgency || null) as RuleConditions["urgency"],
      files: form.files,
    },
    answer: form.answer,
    scope: form.scope,
    account: form.account || null,
    max_age: Number(form.minutes) * MINUTE_MS,
    position: Number(form.position),
    enabled: form.enabled,
  };
}

/** "Viewing request, offer" as the server names them: `viewing_request`, `offer`. */
function namesOf(text: string): string[] {
  return text.split(/[,\n،]/).map((name) => name.trim().toLowerCase().replace(/\s+/g, "_")).filter(Boolean);
}

/** What must hold besides, as the end of a sentence; empty when nothing must. */
export function describeConditions(when: RuleConditions): string {
  const some = (names: string[]) => names.map((name) => words(name).toLowerCase()).join(" or ");
  const parts = [
    when.intents.length > 0 ? `means ${some(when.intents)}` : "",
    when.mentions.length > 0 ? `mentions a ${some(when.mentions)}` : "",
    when.feeling ? `feels ${when.feeling}` : "",
    when.urgency && when.urgency !== "normal" ? `is ${when.urgency === "high" ? "urgent" : "critical"}` : "",
  ].filter(Boolean);
  const into = when.files === "read" ? ", its file included" : "";
  return (parts.length > 0 ? ` and ${parts.join(" and ")}` : "") + into;
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
