//! Places in a message, by all their names.
//!
//! The longest name counts. Weak names, which are words as well, need surroundings that speak of a place, or the
//! name of what they are in.

use super::gazetteer::{Entry, FUZZY_LETTERS, PlaceKind, Strength};
use super::{Kind, Pass, Source};
use crate::doc::{Doc, Gap, TokenKind};
use crate::table::Set;
use crate::text::Text;
use std::ops::Range;

/// Words of the longest name that is looked for.
const WORDS_MAX: usize = 6;
/// Words of a span that is tried with errors.
const FUZZY_WORDS_MAX: usize = 4;
/// Letters behind `the` in which an error is forgiven.
const AFTER_ARTICLE_MIN: usize = 7;
const CONFIDENCE: f32 = 0.95;
const CONFIDENCE_PROJECT: f32 = 0.90;
const CONFIDENCE_FUZZY: f32 = 0.80;

/// Finds places.
pub(super) fn find(pass: &mut Pass<'_, '_>) {
    let speaks_of_property = speaks_of_property(pass.doc);
    let mut i = 0;
    while i < pass.doc.len() {
        match place_at(pass, i, speaks_of_property) {
            Some((entry, end, confidence)) => {
                let (kind, name) = pass.context.places.place(entry.place);
                let (from, end) = match kind {
                    PlaceKind::Project => without_community(pass, i, end, (entry.place, &name)),
                    PlaceKind::Location | PlaceKind::Other => (i, end),
                };
                if from > i {
                    add_community(pass, i..from);
                    i = from;
                }
                let kind = match kind {
                    PlaceKind::Location => Some(Kind::Location),
                    PlaceKind::Project => Some(Kind::Project),
                    PlaceKind::Other => None,
                };
                let end = tail_end(pass, end);
                match kind {
                    Some(kind) => pass.add_from(Source::Gazetteer, kind, name, i..end, confidence),
                    None => pass.claim(i..end),
                }
                i = end;
            }
            None => i += 1,
        }
    }
    find_inner(pass);
}

/// The tokens of a project's own name in `Seventh Heaven Al Barari` and `Al Barari Seventh Heaven`: the community
/// is a place of its own, unless the project is called after it.
fn without_community(
    pass: &Pass<'_, '_>,
    i: usize,
    end: usize,
    (place, name): (u32, &str),
) -> (usize, usize) {
    let own: String = Text::new(name)
        .folded()
        .chars()
        .filter(|c| c.is_alphanumeric())
        .collect();
    let parts = |community: Range<usize>, rest: Range<usize>| {
        let (typed, rest) = (key_of(pass.doc, community), key_of(pass.doc, rest));
        let Some(within) = self::community(pass, &typed).filter(|_| !own.contains(&typed)) else {
            return false;
        };
        let places = pass.context.places;
        let named = Set::from_iter([within]);
        let left = places.exact(&rest).map(|e| e.place);
        left == Some(place) || places.inner(&rest, &named) == Some(place)
    };
    for cut in i + 1..end {
        if parts(cut..end, i..cut) {
            return (i, cut);
        }
        if parts(i..cut, cut..end) {
            return (cut, end);
        }
    }
    (i, end)
}

/// Some tokens as names are looked up: without spaces and marks.
fn key_of(doc: &Doc<'_>, tokens: Range<usize>) -> String {
    tokens
        .filter(|&at| !is_mark(doc, at))
        .map(|at| doc.str(at))
        .collect()
}

/// The area, community or city that a name stands for.
fn community(pass: &Pass<'_, '_>, typed: &str) -> Option<String> {
    let entry = pass.context.places.exact(typed)?;
    let (kind, name) = pass.context.places.place(entry.place);
    (kind == PlaceKind::Location).then_some(name)
}

fn add_community(pass: &mut Pass<'_, '_>, tokens: Range<usize>) {
    let typed = key_of(pass.doc, tokens.clone());
    if let Some(name) = community(pass, &typed) {
        pass.add_from(Source::Gazetteer, Kind::Location, name, tokens, CONFIDENCE);
    }
}

/// Finds weak names of places inside a place that the message names too.
fn find_inner(pass: &mut Pass<'_, '_>) {
    let named: Set<String> = pass
        .found
        .iter()
        .filter(|f| matches!(f.kind, Kind::Location | Kind::Project))
        .map(|f| f.value.clone())
        .collect();
    if named.is_empty() || !pass.context.places.has_inner() {
        return;
    }
    let mut i = 0;
    while i < pass.doc.len() {
        match inner_at(pass, i, &named) {
            Some((place, end)) => {
                let (_, name) = pass.context.places.place(place);
                let end = tail_end(pass, end);
                pass.add_from(
                    Source::Gazetteer,
                    Kind::Project,
                    name,
                    i..end,
                    CONFIDENCE_FUZZY,
                );
                i = end;
            }
            None => i += 1,
        }
    }
}

