//! Conversations that turn to something else, and the threads that come of it.

use super::{ANALYZER, monday};
use jiff::Timestamp;
use waypost_insight::Input;
use waypost_insight::flow::{Flow, Sign, subjects};
use waypost_insight::threads::{Joined, OPEN_MAX, Threads};

/// Plays messages at seconds; gives back which of them switched, and their threads.
fn play(messages: &[(i64, &str)]) -> (Vec<bool>, Vec<u64>, Flow, Threads) {
    let (mut flow, mut threads) = (Flow::default(), Threads::default());
    let (mut switches, mut places) = (Vec::new(), Vec::new());
    let at = monday();
    for (second, text) in messages {
        let then = Timestamp::from_second(at.timestamp().as_second() + second).unwrap();
        let analysis = ANALYZER.analyze(&Input {
            text,
            at: &at,
            locale: None,
        });
        let turn = flow.observe(text, &analysis, then);
        places.push(threads.place(&subjects(&analysis), &turn, then).thread);
        switches.push(turn.switched);
    }
    (switches, places, flow, threads)
}

#[test]
fn another_flat_is_another_matter_and_coming_back_finds_the_first() {
    let (switches, threads, flow, _) = play(&[
        (0, "is unit 1203 in Marina Gate still available?"),
        (30, "what is the price?"),
        (90, "by the way, do you have villas in Arabian Ranches?"),
        (150, "4 bedrooms, max 5M"),
        (
            600,
            "ok, and unit 1203 in Marina Gate, can I view it tomorrow?",
        ),
    ]);
    assert_eq!(switches[..4], [false, false, true, false]);
    assert_eq!(threads, [1, 1, 2, 2, 1]);
    assert!(flow.topics().count() >= 2);
}

#[test]
fn a_pause_alone_or_a_greeting_is_no_switch() {
    let (switches, threads, _, _) = play(&[
        (0, "hi"),
        (10, "looking for a 2br in JVC"),
        (900, "any update?"),
        (930, "thanks"),
    ]);
    assert_eq!(switches, [false; 4]);
    assert_eq!(threads, [1; 4]);
}

#[test]
fn a_new_matter_needs_no_announcement() {
    let (switches, _, _, _) = play(&[
        (0, "can you send me the invoice for March?"),
        (40, "to my gmail please"),
        (
            90,
            "the toilet in unit 804 is blocked, please send a plumber today",
        ),
    ]);
    assert_eq!(switches, [false, false, true]);
}

#[test]
fn signs_are_named() {
    let (mut flow, at) = (Flow::default(), monday());
    let mut turn = None;
    for text in [
        "2br in JVC please",
        "on another note, the villa in Mirdif has a leaking roof",
    ] {
        let analysis = ANALYZER.analyze(&Input {
            text,
            at: &at,
            locale: None,
        });
        turn = Some(flow.observe(text, &analysis, at.timestamp()));
    }
    let turn = turn.unwrap();
    assert!(
        turn.switched && turn.signs.contains(&Sign::Words) && turn.signs.contains(&Sign::Subject)
    );
}

#[test]
fn no_more_than_ten_threads_are_open() {
    let mut threads = Threads::default();
    let at = monday().timestamp();
    let switch = waypost_insight::flow::Turn {
        score: 1.0,
        switched: true,
        signs: vec![Sign::Words],
    };
    let mut closed = Vec::new();
    for i in 0..13 {
        let placed = threads.place(
            &[],
            &switch,
            Timestamp::from_second(at.as_second() + i).unwrap(),
        );
        assert_eq!(placed.how, Joined::Opened);
        closed.extend(placed.closed);
    }
    assert_eq!(threads.open().len(), OPEN_MAX);
    assert_eq!(closed, [1, 2, 3]);
}
