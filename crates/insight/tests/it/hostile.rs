//! Texts that are made to be slow: four times the text may take about four times the time, up to the limit of
//! what is read.

use super::{ANALYZER, monday};
use std::time::Duration;
use waypost_insight::Input;

/// How many times longer a text four times as long may take. Linear work takes 4, squared work 16.
const RATIO_MAX: f64 = 9.0;
/// Measurements, of which the shortest counts: the memory's caches are shared with others.
const MEASUREMENTS: usize = 3;
/// Characters of the shorter text.
const LENGTH: usize = 4_000;

/// What this thread has computed so far: what others do on the machine does not count.
fn worked() -> Duration {
    let clock = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(
        clock.tv_sec.unsigned_abs(),
        clock.tv_nsec.unsigned_abs() as u32,
    )
}

fn time(text: &str) -> Duration {
    let at = monday();
    let input = Input {
        text,
        at: &at,
        locale: None,
    };
    (0..MEASUREMENTS)
        .map(|_| {
            let begin = worked();
            std::hint::black_box(ANALYZER.analyze(&input));
            worked().saturating_sub(begin)
        })
        .min()
        .unwrap()
}

fn repeated(piece: &str, characters: usize) -> String {
    let times = characters / piece.chars().count() + 1;
    piece.repeat(times).chars().take(characters).collect()
}

const PIECES: &[(&str, &str)] = &[
    ("digits", "1"),
    ("digits and spaces", "1 "),
    ("digits and hyphens", "1-"),
    ("dotted digits", "12."),
    ("digits and slashes", "1/2/"),
    ("thousands", "999,"),
    ("zeros of phones", "050 "),
    ("pluses", "+971 "),
    ("brackets", "(((("),
    ("at signs", "a@"),
    ("dots of hosts", "a.b."),
    ("schemes", "http://"),
    ("capital words", "Abc "),
    ("names", "Ahmed "),
    ("name particles", "bin "),
    ("and", "and "),
    ("number words", "two hundred "),
    ("Arabic number words", "مية و"),
    ("multipliers", "5k "),
    ("amounts", "AED 5 "),
    ("dates", "25/02 "),
    ("weekdays", "next friday "),
    ("times", "5pm "),
    ("a day and times", "tomorrow at 5 and 6 or "),
    ("durations", "2 years and "),
    ("units", "unit 12, 13, "),
    ("references", "ref "),
    ("places", "dubai marina "),
    ("misspelt places", "jumeira vilage "),
    ("weak places", "the valley elan joy "),
    ("shares", "5-7% or "),
    ("bare numbers", "95 is 82k "),
    ("combining marks", "a\u{0301}\u{0308}\u{0323}"),
    ("marks alone", "\u{0301}"),
    ("direction marks", "\u{202E}\u{200F}a"),
    ("stretched letters", "مـــ"),
    ("emoji", "👨‍👩‍👧‍👦"),
    ("new lines", "\n"),
    ("nothing but letters", "a"),
];

#[test]
fn four_times_the_text_takes_about_four_times_the_time() {
    let mut slow = Vec::new();
    for (name, piece) in PIECES {
        let once = time(&repeated(piece, LENGTH));
        let longer = time(&repeated(piece, LENGTH * 4));
        // Below this the clock measures itself.
        let ratio = longer.as_secs_f64() / once.as_secs_f64().max(0.000_2);
        if ratio > RATIO_MAX {
            slow.push(format!("{name}: {once:?} and {longer:?}, {ratio:.1} times"));
        }
    }
    assert!(slow.is_empty(), "{}", slow.join("\n"));
}

#[test]
fn a_megabyte_takes_no_longer_than_what_is_read_of_it() {
    let read = waypost_insight::text::CHARS_MAX;
    for piece in ["a\u{0301}", "1 ", "AED 5 ", "ref #", "Ahmed "] {
        let limit = time(&repeated(piece, read));
        let megabyte = repeated(piece, 1_000_000);
        let all = time(&megabyte);
        let ratio = all.as_secs_f64() / limit.as_secs_f64().max(0.000_2);
        assert!(ratio < RATIO_MAX, "{piece:?}: {limit:?} and {all:?}");
    }
}
