use super::*;
use crate::model::Address;

const LINKED: Timestamp = Timestamp(1_000_000_000);
const ANA: &str = "971500000002";

fn at(secs: u64) -> Timestamp {
    LINKED + Duration::secs(secs)
}

fn mark(chat: &str, wire_id: &str, secs: u64) -> Mark {
    Mark {
        chat: Address::phone(chat),
        wire_id: wire_id.to_owned(),
        from_me: false,
        sent_at: at(secs),
    }
}

fn gaps() -> Gaps {
    let mut gaps = Gaps::new(GapsConfig::default(), LINKED, LINKED, Vec::new());
    let nothing = gaps.step(Input::Online, at(0));
    assert_eq!(nothing, []);
    gaps
}

fn synced(announced: u32, arrived: u32, backlog: Backlog) -> Input {
    Input::Synced {
        announced,
        arrived,
        backlog,
    }
}

fn missing(gaps: &Gaps) -> u32 {
    gaps.held.values().map(Gap::missing).sum()
}

fn told(effects: &[Effect]) -> Vec<(GapKind, GapState, &News)> {
    let told = effects.iter().filter_map(|effect| match effect {
        Effect::Keep(gap, news) if *news != News::None => Some((gap.kind, gap.state, news)),
        _ => None,
    });
    told.collect()
}

/// Lets time pass until something is to be done; answers when, and what.
fn next(gaps: &mut Gaps) -> (Timestamp, Vec<Effect>) {
    for _ in 0..100 {
        let now = gaps.wake_at().expect("something is to be done");
        let effects = gaps.step(Input::Tick, now);
        if !effects.is_empty() {
            return (now, effects);
        }
    }
    panic!("ticks without end");
}

/// Goes on until the phone is asked; `behind` is what is found on the way. Answers when, and before
/// which message.
fn asked(gaps: &mut Gaps, behind: &[Mark]) -> (Timestamp, Mark) {
    for _ in 0..20 {
        let (now, mut effects) = next(gaps);
        let looked = effects.iter().find_map(|effect| match effect {
            Effect::Look(gap) => Some(gap.key.clone()),
            _ => None,
        });
        if let Some(key) = looked {
            let behind = behind.to_vec();
            effects = gaps.step(Input::Found { key, behind }, now);
        }
        if let Some(Effect::Check { key, .. }) = effects.first() {
            let checked = Input::Checked {
                key: key.clone(),
                here: false,
            };
            effects = gaps.step(checked, now);
        }
        for effect in effects {
            if let Effect::Ask(before) = effect {
                return (now, before);
            }
        }
    }
    panic!("the phone is not asked");
}

#[test]
fn a_backlog_that_comes_whole_leaves_nothing_missing() {
    let mut gaps = gaps();
    let effects = gaps.step(synced(10, 10, Backlog::Whole), at(60));
    assert_eq!(effects, [Effect::CaughtUp(at(60))]);
    assert!(!gaps.is_watching());
    assert_eq!(gaps.wake_at(), None);
}

#[test]
fn three_of_ten_did_not_come_and_the_phone_has_them() {
    let mut gaps = gaps();
    let effects = gaps.step(synced(10, 7, Backlog::Whole), at(600));
    assert_eq!(
        told(&effects),
        [(GapKind::Announced, GapState::Open, &News::Found)]
    );
    assert_eq!(missing(&gaps), 3);
    let newest = mark(ANA, "10", 500);
    let (now, before) = asked(&mut gaps, std::slice::from_ref(&newest));
    assert_eq!(before, newest);
    let stored = ["3", "5", "8"].map(|id| mark(ANA, id, 300)).to_vec();
    let answer = Input::Answered {
        question: Question::Asked,
        given: 9,
        oldest: Some(mark(ANA, "1", 100)),
        stored,
    };
    let effects = gaps.step(answer, now);
    let news = News::Filled(["3", "5", "8"].map(str::to_owned).to_vec());
    assert_eq!(
        told(&effects),
        [(GapKind::Announced, GapState::Filled, &news)]
    );
    assert!(!gaps.is_watching());
}

