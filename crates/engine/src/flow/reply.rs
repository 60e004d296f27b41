//! Reply rules at work: the first that matches answers, if the message deserves an answer.

use super::parts::Part;
use super::stage::{Effect, Findings, Group, Input, ReplyFinding, Stage, StageError};
use crate::model::address::Address;
use crate::model::content::Content;
use crate::model::id::AccountId;
use crate::model::rule::{Conditions, FileWords, Rule, Scope};
use crate::model::time::{Duration, Timestamp};
use std::borrow::Cow;

/// Answers by rules in one conversation within [`LOOP_WINDOW`]; at this many they fall silent
/// there, so that two programs do not answer each other for ever.
pub const ANSWERS_MAX_DEFAULT: u32 = 20;
/// The time over which answers are counted.
pub const LOOP_WINDOW: Duration = Duration::mins(1);

/// Answers by rules.
#[derive(Debug, Clone, Copy)]
pub struct Reply {
    /// Answers per conversation and [`LOOP_WINDOW`].
    pub answers_max: u32,
}

impl Default for Reply {
    fn default() -> Self {
        Self {
            answers_max: ANSWERS_MAX_DEFAULT,
        }
    }
}

impl Stage for Reply {
    fn name(&self) -> &'static str {
        "reply"
    }

    fn group(&self) -> Group {
        Group::Conversation
    }

    fn run(
        &self,
        findings: &mut Findings,
        input: &Input,
        now: Timestamp,
    ) -> Result<Vec<Effect>, StageError> {
        let (finding, effects) = self.decide(findings, input, now);
        findings.reply = Some(finding);
        Ok(effects)
    }
}

impl Reply {
    fn decide(
        &self,
        findings: &Findings,
        input: &Input,
        now: Timestamp,
    ) -> (ReplyFinding, Vec<Effect>) {
        let says_nothing = input.content.words().is_none() && input.file_text.is_none();
        if !input.origin.may_act() || says_nothing {
            return (ReplyFinding::NotActedOn, Vec::new());
        }
        let Some((rule, said)) = first_match(findings, input) else {
            return (ReplyFinding::NoMatch, Vec::new());
        };
        if now.since(input.sent_at) > rule.max_age {
            return (ReplyFinding::TooOld { rule: rule.id }, Vec::new());
        }
        let answers = recent_answers(&input.answered_at, now);
        if answers >= self.answers_max {
            return (
                ReplyFinding::LoopGuard {
                    rule: rule.id,
                    answers,
                },
                Vec::new(),
            );
        }
        let answer = rule.render(&said, input.sender_name.as_deref().unwrap_or_default());
        if answer.trim().is_empty() {
            return (ReplyFinding::NoMatch, Vec::new());
        }
        let (content, to) = (Content::text(answer), input.chat.clone());
        let send = Effect::Send {
            content,
            to,
            rule: rule.id,
        };
        (ReplyFinding::Answered { rule: rule.id }, vec![send])
    }
}

/// The first rule that answers, and the words that it looked at.
fn first_match<'i>(findings: &Findings, input: &'i Input) -> Option<(&'i Rule, Cow<'i, str>)> {
    if input.content.is_annotation() {
        return None;
    }
    let applies = |rule: &'i Rule| {
        let words = said(rule, input)?;
        let fits = concerns(rule, input.account, &input.chat)
            && rule.matches(&words)
            && hold(&rule.conditions, findings);
        fits.then_some((rule, words))
    };
    input
        .rules
        .iter()
        .filter_map(applies)
        .min_by_key(|(rule, _)| (rule.position, rule.id))
}

/// What a rule looks at: what was typed, and what the file says when the rule asks for it.
fn said<'i>(rule: &Rule, input: &'i Input) -> Option<Cow<'i, str>> {
    let file = match rule.conditions.files {
        FileWords::Read => input.file_text.as_deref(),
        FileWords::Ignored => None,
    };
    with_file(input.content.words(), file)
}

/// What was typed and what the file says, one after the other; `None` when there is neither.
#[must_use]
pub fn with_file<'t>(typed: Option<&'t str>, file: Option<&'t str>) -> Option<Cow<'t, str>> {
    match (typed, file) {
        (Some(typed), Some(file)) => Some(Cow::Owned(format!("{typed}\n{file}"))),
        (one, other) => one.or(other).map(Cow::Borrowed),
    }
}