fn inner_at(pass: &Pass<'_, '_>, i: usize, named: &Set<String>) -> Option<(u32, usize)> {
    let (doc, places) = (pass.doc, pass.context.places);
    if !pass.is_open(i) || !doc.is_word(i) {
        return None;
    }
    let capital = doc.is_capitalised(i) || !doc.word(i).is_ascii();
    let introduced = matches!(doc.word_before(i), "in" | "at" | "the");
    if !capital && !introduced {
        return None;
    }
    for (rest, end) in spans_at(pass, i).iter().rev() {
        let name = format!("{}{rest}", doc.str(i));
        if let Some(place) = places.inner(&name, named) {
            return Some((place, *end));
        }
    }
    None
}

fn place_at(
    pass: &Pass<'_, '_>,
    i: usize,
    speaks_of_property: bool,
) -> Option<(Entry, usize, f32)> {
    let doc = pass.doc;
    if !pass.is_open(i)
        || doc.kind(i) == Some(TokenKind::Mark)
        || (i > 0 && doc.is_glued(i) && doc.is_any_mark(i - 1, "@#_"))
    {
        return None;
    }
    let spans = spans_at(pass, i);
    let exact = exact_at(pass, i, &spans, speaks_of_property);
    // `jumeira vilage circle` is more than the `jumeira` that it begins with.
    let from = exact.map_or(i + 1, |(_, end, _)| end + 1);
    near_at(pass, i, &spans, from).or(exact)
}

/// The `Park Heights 1` of `Park Heights 1.7m`: the number goes on, so that it is none of the name.
fn splits_a_number(doc: &Doc<'_>, end: usize) -> bool {
    let last = end.checked_sub(1).and_then(|last| doc.digits(last));
    last.is_some()
        && doc.is_any_mark(end, ".,")
        && doc.is_glued(end)
        && doc.is_glued(end + 1)
        && doc.digits(end + 1).is_some()
}

fn exact_at(
    pass: &Pass<'_, '_>,
    i: usize,
    spans: &[(String, usize)],
    speaks_of_property: bool,
) -> Option<(Entry, usize, f32)> {
    let places = pass.context.places;
    for first in first_forms(pass.doc.str(i)) {
        for (rest, end) in spans.iter().rev() {
            let key = format!("{first}{rest}");
            if let Some(entry) = places.exact(&key)
                && !splits_a_number(pass.doc, *end)
                && (entry.strength == Strength::Sure
                    || is_named(pass.doc, i, speaks_of_property) && !is_addressed(pass, i)
                    || is_beside_a_place(pass, i)
                    || i == 0 && *end == pass.doc.len()
                    || i == 0 && speaks_of_property && heads_a_listing(pass, *end))
            {
                let confidence = match places.place(entry.place).0 {
                    PlaceKind::Project => CONFIDENCE_PROJECT,
                    PlaceKind::Location | PlaceKind::Other => CONFIDENCE,
                };
                return Some((entry, *end, confidence));
            }
        }
    }
    None
}

/// `views, golf tower 2 bed`, `greens al samar`: a name at the beginning, with a comma, a number or another name
/// behind it.
fn heads_a_listing(pass: &Pass<'_, '_>, end: usize) -> bool {
    let doc = pass.doc;
    let sure = |(rest, _): &(String, usize)| {
        let entry = pass
            .context
            .places
            .exact(&format!("{}{rest}", doc.str(end)));
        entry.is_some_and(|e| e.strength == Strength::Sure)
    };
    doc.is_any_mark(end, ",-")
        || doc.digits(end).is_some() && doc.gap(end) != Gap::Line
        || doc.is_word(end) && spans_at(pass, end).iter().any(sure)
}

/// What follows the first token, growing word by word, with the token after it.
fn spans_at(pass: &Pass<'_, '_>, i: usize) -> Vec<(String, usize)> {
    let doc = pass.doc;
    let mut spans = vec![(String::new(), i + 1)];
    let mut text = String::new();
    let mut at = i + 1;
    let mut words = 1;
    while words < WORDS_MAX && at < doc.len() {
        // Names are joined by spaces, hyphens, apostrophes and full stops.
        if doc.is_any_mark(at, "-'.&")
            && (doc.is_glued(at) || doc.is_mark(at, '-'))
            && at + 1 < doc.len()
            && doc.kind(at + 1) != Some(TokenKind::Mark)
        {
            at += 1;
        }
        if !pass.is_open(at) || doc.kind(at) == Some(TokenKind::Mark) || doc.gap(at) == Gap::Line {
            break;
        }
        text.push_str(doc.str(at));
        at += 1;
        words += 1;
        spans.push((text.clone(), at));
    }
    spans
}