#[test]
fn what_came_before_the_hole_or_lives_after_it_does_not_fill_it() {
    let mut gaps = gaps();
    let _ = gaps.step(synced(2, 2, Backlog::Whole), at(100));
    let _ = gaps.step(synced(4, 3, Backlog::Whole), at(600));
    let elsewhere = vec![mark(ANA, "old", 50), mark(ANA, "new", 700)];
    assert_eq!(gaps.step(Input::Stored(elsewhere), at(602)), []);
    assert_eq!(missing(&gaps), 1);
    let repaired = Input::Repaired(vec![mark(ANA, "unread", 300)]);
    assert_eq!(gaps.step(repaired, at(602)), []);
    assert_eq!(missing(&gaps), 1, "a repaired message had come");
    let late = vec![mark(ANA, "late", 300), mark(ANA, "more", 310)];
    let _ = gaps.step(Input::Stored(late), at(602));
    assert_eq!(missing(&gaps), 0);
}

#[test]
fn an_interrupted_backlog_is_no_hole_when_the_rest_comes_again() {
    let mut gaps = gaps();
    assert_eq!(gaps.step(synced(10, 4, Backlog::Interrupted), at(60)), []);
    let rest = (5..=10).map(|n| mark(ANA, &n.to_string(), 30)).collect();
    assert_eq!(gaps.step(Input::Stored(rest), at(62)), []);
    let effects = gaps.step(synced(6, 6, Backlog::Whole), at(63));
    assert_eq!(effects, [Effect::CaughtUp(at(63))]);
    assert!(!gaps.is_watching());
}

#[test]
fn what_an_interrupted_backlog_owed_and_never_gave_is_a_hole() {
    let mut gaps = gaps();
    let _ = gaps.step(synced(10, 4, Backlog::Interrupted), at(60));
    let rest = (5..=8).map(|n| mark(ANA, &n.to_string(), 30)).collect();
    let _ = gaps.step(Input::Stored(rest), at(62));
    let effects = gaps.step(synced(4, 4, Backlog::Whole), at(63));
    assert_eq!(
        told(&effects),
        [(GapKind::Announced, GapState::Open, &News::Found)]
    );
    assert_eq!(missing(&gaps), 2);
}

#[test]
fn an_answer_to_something_that_comes_a_moment_later_is_no_hole() {
    let mut gaps = gaps();
    let named = Input::Named {
        reference: Reference::Quoted,
        wire_id: "q".to_owned(),
        by: mark(ANA, "a", 60),
    };
    assert_eq!(gaps.step(named, at(60)), []);
    let (now, effects) = next(&mut gaps);
    let Some(Effect::Check { key, .. }) = effects.first() else {
        panic!("{effects:?}");
    };
    let here = Input::Checked {
        key: key.clone(),
        here: true,
    };
    assert_eq!(gaps.step(here, now), []);
    assert!(!gaps.is_watching());
}

#[test]
fn an_edit_proves_that_its_message_is_missing_and_an_answer_only_when_the_phone_gives_it() {
    for (reference, state) in [
        (Reference::Edited, GapState::Open),
        (Reference::Quoted, GapState::Doubtful),
    ] {
        let mut gaps = gaps();
        let named = Input::Named {
            reference,
            wire_id: "q".to_owned(),
            by: mark(ANA, "a", 7_200),
        };
        let _ = gaps.step(named, at(7_200));
        let (now, before) = asked(&mut gaps, &[]);
        assert_eq!(before, mark(ANA, "a", 7_200));
        assert_eq!(gaps.held["message:q"].state, state);
        let effects = gaps.step(Input::Stored(vec![mark(ANA, "q", 7_000)]), now);
        let news = News::Filled(vec!["q".to_owned()]);
        assert_eq!(
            told(&effects),
            [(reference.into(), GapState::Filled, &news)]
        );
    }
}

#[test]
fn an_answer_to_something_from_before_the_link_was_no_hole() {
    let mut gaps = gaps();
    let named = Input::Named {
        reference: Reference::Quoted,
        wire_id: "q".to_owned(),
        by: mark(ANA, "a", 60),
    };
    let _ = gaps.step(named, at(60));
    let (now, _) = asked(&mut gaps, &[]);
    let old = Mark {
        sent_at: LINKED - Duration::hours(1),
        ..mark(ANA, "q", 0)
    };
    let effects = gaps.step(Input::Stored(vec![old]), now);
    assert!(matches!(effects[..], [Effect::Drop(_)]), "{effects:?}");
}