/// Whether a rule is on, and for this account and this kind of chat.
fn concerns(rule: &Rule, account: AccountId, chat: &Address) -> bool {
    rule.enabled && rule.account.is_none_or(|only| only == account) && in_scope(rule.scope, chat)
}

/// Whether a rule wants to know what the files in this chat say.
#[must_use]
pub fn wants_files(rules: &[Rule], account: AccountId, chat: &Address) -> bool {
    rules
        .iter()
        .any(|rule| !rule.conditions.files.are_ignored() && concerns(rule, account, chat))
}

/// The parts that rules go by for this message: those that say what it means, where a rule for its chat looks for
/// its words and wants to know. They must not rest, or the rule would answer nothing. Each once; none for a
/// message that is not answered.
#[must_use]
pub fn parts_needed(input: &Input) -> Vec<Part> {
    if !input.origin.may_act() || input.content.is_annotation() {
        return Vec::new();
    }
    let looks = |rule: &&Rule| {
        !rule.conditions.is_empty()
            && concerns(rule, input.account, &input.chat)
            && said(rule, input).is_some_and(|words| rule.matches(&words))
    };
    let mut needed: Vec<Part> = input
        .rules
        .iter()
        .filter(looks)
        .flat_map(|rule| gone_by(&rule.conditions))
        .collect();
    needed.sort_unstable();
    needed.dedup();
    needed
}

/// The parts whose findings conditions go by.
fn gone_by(conditions: &Conditions) -> Vec<Part> {
    let Conditions {
        intents,
        mentions,
        feeling,
        urgency,
        files: _,
    } = conditions;
    let mut parts = Vec::new();
    if !intents.is_empty() {
        // An intent is told by the values too.
        parts.extend([Part::Entities, Part::Intent]);
    }
    if !mentions.is_empty() {
        parts.push(Part::Entities);
    }
    if feeling.is_some() || urgency.is_some() {
        parts.push(Part::Sentiment);
    }
    parts
}

/// Whether a message means what a rule looks for.
fn hold(conditions: &Conditions, findings: &Findings) -> bool {
    let Conditions {
        intents,
        mentions,
        feeling,
        urgency,
        files: _,
    } = conditions;
    let wants = || {
        let found = findings.intent.as_ref();
        found.is_some_and(|intent| intents.contains(&intent.name))
    };
    let names = || {
        let mut values = findings.values.iter();
        values.any(|value| mentions.contains(&value.kind))
    };
    let felt = findings.sentiment.as_ref();
    (intents.is_empty() || wants())
        && (mentions.is_empty() || names())
        && feeling.is_none_or(|feeling| felt.is_some_and(|felt| felt.label == feeling))
        && urgency.is_none_or(|least| felt.is_some_and(|felt| felt.urgency >= least))
}

fn in_scope(scope: Scope, chat: &Address) -> bool {
    match scope {
        Scope::Direct => chat.is_person(),
        Scope::Groups => chat.is_group(),
        Scope::Everywhere => chat.is_person() || chat.is_group(),
    }
}