/// The first word, also without what Arabic writes onto it: in, to, and, the.
fn first_forms(word: &str) -> Vec<String> {
    let mut forms = vec![word.to_owned()];
    if word.is_ascii() {
        // `el jurf`: the article as it is spoken.
        if matches!(word, "el" | "il") {
            forms.push("al".to_owned());
        }
        return forms;
    }
    if let Some(rest) = word.strip_prefix("لل") {
        forms.push(format!("ال{rest}"));
    }
    for prefix in ["وب", "ول", "ب", "ل", "و", "ف"] {
        if let Some(rest) = word
            .strip_prefix(prefix)
            .filter(|r| r.chars().count() >= 3 || matches!(*r, "دبي" | "بر"))
        {
            forms.push(rest.to_owned());
        }
    }
    if word == "بدبي" || word == "لدبي" || word == "ودبي" {
        forms.push("دبي".to_owned());
    }
    forms
}

/// A name with errors that ends no earlier than `from`.
fn near_at(
    pass: &Pass<'_, '_>,
    i: usize,
    spans: &[(String, usize)],
    from: usize,
) -> Option<(Entry, usize, f32)> {
    let doc = pass.doc;
    let places = pass.context.places;
    let before = if doc.is_mark(i.wrapping_sub(1), '.') && i >= 2 {
        doc.word(i - 2)
    } else {
        doc.word_before(i)
    };
    let title = [doc.word(i), before].iter().any(|word| {
        matches!(
            *word,
            "mr" | "mrs" | "ms" | "dr" | "eng" | "bin" | "ibn" | "bint" | "abu"
        )
    }) || doc.word(i) == "sheikh";
    // `at safa` is no slip for `Al Safa`.
    let small = matches!(
        doc.word(i),
        "at" | "in" | "on" | "to" | "of" | "for" | "by" | "is" | "or" | "and" | "a"
    );
    if !doc.is_word(i) || title || small {
        return None;
    }
    for (rest, end) in spans
        .iter()
        .take(FUZZY_WORDS_MAX)
        .rev()
        .filter(|(_, end)| *end >= from)
    {
        let key = format!("{}{rest}", doc.str(i));
        let letters = key.chars().count();
        if !FUZZY_LETTERS.contains(&letters) || !key.is_ascii() && letters < 8 {
            continue;
        }
        // `golf view` is what is seen, and no slip for `Golf Views`.
        if doc.word(end - 1) == "view"
            && !matches!(doc.word(*end), "tower" | "towers" | "residence")
        {
            continue;
        }
        // `the rest` is no slip for `The Crest`.
        if doc.word(i) == "the" && letters < AFTER_ARTICLE_MIN + 3 {
            continue;
        }
        let ordinary = |at: usize| !doc.is_word(at) || places.is_common(doc.word(at));
        let all_ordinary =
            (i..*end).all(ordinary) || (from > i + 1 && (from - 1..*end).all(ordinary));
        if all_ordinary || places.is_common(&key) {
            continue;
        }
        let word_by_word: String = (i..*end)
            .filter(|&at| !is_mark(doc, at))
            .map(|at| places.corrected(doc.str(at)))
            .collect();
        let corrected = if *end > i + 1 {
            places.exact(&word_by_word)
        } else {
            None
        };
        if let Some(entry) = corrected
            .filter(|e| e.strength == Strength::Sure)
            .or_else(|| places.near(&key))
        {
            return Some((entry, *end, CONFIDENCE_FUZZY));
        }
    }
    None
}

fn is_mark(doc: &Doc<'_>, i: usize) -> bool {
    doc.kind(i) == Some(TokenKind::Mark)
}

/// `Cape Hayat, rak`: right behind another place.
fn is_beside_a_place(pass: &Pass<'_, '_>, i: usize) -> bool {
    let end = if pass.doc.is_mark(i.wrapping_sub(1), ',') {
        i - 1
    } else {
        i
    };
    let last = pass.found.last();
    let is_place = |kind| matches!(kind, Kind::Location | Kind::Project);
    pass.doc.gap(i) != Gap::Line && last.is_some_and(|f| is_place(f.kind) && f.tokens.end == end)
}

/// `spoke with Reem`, `thanks Reem`: a name that people bear, behind a word for them.
fn is_addressed(pass: &Pass<'_, '_>, i: usize) -> bool {
    let addressed = matches!(
        pass.doc.word_before(i),
        "with"
            | "hi"
            | "hello"
            | "hey"
            | "dear"
            | "thanks"
            | "ask"
            | "tell"
            | "told"
            | "call"
            | "ms"
            | "mrs"
            | "miss"
            | "mr"
    );
    addressed && pass.context.names.is_any(pass.doc.word(i))
}