#[test]
fn an_unreadable_message_is_asked_for_once_somebody_wrote_after_it() {
    let mut gaps = gaps();
    let _ = gaps.step(Input::Unreadable(mark(ANA, "x", 60)), at(60));
    let (now, effects) = next(&mut gaps);
    let Some(Effect::Check { key, .. }) = effects.first() else {
        panic!("{effects:?}");
    };
    let checked = Input::Checked {
        key: key.clone(),
        here: false,
    };
    let effects = gaps.step(checked, now);
    assert_eq!(
        told(&effects),
        [(GapKind::Unreadable, GapState::Open, &News::Found)]
    );
    let Some(Effect::Look(gap)) = effects.last() else {
        panic!("{effects:?}");
    };
    let nobody = Input::Found {
        key: gap.key.clone(),
        behind: Vec::new(),
    };
    let _ = gaps.step(nobody, now);
    let stranger = mark("971500000009", "s", 900);
    let _ = gaps.step(Input::Spoke(stranger), now + Duration::secs(1));
    let spoke = mark(ANA, "y", 901);
    let _ = gaps.step(Input::Spoke(spoke.clone()), now + Duration::secs(2));
    let (_, before) = asked(&mut gaps, &[]);
    assert_eq!(before, spoke);
}

#[test]
fn a_phone_that_never_answers_is_asked_so_often_with_growing_pauses_and_the_hole_stays_told() {
    let mut gaps = gaps();
    let _ = gaps.step(synced(5, 4, Backlog::Whole), at(600));
    let mut times = Vec::new();
    for _ in 0..ATTEMPTS_MAX {
        let (now, _) = asked(&mut gaps, &[mark(ANA, "n", 500)]);
        times.push(now);
    }
    let (_, effects) = next(&mut gaps);
    let Some(Effect::Keep(gap, News::None)) = effects.first() else {
        panic!("{effects:?}");
    };
    assert_eq!((gap.state, gap.missing()), (GapState::Lost, 1));
    assert_eq!(gaps.wake_at(), None, "nothing is asked any more");
    let pauses: Vec<Duration> = times.windows(2).map(|two| two[1].since(two[0])).collect();
    assert!(pauses.is_sorted() && pauses[0] < pauses[1], "{pauses:?}");
    // Whoever writes in a chat that was quiet since gives one more chance.
    let spoke = mark("971500000003", "later", 400_000);
    let _ = gaps.step(Input::Spoke(spoke.clone()), at(400_000));
    assert_eq!(asked(&mut gaps, &[]).1, spoke);
}

#[test]
fn a_chat_with_more_than_one_page_is_read_back_to_the_hole() {
    let mut gaps = gaps();
    let _ = gaps.step(synced(100, 99, Backlog::Whole), at(6_000));
    let (now, _) = asked(&mut gaps, &[mark(ANA, "n", 5_000)]);
    let page = mark(ANA, "p", 4_000);
    let full = Input::Answered {
        question: Question::Asked,
        given: ASK_COUNT,
        oldest: Some(page.clone()),
        stored: Vec::new(),
    };
    let _ = gaps.step(full, now);
    assert_eq!(asked(&mut gaps, &[]).1, page);
}

#[test]
fn nothing_is_asked_while_the_account_is_away_and_a_lost_question_is_no_try() {
    let mut gaps = gaps();
    let _ = gaps.step(synced(5, 4, Backlog::Whole), at(600));
    let (now, _) = asked(&mut gaps, &[mark(ANA, "n", 500)]);
    let _ = gaps.step(Input::Offline, now);
    assert_eq!(gaps.wake_at(), None);
    let _ = gaps.step(Input::Online, now);
    let (_, _) = asked(&mut gaps, &[mark(ANA, "n", 500)]);
    assert!(gaps.held.values().all(|gap| gap.attempts == 0));
}

#[test]
fn a_day_has_so_many_questions_whatever_is_missing() {
    let mut gaps = gaps();
    let many: Vec<Mark> = (0..CHATS_MAX)
        .map(|n| mark(&format!("9715{n:08}"), "n", 500))
        .collect();
    let mut asks = 0;
    let mut now = at(600);
    for round in 0..20_u64 {
        let _ = gaps.step(
            synced(9, 8, Backlog::Whole),
            at(600) + Duration::millis(round),
        );
    }
    let day = at(600) + Duration::hours(23);
    while let Some(due) = gaps.wake_at().filter(|due| *due <= day) {
        now = due.max(now);
        let mut effects = gaps.step(Input::Tick, now);
        while let Some(effect) = effects.pop() {
            match effect {
                Effect::Look(gap) => {
                    let found = Input::Found {
                        key: gap.key,
                        behind: many.clone(),
                    };
                    effects = gaps.step(found, now);
                }
                Effect::Ask(_) => {
                    asks += 1;
                    let nothing = Input::Answered {
                        question: Question::Asked,
                        given: 0,
                        oldest: None,
                        stored: Vec::new(),
                    };
                    effects = gaps.step(nothing, now);
                }
                _ => {}
            }
        }
    }
    assert_eq!(asks, ASKS_PER_DAY);
}

