//! Times of the day by themselves: ranges, times behind a day, quarters written with a full stop.

use super::Pass;
use super::time_first::day_behind;
use crate::doc::Gap;
use crate::entity::Kind;
use crate::entity::time_of_day::{
    Clock, Half, bare_at, certain_at, expected_at, half_at, with_dot_at,
};

/// Small words between a date and its time at most.
const BETWEEN_MAX: usize = 3;

/// Two times joined by `to`, `-` or `and`, of which at least one is certain.
pub(super) fn clock_range(pass: &Pass<'_, '_>, i: usize) -> Option<(Clock, Clock, usize)> {
    let doc = pass.doc;
    // `at gate 2 till 6:30`
    let numbered = matches!(
        doc.word_before(i),
        "gate"
            | "tower"
            | "lift"
            | "phase"
            | "building"
            | "bldg"
            | "block"
            | "level"
            | "floor"
            | "exit"
            | "room"
    );
    if numbered {
        return None;
    }
    let first = expected_at(pass, i).or_else(|| bare_before_and(pass, i))?;
    let joined = doc.is_any_mark(first.next, "-/")
        || matches!(
            doc.word(first.next),
            "to" | "and"
                | "till"
                | "until"
                | "or"
                | "الى"
                | "الي"
                | "او"
                | "و"
                | "ل"
                | "لـ"
                | "لين"
                | "لحد"
                | "لغايه"
        );
    let instead = doc.word(first.next) == "instead" && doc.word(first.next + 1) == "of";
    let from = first.next + if instead { 2 } else { 1 };
    let second = (joined || instead).then(|| expected_at(pass, from))??;
    let certain = certain_at(pass, i).is_some()
        || certain_at(pass, from).is_some()
        || instead && day_behind(pass, second.next).is_some();
    let introduced = matches!(doc.word_before(i), "between" | "from" | "بين" | "من");
    // `b/w 10-12 on 28/2`
    let short =
        i >= 3 && doc.word(i - 1) == "w" && doc.is_mark(i - 2, '/') && doc.word(i - 3) == "b";
    (certain || introduced || short).then_some((first.sharing(second), second, from))
}

/// `Sat 10-12`: two hours behind a day, and nothing that they could count.
pub(super) fn bare_range(pass: &Pass<'_, '_>, i: usize) -> Option<(Clock, Clock, usize)> {
    let doc = pass.doc;
    let hour = |at: usize| bare_at(pass, at).filter(|c| c.next == at + 1);
    let first = hour(i)?;
    let joined = doc.is_mark(first.next, '-') || doc.word(first.next) == "to";
    let second = joined.then(|| hour(first.next + 1))??;
    let dated = doc.is_glued(second.next) && doc.is_mark(second.next, '-');
    let follows = matches!(
        doc.word(second.next),
        "for" | "please" | "pls" | "only" | "because" | "then" | "is" | "works" | "ok"
    );
    ((follows || stands_alone(pass, second.next)) && !dated).then_some((
        first,
        second,
        first.next + 1,
    ))
}

/// The `3` of `3 and 5 pm`.
fn bare_before_and(pass: &Pass<'_, '_>, i: usize) -> Option<Clock> {
    let after = pass.doc.digits(i).filter(|d| d.len() <= 2).map(|_| i + 1)?;
    matches!(pass.doc.word(after), "and" | "or" | "و").then_some(())?;
    let between = matches!(pass.doc.word_before(i), "between" | "بين" | "btw" | "btwn");
    if !between {
        certain_at(pass, after + 1)?;
    }
    bare_at(pass, i)
}

/// The time behind a day, over `at`, `@`, `,`, `around`, `evening`.
pub(super) fn time_after(pass: &Pass<'_, '_>, i: usize) -> Option<(Clock, Half)> {
    let (at, half, expected) = skip_between(pass, i);
    if pass.doc.gap(at) == Gap::Line && at > i {
        return None;
    }
    // `26/2/26 10.00 at the bank`: right behind a day as well.
    let awaited = expected || at == i && pass.doc.gap(at) == Gap::Space && !speaks_of_money(pass);
    let dotted = || dotted_at(pass, at).or_else(|| awaited.then(|| quarter_at(pass, at)).flatten());
    let clock = match certain_at(pass, at).or_else(dotted) {
        Some(clock) => clock,
        None if expected => expected_at(pass, at)?,
        None => expected_at(pass, at).filter(|c| stands_alone(pass, c.next) && at == i)?,
    };
    (pass.doc.gap(i) != Gap::Line || expected).then_some((clock, half))
}

