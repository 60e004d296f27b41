//! The stages: language and reply rules on words that anybody may write.
//!
//! An input is four lines: the sender's name, what the rule looks for (its first character says how), the
//! answer, and the message with whatever lines it has.

use std::sync::Arc;
use waypost_engine::flow::language::LETTERS_MIN;
use waypost_engine::flow::stage::{
    Effect, Findings, Input, LanguageFinding, Pipeline, ReplyFinding,
};
use waypost_engine::model::rule::{Conditions, MAX_AGE_DEFAULT, Match, Rule, Scope};
use waypost_engine::model::{
    AccountId, Address, Content, ConversationId, MessageId, Origin, RuleId, Seq, Timestamp,
    WorkspaceId,
};

const NOW: Timestamp = Timestamp(1_700_000_000_000);

pub(crate) fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.splitn(4, '\n');
    let mut line = || lines.next().unwrap_or_default().to_owned();
    let (name, wanted, answer, words) = (line(), line(), line(), line());
    let drawn = rule(how(&wanted), &answer);
    let input = input(&name, &words, drawn);
    let outcome = match Pipeline::default().process(&input, NOW) {
        Ok(outcome) => outcome,
        Err(error) => panic!("words alone make a dead letter: {error}"),
    };
    findings_can_be_kept(&outcome.findings);
    if let Some(language) = &outcome.findings.language {
        is_a_language(language, &words);
    }
    answered_once(&input, &outcome.findings, &outcome.effects);
    a_rule_finds_its_own_words(&words);
}

fn how(wanted: &str) -> Match {
    let mut rest = wanted.chars();
    let mark = rest.next();
    let text = rest.as_str().to_owned();
    match mark {
        Some('=') => Match::Equals { text },
        Some('~') => Match::Contains { text },
        Some('^') => Match::StartsWith { text },
        Some('|') => Match::AnyWord {
            words: text.split(' ').map(str::to_owned).collect(),
        },
        _ => Match::Any,
    }
}

fn rule(matches: Match, answer: &str) -> Rule {
    Rule {
        id: RuleId::from_raw(7),
        workspace: WorkspaceId::DEFAULT,
        account: None,
        name: "a rule".to_owned(),
        position: 1,
        matches,
        conditions: Conditions::default(),
        scope: Scope::Direct,
        answer: answer.to_owned(),
        max_age: MAX_AGE_DEFAULT,
        enabled: true,
        created_at: NOW,
    }
}

fn input(name: &str, words: &str, rule: Rule) -> Input {
    Input {
        message: MessageId::from_raw(1),
        account: AccountId::from_raw(2),
        conversation: ConversationId::from_raw(3),
        seq: Seq(1),
        origin: Origin::Live,
        content: Content::text(words),
        chat: Address::lid("100000000000002"),
        sender_name: Some(name.to_owned()),
        sent_at: NOW,
        recent: Vec::new(),
        answered_at: Vec::new(),
        rules: Arc::new(vec![rule]),
        reading: None,
        file_text: None,
    }
}

fn findings_can_be_kept(findings: &Findings) {
    let kept = serde_json::to_string(findings).map(|json| serde_json::from_str::<Findings>(&json));
    assert!(matches!(kept, Ok(Ok(_))), "{findings:?}");
}

fn is_a_language(language: &LanguageFinding, words: &str) {
    let code = &language.code;
    assert!(
        code.len() == 3 && code.bytes().all(|b| b.is_ascii_lowercase()),
        "{code:?}"
    );
    assert!(
        (0.0..=1.0).contains(&language.confidence),
        "{}",
        language.confidence
    );
    assert!(words.chars().filter(|c| c.is_alphabetic()).count() >= LETTERS_MIN);
}

fn answered_once(input: &Input, findings: &Findings, effects: &[Effect]) {
    let [Effect::Send { content, to, rule }] = effects else {
        assert_eq!(
            (effects, findings.reply.as_ref()),
            (&[][..], Some(&ReplyFinding::NoMatch))
        );
        return;
    };
    let [used] = &input.rules[..] else {
        panic!("one rule was handed in")
    };
    assert_eq!((to, *rule), (&input.chat, used.id));
    assert_eq!(
        findings.reply,
        Some(ReplyFinding::Answered { rule: used.id })
    );
    let name = input.sender_name.as_deref().unwrap_or_default();
    let expected = filled_in(
        &used.answer,
        input.content.words().unwrap_or_default(),
        name,
    );
    assert_eq!(content, &Content::text(expected));
}

/// The answer, written another way: cut at the marks, then put together with what outsiders wrote, so
/// that their text cannot be read as a mark.
fn filled_in(template: &str, text: &str, name: &str) -> String {
    let by_text: Vec<String> = template
        .split("{text}")
        .map(|part| part.split("{name}").collect::<Vec<_>>().join(name))
        .collect();
    by_text.join(text)
}

fn a_rule_finds_its_own_words(words: &str) {
    let own = words.trim().to_owned();
    for matches in [
        Match::Equals { text: own.clone() },
        Match::Contains { text: own.clone() },
        Match::StartsWith { text: own.clone() },
    ] {
        let found = rule(matches.clone(), "").matches(words);
        assert!(found, "{matches:?} does not find {words:?}");
    }
}