fn recent_answers(answered_at: &[Timestamp], now: Timestamp) -> u32 {
    let within = |at: &&Timestamp| now.since(**at) < LOOP_WINDOW;
    u32::try_from(answered_at.iter().filter(within).count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::stage::text_from;
    use super::*;
    use crate::flow::meaning::{Feeling, IntentFinding, Reading, SentimentFinding, Urgency};
    use crate::model::id::{RuleId, WorkspaceId};
    use crate::model::message::Origin;
    use crate::model::rule::{MAX_AGE_DEFAULT, Match};
    use std::sync::Arc;

    const NOW: Timestamp = Timestamp(61_000);

    fn rule(id: i64, position: i32, matches: Match, answer: &str) -> Rule {
        Rule {
            id: RuleId::from_raw(id),
            workspace: WorkspaceId::DEFAULT,
            account: None,
            name: "a rule".into(),
            position,
            matches,
            conditions: Conditions::default(),
            scope: Scope::Direct,
            answer: answer.into(),
            max_age: MAX_AGE_DEFAULT,
            enabled: true,
            created_at: Timestamp(0),
        }
    }

    fn echo() -> Rule {
        rule(1, 10, Match::Any, "You said: {text}")
    }

    fn asked(rules: Vec<Rule>, change: impl FnOnce(&mut Input)) -> (ReplyFinding, Vec<String>) {
        let mut input = text_from("7", "Price please");
        input.rules = Arc::new(rules);
        change(&mut input);
        let mut findings = Findings::default();
        if let Some(reading) = &input.reading {
            findings.take(reading);
        }
        let (finding, effects) = Reply::default().decide(&findings, &input, NOW);
        let words = |effect: &Effect| {
            let Effect::Send { content, to, .. } = effect;
            assert_eq!(*to, input.chat);
            content.words().unwrap_or_default().to_owned()
        };
        (finding, effects.iter().map(words).collect())
    }

    #[test]
    fn the_first_matching_rule_by_position_answers() {
        let price = rule(
            2,
            5,
            Match::AnyWord {
                words: vec!["price".into()],
            },
            "Hi {name}: 10",
        );
        let (finding, answers) = asked(vec![echo(), price], |_| {});
        assert_eq!(
            finding,
            ReplyFinding::Answered {
                rule: RuleId::from_raw(2)
            }
        );
        assert_eq!(answers, ["Hi Ana: 10"]);
    }

    #[test]
    fn what_an_outsider_wrote_is_never_read_as_a_template() {
        let (_, answers) = asked(vec![echo()], |i| i.content = Content::text("{name} {text}"));
        assert_eq!(answers, ["You said: {name} {text}"]);
    }

    #[test]
    fn old_own_and_past_messages_are_not_answered() {
        let silent = |expect: ReplyFinding, change: fn(&mut Input)| {
            assert_eq!(asked(vec![echo()], change), (expect, Vec::new()));
        };
        let rule = RuleId::from_raw(1);
        silent(ReplyFinding::TooOld { rule }, |i| {
            i.sent_at = Timestamp(61_000 - 600_001)
        });
        silent(ReplyFinding::NotActedOn, |i| i.origin = Origin::History);
        silent(ReplyFinding::NotActedOn, |i| i.origin = Origin::Own);
        silent(ReplyFinding::NotActedOn, |i| {
            i.content = Content::Placeholder
        });
        silent(ReplyFinding::NoMatch, |i| i.chat = Address::group("123"));
        silent(ReplyFinding::NoMatch, |i| {
            i.chat = Address::Other("status@broadcast".into())
        });
        silent(ReplyFinding::NoMatch, |i| {
            i.content = Content::Edit {
                target: "x".into(),
                body: "edited".into(),
            };
        });
    }

    #[test]
    fn a_rule_can_be_for_groups_for_one_account_or_switched_off() {
        let in_group = |i: &mut Input| i.chat = Address::group("123");
        let groups = Rule {
            scope: Scope::Groups,
            ..echo()
        };
        assert_eq!(asked(vec![groups.clone()], in_group).1.len(), 1);
        assert_eq!(asked(vec![groups], |_| {}).1.len(), 0);
        let foreign = Rule {
            account: Some(AccountId::from_raw(99)),
            ..echo()
        };
        assert_eq!(asked(vec![foreign], |_| {}).0, ReplyFinding::NoMatch);
        let off = Rule {
            enabled: false,
            ..echo()
        };
        assert_eq!(asked(vec![off], |_| {}).0, ReplyFinding::NoMatch);
    }

    #[test]
    fn a_rule_can_go_by_what_a_message_means() {
        let reading = Reading {
            intent: Some(IntentFinding {
                name: "complaint".into(),
                confidence: 0.9,
            }),
            sentiment: Some(SentimentFinding {
                score: -0.7,
                label: Feeling::Negative,
                urgency: Urgency::High,
            }),
            ..Reading::default()
        };
        let answers = |conditions: Conditions| {
            let rule = Rule {
                conditions,
                ..echo()
            };
            let read = |i: &mut Input| i.reading = Some(Arc::new(reading.clone()));
            (
                asked(vec![rule.clone()], read).1.len(),
                asked(vec![rule], |_| {}).1.len(),
            )
        };
        let intents = |names: &[&str]| Conditions {
            intents: names.iter().map(ToString::to_string).collect(),
            ..Conditions::default()
        };
        assert_eq!(answers(Conditions::default()), (1, 1));
        assert_eq!(answers(intents(&["offer", "complaint"])), (1, 0));
        assert_eq!(answers(intents(&["offer"])), (0, 0));
        let upset = Conditions {
            feeling: Some(Feeling::Negative),
            urgency: Some(Urgency::High),
            ..intents(&["complaint"])
        };
        assert_eq!(answers(upset.clone()), (1, 0));
        let burning = Conditions {
            urgency: Some(Urgency::Critical),
            ..upset
        };
        assert_eq!(answers(burning), (0, 0));
        let with_number = Conditions {
            mentions: vec!["phone".into()],
            ..Conditions::default()
        };
        assert_eq!(answers(with_number), (0, 0));
    }

    #[test]
    fn a_rule_keeps_the_parts_that_it_goes_by_awake_for_the_messages_it_looks_for() {
        let when = |conditions: Conditions| Rule {
            conditions,
            ..rule(
                1,
                10,
                Match::Contains {
                    text: "price".into(),
                },
                "10",
            )
        };
        let wants = || Conditions {
            intents: vec!["offer".into()],
            ..Conditions::default()
        };
        let feels = Conditions {
            urgency: Some(Urgency::High),
            ..Conditions::default()
        };
        let names = Conditions {
            mentions: vec!["phone".into()],
            ..Conditions::default()
        };
        let needed = |rules: &[Rule], change: fn(&mut Input)| {
            let mut input = text_from("7", "Price please");
            input.rules = Arc::new(rules.to_vec());
            change(&mut input);
            parts_needed(&input)
        };
        let nothing: [Part; 0] = [];
        assert_eq!(
            needed(&[echo(), when(Conditions::default())], |_| {}),
            nothing
        );
        assert_eq!(
            needed(&[when(wants())], |_| {}),
            [Part::Entities, Part::Intent]
        );
        assert_eq!(needed(&[when(names.clone())], |_| {}), [Part::Entities]);
        assert_eq!(
            needed(&[when(feels), when(names), when(wants())], |_| {}),
            [Part::Entities, Part::Intent, Part::Sentiment]
        );
        let elsewhere: [fn(&mut Input); 4] = [
            |i| i.content = Content::text("hello"),
            |i| i.chat = Address::group("123"),
            |i| i.origin = Origin::History,
            |i| i.account = AccountId::from_raw(99),
        ];
        for change in elsewhere {
            let only = Rule {
                account: Some(AccountId::from_raw(2)),
                ..when(wants())
            };
            assert_eq!(needed(&[only], change), nothing);
        }
    }

    #[test]
    fn what_a_file_says_is_answered_only_by_rules_that_look_into_files() {
        let price = || Match::Contains {
            text: "price".into(),
        };
        let into_files = Rule {
            conditions: Conditions {
                files: FileWords::Read,
                ..Conditions::default()
            },
            ..rule(2, 20, price(), "Seen: {text}")
        };
        let only_words = rule(1, 10, price(), "Typed: {text}");
        let account = text_from("7", "").account;
        let chat = Address::phone("971500000009");
        assert!(wants_files(
            std::slice::from_ref(&into_files),
            account,
            &chat
        ));
        assert!(!wants_files(
            std::slice::from_ref(&only_words),
            account,
            &chat
        ));
        assert!(!wants_files(
            std::slice::from_ref(&into_files),
            account,
            &Address::group("1")
        ));
        let with = |typed: &str, file: Option<&str>| {
            asked(vec![only_words.clone(), into_files.clone()], |i| {
                i.content = Content::text(typed);
                i.file_text = file.map(Into::into);
            })
            .1
        };
        assert_eq!(
            with("Here", Some("Our price list")),
            ["Seen: Here\nOur price list"]
        );
        assert_eq!(with("The price?", Some("Nothing")), ["Typed: The price?"]);
        assert_eq!(with("Here", None), [""; 0]);
    }

    #[test]
    fn two_programs_do_not_answer_each_other_for_ever() {
        let mut answered: Vec<Timestamp> = Vec::new();
        let (mut answers, mut silenced) = (0, 0);
        for second in 0..600 {
            let now = Timestamp(second * 1_000);
            let mut input = text_from("7", "ping");
            (input.sent_at, input.answered_at) = (now, answered.clone());
            input.rules = Arc::new(vec![echo()]);
            match Reply::default().decide(&Findings::default(), &input, now) {
                (ReplyFinding::Answered { .. }, _) => {
                    answers += 1;
                    answered.push(now);
                }
                (ReplyFinding::LoopGuard { answers: 20, .. }, effects) => {
                    assert!(effects.is_empty());
                    silenced += 1;
                }
                (other, _) => panic!("{other:?}"),
            }
        }
        assert_eq!(
            (answers, silenced),
            (200, 400),
            "20 a minute, and the findings say so"
        );
    }
}