#[test]
fn very_many_named_messages_do_not_pile_up() {
    let mut gaps = gaps();
    for n in 0..=HELD_MAX {
        let _ = gaps.step(Input::Unreadable(mark(ANA, &n.to_string(), 60)), at(60));
    }
    assert_eq!(gaps.held.len(), HELD_MAX);
}

#[test]
fn what_nobody_had_missed_is_told_unless_it_is_from_before_the_link() {
    let old = Mark {
        sent_at: LINKED - Duration::secs(1),
        ..mark(ANA, "old", 0)
    };
    assert_eq!(recalled(std::slice::from_ref(&old), LINKED, at(60)), None);
    let gap = recalled(&[old, mark(ANA, "new", 30)], LINKED, at(60)).unwrap();
    assert_eq!((gap.expected, gap.missing()), (1, 0));
}

#[test]
fn a_message_that_is_counted_already_is_not_counted_again_when_it_is_named() {
    let mut gaps = gaps();
    let _ = gaps.step(synced(5, 4, Backlog::Whole), at(7_200));
    let named = Input::Named {
        reference: Reference::Edited,
        wire_id: "q".to_owned(),
        by: mark(ANA, "a", 7_201),
    };
    let _ = gaps.step(named, at(7_201));
    let (now, _) = asked(&mut gaps, &[mark(ANA, "n", 7_000)]);
    let key = "message:q".to_owned();
    let _ = gaps.step(Input::Checked { key, here: false }, now);
    assert_eq!(missing(&gaps), 1);
    let _ = gaps.step(Input::Stored(vec![mark(ANA, "q", 7_100)]), now);
    assert_eq!(missing(&gaps), 0);
    assert!(!gaps.is_watching());
}

fn piece(part: HistoryPart, order: u32, progress: u32) -> Input {
    Input::Piece(Piece {
        part,
        order: Some(order),
        progress: Some(progress),
        legible: Legible::Yes,
    })
}

/// Just linked: what is waited for is written down.
fn just_linked() -> Gaps {
    let mut gaps = gaps();
    let effects = gaps.step(Input::Linked, at(0));
    assert!(matches!(effects.as_slice(), [Effect::Await(Some(_))]));
    gaps
}

/// What a table row gives, and after five minutes of silence whether history counts as missing.
fn is_missed(pieces: &[Input]) -> bool {
    let mut gaps = just_linked();
    for piece in pieces {
        assert_eq!(told(&gaps.step(piece.clone(), at(10))), []);
    }
    let patience = GapsConfig::default().history;
    let effects = gaps.step(Input::Tick, at(10) + patience);
    match told(&effects).as_slice() {
        [] => false,
        [(GapKind::History, GapState::Open, News::Found)] => true,
        other => panic!("{other:?}"),
    }
}

#[test]
fn history_that_does_not_come_whole_is_missed() {
    use HistoryPart::{Newest, Recent};
    let illegible = Input::Piece(Piece {
        part: Recent,
        order: Some(2),
        progress: Some(100),
        legible: Legible::No,
    });
    let silent = Input::Piece(Piece {
        part: Newest,
        order: None,
        progress: None,
        legible: Legible::Yes,
    });
    for (what, pieces, missed) in [
        ("nothing came", vec![], true),
        ("all in one", vec![piece(Newest, 1, 100)], false),
        ("only the newest", vec![piece(Newest, 1, 50)], true),
        (
            "numbered through",
            vec![
                piece(Newest, 1, 10),
                piece(Recent, 2, 60),
                piece(Recent, 3, 100),
            ],
            false,
        ),
        (
            "numbered anew, and overtaking each other",
            vec![
                piece(Recent, 2, 100),
                piece(Newest, 1, 100),
                piece(Recent, 1, 40),
            ],
            false,
        ),
        (
            "one between two is missing",
            vec![
                piece(Newest, 1, 10),
                piece(Recent, 2, 50),
                piece(Recent, 4, 100),
            ],
            true,
        ),
        (
            "it never ends",
            vec![piece(Recent, 1, 10), piece(Recent, 2, 99)],
            true,
        ),
        (
            "a piece is torn",
            vec![piece(Newest, 1, 50), illegible],
            true,
        ),
        (
            "a phone that tells nothing is believed",
            vec![silent],
            false,
        ),
    ] {
        assert_eq!(is_missed(&pieces), missed, "{what}");
    }
}