/// Whether a weak name stands where a place is named.
fn is_named(doc: &Doc<'_>, i: usize, speaks_of_property: bool) -> bool {
    let before = if doc.word_before(i) == "the" && i >= 2 {
        doc.word(i - 2)
    } else {
        doc.word_before(i)
    };
    let preposition = matches!(
        before,
        "in" | "at"
            | "near"
            | "to"
            | "from"
            | "around"
            | "or"
            | "and"
            | "within"
            | "towards"
            | "opposite"
            | "behind"
            | "في"
            | "من"
            | "ب"
            | "قرب"
            | "عند"
            | "منطقه"
            | "الى"
            | "الي"
            | "او"
            | "و"
    );
    preposition
        || (speaks_of_property
            && (i > 0 || doc.is_capitalised(i))
            && !matches!(
                before,
                "sea" | "lake" | "palm" | "nice" | "great" | "with" | "full" | "tree"
            ))
        || (doc.is_capitalised(i) && i > 0 && !doc.begins_line(i))
}

fn speaks_of_property(doc: &Doc<'_>) -> bool {
    const WORDS: &[&str] = &[
        "apartment",
        "apartments",
        "apt",
        "apts",
        "villa",
        "villas",
        "flat",
        "flats",
        "studio",
        "townhouse",
        "rent",
        "sale",
        "br",
        "bhk",
        "bed",
        "beds",
        "bedroom",
        "bedrooms",
        "property",
        "properties",
        "unit",
        "units",
        "tower",
        "building",
        "penthouse",
        "listing",
        "listings",
        "area",
        "community",
        "شقه",
        "شقق",
        "فيلا",
        "غرفه",
        "غرفتين",
        "غرف",
        "للايجار",
        "للبيع",
        "ايجار",
        "برج",
        "منطقه",
        "عقار",
        "ستوديو",
        "استوديو",
        "وحده",
    ];
    (0..doc.len()).any(|i| WORDS.contains(&doc.word(i)))
}

/// Past the number or letter of a tower, phase or cluster behind a name.
fn tail_end(pass: &Pass<'_, '_>, end: usize) -> usize {
    let doc = pass.doc;
    let mut at = end;
    let labelled = matches!(
        doc.word(at),
        "tower"
            | "building"
            | "block"
            | "phase"
            | "cluster"
            | "district"
            | "zone"
            | "bldg"
            | "برج"
            | "مرحله"
            | "frond"
    ) && pass.is_open(at);
    // `Creek Gate T1`
    let short = doc.word(at) == "t"
        && doc.digits(at + 1).is_some_and(|d| d.len() == 1)
        && doc.is_glued(at + 1);
    if labelled || short {
        at += 1;
    }
    let number = doc.digits(at).is_some_and(|d| d.len() <= 2) && doc.gap(at) != Gap::Line;
    let letter = labelled && doc.kind(at) == Some(TokenKind::Latin) && doc.str(at).len() == 1;
    let roman = matches!(doc.word(at), "ii" | "iii" | "iv");
    let free = pass.is_free(at..(at + 1).min(doc.len())) && at < doc.len();
    let counts = doc.is_any_mark(at + 1, "%/:.,")
        && doc.is_glued(at + 1)
        && doc.is_glued(at + 2)
        && doc.digits(at + 2).is_some()
        || doc.is_mark(at + 1, '%')
        || (doc.is_word(at + 1) && number && follows_as_unit(doc, at + 1));
    if free && (number || letter || roman) && !counts {
        at + 1
    } else {
        end
    }
}

/// Whether a word right behind a small number is what it counts.
fn follows_as_unit(doc: &Doc<'_>, i: usize) -> bool {
    crate::number::multiplier_at(doc, i).is_some()
        || super::quantity::is_unit(doc.word(i))
        || super::money::currency_at(doc, i).is_some()
        || matches!(
            doc.word(i),
            "am" | "pm"
                | "days"
                | "day"
                | "weeks"
                | "week"
                | "months"
                | "month"
                | "years"
                | "year"
                | "hours"
                | "hrs"
                | "mins"
                | "minutes"
                | "people"
                | "cheques"
                | "chqs"
                | "parking"
                | "bath"
                | "baths"
                | "bathrooms"
                | "units"
                | "options"
                | "percent"
                | "st"
                | "nd"
                | "rd"
                | "th"
                | "km"
                | "viewings"
                | "jan"
                | "feb"
                | "mar"
                | "march"
                | "apr"
                | "april"
                | "may"
                | "june"
                | "july"
                | "aug"
                | "sept"
                | "oct"
                | "nov"
                | "dec"
        )
}
