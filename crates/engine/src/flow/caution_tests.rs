use super::*;
use proptest::prelude::*;

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
/// Some midnight.
const START: i64 = 20_000 * DAY;

const LIMITS: CautionConfig = CautionConfig {
    unasked_per_day: 10,
    new_chats_per_day: 4,
    new_chat_gap: Duration::secs(30),
    warm_up: WarmUp::Off,
};

fn at(ms: i64) -> Timestamp {
    Timestamp(START + ms)
}

fn account() -> Caution {
    Caution::new(at(0))
}

fn goes(caution: &mut Caution, chat: Chat, config: &CautionConfig, now: i64) -> bool {
    let may = caution.may(chat, config, at(now)) == Verdict::Go;
    if may {
        caution.took(chat, at(now));
    }
    may
}

#[test]
fn answers_are_never_counted() {
    let mut caution = account();
    assert!((0..10_000).all(|n| goes(&mut caution, Chat::Answer, &LIMITS, n)));
    assert_eq!(caution.used(&LIMITS, at(10_000)).unasked, 0);
}

#[test]
fn the_days_limit_says_until_when() {
    let mut caution = account();
    let sent = (0..20).filter(|n| goes(&mut caution, Chat::Unasked, &LIMITS, n * 1_000));
    assert_eq!(sent.count(), 10);
    let until = at(DAY);
    let by = Guard::Day;
    assert_eq!(
        caution.may(Chat::Unasked, &LIMITS, at(HOUR)),
        Verdict::Wait { by, until }
    );
    assert!(goes(&mut caution, Chat::Unasked, &LIMITS, DAY));
}

#[test]
fn new_chats_keep_a_distance_and_have_a_limit_of_their_own() {
    let mut caution = account();
    let mut sent = Vec::new();
    for second in 0..200 {
        if goes(&mut caution, Chat::New, &LIMITS, second * 1_000) {
            sent.push(second);
        }
    }
    assert_eq!(sent, [0, 30, 60, 90]);
    let by = Guard::NewChats;
    let until = at(DAY);
    assert_eq!(
        caution.may(Chat::New, &LIMITS, at(300_000)),
        Verdict::Wait { by, until }
    );
    assert_eq!(
        caution.may(Chat::Unasked, &LIMITS, at(300_000)),
        Verdict::Go
    );
}

#[test]
fn a_young_account_gets_a_tenth_and_grows() {
    let config = CautionConfig {
        warm_up: WarmUp::On,
        unasked_per_day: 100,
        ..LIMITS
    };
    let caution = account();
    let limit = |day: i64| caution.used(&config, at(day * DAY)).unasked_max;
    let limits: Vec<_> = [0, 2, 3, 7, 14, 29, 30, 400].map(limit).to_vec();
    let grown = [10, 10, 20, 40, 70, 70, 100, 100].map(Some);
    assert_eq!(limits, grown);
    let mut young = account();
    assert!((0..10).all(|n| goes(&mut young, Chat::Unasked, &config, n)));
    let held = young.may(Chat::Unasked, &config, at(11));
    assert!(
        matches!(
            held,
            Verdict::Wait {
                by: Guard::WarmUp,
                ..
            }
        ),
        "{held:?}"
    );
}

#[test]
fn a_refused_new_chat_stops_new_chats_only() {
    let mut caution = account();
    let restriction = caution.refused(at(0));
    assert_eq!(restriction.until, at(6 * HOUR));
    assert_eq!(
        caution.may(Chat::New, &LIMITS, at(1)),
        Verdict::Wait {
            by: Guard::Restricted,
            until: at(6 * HOUR)
        }
    );
    assert_eq!(caution.may(Chat::Unasked, &LIMITS, at(1)), Verdict::Go);
    assert_eq!(caution.may(Chat::New, &LIMITS, at(6 * HOUR)), Verdict::Go);
    // Refused again: longer. Accepted: forgotten.
    assert_eq!(caution.refused(at(6 * HOUR)).until, at(18 * HOUR));
    caution.accepted(Chat::Unasked);
    assert!(caution.restriction(at(7 * HOUR)).is_some());
    caution.accepted(Chat::New);
    assert_eq!(caution.restriction(at(7 * HOUR)), None);
    assert_eq!(caution.refused(at(0)).until, at(6 * HOUR));
}

#[test]
fn what_whatsapp_says_counts_more_than_a_guess() {
    let mut caution = account();
    caution.refused(at(0));
    caution.told(Some(at(2 * DAY)));
    let told = caution.restriction(at(1)).unwrap();
    assert_eq!((told.until, told.source), (at(2 * DAY), Source::Told));
    assert_eq!(caution.refused(at(HOUR)), told);
    caution.told(None);
    assert_eq!(caution.restriction(at(1)), None);
}

#[test]
fn a_restart_forgets_nothing() {
    let mut caution = account();
    for n in 0..4 {
        assert!(goes(&mut caution, Chat::New, &LIMITS, n * 30_000));
    }
    caution.refused(at(HOUR));
    let written = serde_json::to_string(&caution).unwrap();
    assert_eq!(serde_json::from_str::<Caution>(&written).unwrap(), caution);
}

proptest! {
    #[test]
    fn no_day_ever_holds_more_than_allowed_and_nothing_waits_for_ever(
        steps in prop::collection::vec((0i64..4 * HOUR, any::<bool>()), 1..200),
    ) {
        let mut caution = account();
        let (mut now, mut unasked, mut new) = (0i64, Vec::new(), Vec::new());
        for (wait, to_stranger) in steps {
            now += wait;
            let chat = if to_stranger { Chat::New } else { Chat::Unasked };
            match caution.may(chat, &LIMITS, at(now)) {
                Verdict::Go => {
                    caution.took(chat, at(now));
                    unasked.push(now);
                    if to_stranger { new.push(now); }
                }
                Verdict::Wait { until, .. } => {
                    prop_assert!(until > at(now));
                    prop_assert!(until <= at(now + DAY));
                }
            }
        }
        // Counted by hours of the clock, a day is at least 23 of them.
        let most = |times: &[i64]| times.iter().map(|start| {
            times.iter().filter(|t| (*start..start + 23 * HOUR).contains(*t)).count()
        }).max().unwrap_or(0);
        prop_assert!(most(&unasked) <= 10);
        prop_assert!(most(&new) <= 4);
        prop_assert!(caution.hours.len() as i64 <= DAY_HOURS);
    }
}
