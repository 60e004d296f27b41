use super::*;
use crate::content::Kind;

const ACCOUNT: &str = "971500000001";
const ANA: &str = "100000000000001";

fn token(text: &str) -> Option<String> {
    let at = text.find('#')?;
    Some(text[at..].split_whitespace().next()?.to_owned())
}

fn ask(ledger: &mut Ledger, n: u64) {
    ledger.sent(
        ACCOUNT,
        Sent {
            chat: ANA.into(),
            author: ANA.into(),
            id: format!("q{n}"),
            text: format!("question #{n}"),
            at: Duration::from_millis(n),
        },
    );
}

fn answer(ledger: &mut Ledger, id: &str, n: u64) {
    ledger.shown(
        ACCOUNT,
        Shown {
            chat: ANA.into(),
            reader: ANA.into(),
            id: id.into(),
            kind: Kind::Text,
            text: format!("answer to #{n}"),
            at: Duration::from_millis(n + 10),
        },
    );
}

#[test]
fn every_question_answered_once_in_order_is_clean() {
    let mut ledger = Ledger::default();
    for n in 1..=3 {
        ask(&mut ledger, n);
    }
    for n in 1..=3 {
        answer(&mut ledger, &format!("a{n}"), n);
    }
    let verdict = ledger.judge_answers(token);
    assert!(verdict.is_clean(), "{verdict:?}");
    assert_eq!((verdict.expected, verdict.answered), (3, 3));
    assert_eq!(
        verdict.latency_percentile(50.0),
        Some(Duration::from_millis(10))
    );
}

#[test]
fn an_unanswered_question_is_lost() {
    let mut ledger = Ledger::default();
    ask(&mut ledger, 1);
    ask(&mut ledger, 2);
    answer(&mut ledger, "a2", 2);
    let verdict = ledger.judge_answers(token);
    assert_eq!(verdict.lost, ["#1"]);
    assert!(!verdict.is_clean());
}

#[test]
fn two_answers_with_different_ids_are_a_double_but_the_same_id_is_hidden() {
    let mut ledger = Ledger::default();
    ask(&mut ledger, 1);
    answer(&mut ledger, "a1", 1);
    answer(&mut ledger, "a1", 1);
    assert!(ledger.judge_answers(token).is_clean());
    assert_eq!(ledger.counts(ACCOUNT).hidden_doubles, 1);
    answer(&mut ledger, "b1", 1);
    assert_eq!(ledger.judge_answers(token).duplicated, ["#1"]);
}

#[test]
fn swapped_answers_are_named() {
    let mut ledger = Ledger::default();
    for n in 1..=3 {
        ask(&mut ledger, n);
    }
    for n in [2, 1, 3] {
        answer(&mut ledger, &format!("a{n}"), n);
    }
    assert_eq!(ledger.judge_answers(token).reordered, ["#1"]);
}

#[test]
fn what_a_recipient_could_not_read_at_first_keeps_its_place() {
    let mut ledger = Ledger::default();
    for n in 1..=4 {
        ask(&mut ledger, n);
    }
    answer(&mut ledger, "a1", 1);
    for id in ["a2", "a3", "a2"] {
        ledger.undecryptable(ACCOUNT, ANA, ANA, id);
    }
    answer(&mut ledger, "a4", 4);
    answer(&mut ledger, "a3", 3);
    answer(&mut ledger, "a2", 2);
    let verdict = ledger.judge_answers(token);
    assert!(verdict.is_clean(), "{verdict:?}");
}

#[test]
fn a_place_that_was_wrong_already_is_not_mended_by_waiting() {
    let mut ledger = Ledger::default();
    for n in 1..=3 {
        ask(&mut ledger, n);
    }
    answer(&mut ledger, "a2", 2);
    ledger.undecryptable(ACCOUNT, ANA, ANA, "a1");
    answer(&mut ledger, "a1", 1);
    // Its retry comes again, and somebody else waited for an id like it.
    ledger.undecryptable(ACCOUNT, "another chat", ANA, "a3");
    ledger.undecryptable(ACCOUNT, ANA, ANA, "a1");
    answer(&mut ledger, "a3", 3);
    assert_eq!(ledger.judge_answers(token).reordered, ["#1"]);
}

#[test]
fn what_stays_unreadable_is_lost() {
    let mut ledger = Ledger::default();
    ask(&mut ledger, 1);
    ledger.undecryptable(ACCOUNT, ANA, ANA, "a1");
    assert_eq!(ledger.judge_answers(token).lost, ["#1"]);
}

#[test]
fn an_answer_to_nothing_is_unexpected() {
    let mut ledger = Ledger::default();
    answer(&mut ledger, "a9", 9);
    assert_eq!(ledger.judge_answers(token).unexpected, ["#9"]);
}

#[test]
fn raw_resends_and_redeliveries_are_counted_apart() {
    let mut ledger = Ledger::default();
    ledger.raw(ACCOUNT, 1, ANA, "m1");
    ledger.raw(ACCOUNT, 1, ANA, "m1");
    ledger.handed(ACCOUNT, 1, "in1");
    ledger.handed(ACCOUNT, 1, "in1");
    ledger.handed(ACCOUNT, 1, "in2");
    ledger.acked(ACCOUNT, 1, "in1");
    ledger.acked(ACCOUNT, 1, "in1");
    let counts = ledger.counts(ACCOUNT);
    assert_eq!((counts.raw_received, counts.resent_raw), (2, 1));
    assert_eq!(
        (counts.delivered, counts.redelivered, counts.acked),
        (2, 1, 1)
    );
    assert_eq!(ledger.judge_answers(token).unacked, ["in2"]);
}

#[test]
fn long_texts_are_cut_between_characters() {
    let long = "é".repeat(MAX_TEXT_CHARS + 5);
    assert_eq!(clipped(&long).chars().count(), MAX_TEXT_CHARS);
}