/// `12.15` behind a day, if it shows a quarter of an hour and nothing follows that it counts.
fn dotted_at(pass: &Pass<'_, '_>, i: usize) -> Option<Clock> {
    quarter_at(pass, i).filter(|clock| stands_alone(pass, clock.next))
}

/// `12.15`, `9.30`: a quarter of an hour, with nothing behind it that it measures.
fn quarter_at(pass: &Pass<'_, '_>, i: usize) -> Option<Clock> {
    let doc = pass.doc;
    let quarter = doc.is_mark(i + 1, '.')
        && doc.is_glued(i + 1)
        && matches!(doc.digits(i + 2), Some("00" | "15" | "30" | "45"));
    let clock = quarter.then(|| with_dot_at(pass, i))??;
    let measured = doc.is_mark(clock.next, '%')
        || crate::number::multiplier_at(doc, clock.next).is_some()
        || crate::entity::money::currency_at(doc, clock.next).is_some()
        || crate::entity::quantity::is_unit(doc.word(clock.next));
    (!measured).then_some(clock)
}

/// `open the flat at 5.30`: behind `at` and the like, where nothing speaks of prices.
pub(super) fn dotted_alone_at(pass: &Pass<'_, '_>, i: usize) -> Option<Clock> {
    let clock = dotted_at(pass, i)?;
    (!speaks_of_money(pass)).then_some(clock)
}

/// `9.30 Thursday`: a quarter of an hour and the day that it belongs to.
pub(super) fn dotted_before_a_day(pass: &Pass<'_, '_>, i: usize) -> Option<Clock> {
    let clock = quarter_at(pass, i)?;
    (day_behind(pass, clock.next).is_some() && !speaks_of_money(pass)).then_some(clock)
}

fn speaks_of_money(pass: &Pass<'_, '_>) -> bool {
    use crate::entity::price_words::MONEY_TALK;
    pass.has(Kind::Money)
        || pass.has(Kind::Percentage)
        || (0..pass.doc.len()).any(|at| MONEY_TALK.contains(pass.doc.word(at)))
}

/// Whether nothing follows that a bare hour could count.
pub(super) fn stands_alone(pass: &Pass<'_, '_>, i: usize) -> bool {
    i >= pass.doc.len()
        || pass.doc.begins_line(i)
        || pass.doc.is_any_mark(i, "?.!,)")
        || half_at(pass.doc, i).is_some()
}

/// Skips small words; says which half of the day they named and whether a time must follow.
pub(super) fn skip_between(pass: &Pass<'_, '_>, mut i: usize) -> (usize, Half, bool) {
    let doc = pass.doc;
    let mut half = Half::Unsaid;
    let mut expected = false;
    for _ in 0..BETWEEN_MAX + 1 {
        if let Some((said, end)) = half_at(doc, i) {
            half = said;
            i = end;
            continue;
        }
        match doc.word(i) {
            "at" | "el" | "around" | "about" | "by" | "after" | "before" | "between" | "from"
            | "approx" | "till" | "until" | "time" | "الساعه" | "عالساعه" | "بعد" | "قبل"
            | "حوالي" | "بين" | "على" | "علي" | "من" | "past" | "بحدود" | "ع" => {
                expected = true
            }
            "sometime" | "maybe" | "preferably" | "say" | "في" | "تمام" | "the" => {}
            _ if doc.is_mark(i, '@') => expected = true,
            _ if doc.is_any_mark(i, ",-(|") => {}
            _ => break,
        }
        i += 1;
    }
    (i, half, expected)
}

/// `b4 6`: before.
pub(super) fn is_b4(doc: &crate::doc::Doc<'_>, i: usize) -> bool {
    i >= 2 && doc.digits(i - 1) == Some("4") && doc.is_glued(i - 1) && doc.word(i - 2) == "b"
}

pub(super) fn half_after(pass: &Pass<'_, '_>, i: usize) -> Half {
    half_at(pass.doc, i).map_or(Half::Unsaid, |(half, _)| half)
}

/// `at 5`: an hour that only `at` makes a time.
pub(super) fn bare_hour(pass: &Pass<'_, '_>, i: usize) -> Option<Clock> {
    expected_at(pass, i)
        .filter(|clock| clock.next >= pass.doc.len() || !pass.doc.is_mark(clock.next, '-'))
}