#[test]
fn history_is_not_missed_while_nobody_is_connected_and_survives_a_restart() {
    let mut gaps = just_linked();
    let _ = gaps.step(Input::Offline, at(5));
    assert_eq!(gaps.wake_at(), None);
    assert_eq!(told(&gaps.step(Input::Tick, at(4_000))), []);
    let Some(Effect::Await(noted)) = gaps
        .step(piece(HistoryPart::Newest, 1, 50), at(4_001))
        .pop()
    else {
        panic!("what is awaited still is not written down");
    };
    // Another process goes on with what was written down.
    let mut gaps = Gaps::new(GapsConfig::default(), LINKED, LINKED, Vec::new()).awaiting(noted);
    assert_eq!(gaps.step(Input::Online, at(9_000)), []);
    let patience = GapsConfig::default().history;
    assert_eq!(gaps.wake_at(), Some(at(9_000) + patience));
    assert_eq!(told(&gaps.step(Input::Tick, at(9_100))), []);
    let late = gaps.step(Input::Tick, at(9_000) + patience);
    assert_eq!(
        told(&late),
        [(GapKind::History, GapState::Open, &News::Found)]
    );
}

/// A message from before the link.
fn old(chat: &str, wire_id: &str, secs_before: u64) -> Mark {
    Mark {
        sent_at: LINKED - Duration::secs(secs_before),
        ..mark(chat, wire_id, 0)
    }
}

#[test]
fn missing_history_is_asked_for_once_per_chat_and_stays_flagged() {
    let mut gaps = just_linked();
    let newest = [old(ANA, "a9", 60), old("971500000003", "b9", 90)];
    let mut stored = 0;
    for chat in &newest {
        let (now, before) = asked(&mut gaps, &newest);
        assert_eq!(before, *chat);
        let older = Mark {
            chat: chat.chat.clone(),
            ..old(ANA, "older", 500)
        };
        let effects = gaps.step(
            Input::Answered {
                question: Question::Asked,
                given: 1,
                oldest: Some(older.clone()),
                stored: vec![older],
            },
            now,
        );
        stored += 1;
        let came = News::Filled(vec!["older".to_owned()]);
        assert_eq!(told(&effects), [(GapKind::History, GapState::Open, &came)]);
    }
    // Both chats were asked to their beginning: nothing more can be had there.
    let mut lost = None;
    for _ in 0..20 {
        let (now, effects) = next(&mut gaps);
        assert!(
            !effects.iter().any(|e| matches!(e, Effect::Ask(_))),
            "{effects:?}"
        );
        if let Some(Effect::Look(gap)) = effects.first() {
            let key = gap.key.clone();
            let behind = newest.to_vec();
            let effects = gaps.step(Input::Found { key, behind }, now);
            if let Some(Effect::Keep(gap, _)) = effects.first() {
                lost = (gap.state == GapState::Lost).then(|| (gap.filled, gap.missing()));
            }
        }
        if lost.is_some() {
            break;
        }
    }
    assert_eq!(lost, Some((stored, 0)), "how many are missing nobody knows");
    // A chat of which nothing was known says something: what was before can be had.
    let new = mark("971500000004", "c1", 20_000);
    let _ = gaps.step(Input::Spoke(new.clone()), at(20_000));
    assert_eq!(asked(&mut gaps, &[]).1, new);
}

#[test]
fn history_that_comes_after_all_closes_its_hole() {
    let mut gaps = just_linked();
    let _ = gaps.step(piece(HistoryPart::Newest, 1, 50), at(1));
    let now = at(1) + GapsConfig::default().history;
    assert_eq!(told(&gaps.step(Input::Tick, now)).len(), 1);
    let effects = gaps.step(piece(HistoryPart::Recent, 2, 100), now + Duration::hours(1));
    let filled = News::Filled(Vec::new());
    assert_eq!(
        told(&effects),
        [(GapKind::History, GapState::Filled, &filled)]
    );
    assert!(matches!(effects.last(), Some(Effect::Await(None))));
}
