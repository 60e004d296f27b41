//! Areas, communities, projects and buildings: a list that users edit, found with typing errors.
//!
//! A name is looked up without spaces, so that `down town` and `downtown` are one. An error of one letter is
//! forgiven in names of six letters or more, unless what was typed are ordinary words.

use super::{Kind, Pass, Source};
use crate::doc::{Doc, Gap};
use crate::text::Text;
use serde::Deserialize;
use std::collections::{HashMap, HashSet};

/// Names of one list at most.
pub(super) const PLACES_MAX: usize = 20_000;
/// Words of the longest name that is looked for.
const WORDS_MAX: usize = 6;
/// Letters of a name in which an error is forgiven.
const FUZZY_LETTERS: std::ops::RangeInclusive<usize> = 6..=40;
/// Words of a span that is tried with errors.
const FUZZY_WORDS_MAX: usize = 4;
/// Letters of a word of a name that is put right by itself.
const WORD_LETTERS_MIN: usize = 5;
const CONFIDENCE: f32 = 0.95;
const CONFIDENCE_PROJECT: f32 = 0.90;
const CONFIDENCE_FUZZY: f32 = 0.80;

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PlaceKind {
    /// An area, community or city.
    Location,
    /// A project or building.
    Project,
    /// A name that holds a place but is none: a mall, a road, an authority. It is passed over.
    Other,
}

/// One place with its names.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// The canonical English name.
    pub name: String,
    /// Names that always mean it.
    #[serde(default)]
    pub also: Vec<String>,
    /// Names that are words too, and need surroundings that speak of a place.
    #[serde(default)]
    pub weak: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    locations: Vec<Place>,
    #[serde(default)]
    projects: Vec<Place>,
    #[serde(default)]
    others: Vec<Place>,
}

/// Why a list was refused.
#[derive(Debug, thiserror::Error)]
pub enum GazetteerError {
    /// The YAML is not a list of places.
    #[error("the places could not be read: {0}")]
    Yaml(String),
    /// More than [`PLACES_MAX`] names.
    #[error("a list of places may hold {PLACES_MAX} names at most")]
    TooMany,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Strength {
    Sure,
    Weak,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    place: u32,
    strength: Strength,
}

/// A list of places, ready to be looked up.
#[derive(Debug)]
pub struct Gazetteer {
    places: Vec<(PlaceKind, String)>,
    exact: HashMap<String, Entry>,
    /// Hashes of names with one letter left out, and the names.
    near: HashMap<u64, Vec<u32>>,
    names: Vec<String>,
    /// Words of names, and hashes of them with one letter left out.
    words: HashSet<String>,
    near_words: HashMap<u64, Vec<String>>,
    common: HashSet<String>,
}

impl Gazetteer {
    /// Reads a list in YAML. `common` are ordinary words, which no typing error may turn into a place.
    ///
    /// # Errors
    /// When the YAML is no such list, or too long.
    pub fn from_yaml(yaml: &str, common: HashSet<String>) -> Result<Self, GazetteerError> {
        let file: File =
            serde_saphyr::from_str(yaml).map_err(|e| GazetteerError::Yaml(e.to_string()))?;
        let mut gazetteer = Self {
            places: Vec::new(),
            exact: HashMap::new(),
            near: HashMap::new(),
            names: Vec::new(),
            words: HashSet::new(),
            near_words: HashMap::new(),
            common,
        };
        for place in file.locations {
            gazetteer.add(PlaceKind::Location, place)?;
        }
        for place in file.others {
            gazetteer.add(PlaceKind::Other, place)?;
        }
        for place in file.projects {
            gazetteer.add(PlaceKind::Project, place)?;
        }
        Ok(gazetteer)
    }

    fn add(&mut self, kind: PlaceKind, place: Place) -> Result<(), GazetteerError> {
        let index = self.places.len() as u32;
        let weak_canonical = place.weak.iter().any(|w| key(w) == key(&place.name));
        // A name of one word such as `Casa` is a word; only its listed forms count.
        let the_word = place.name.starts_with("The ") && place.name.split(' ').count() == 2;
        let listed = place.name.contains(' ') && !weak_canonical && !the_word;
        for name in listed.then_some(&place.name).into_iter().chain(&place.also) {
            self.add_name(
                name,
                Entry {
                    place: index,
                    strength: Strength::Sure,
                },
            )?;
        }
        for name in &place.weak {
            self.add_name(
                name,
                Entry {
                    place: index,
                    strength: Strength::Weak,
                },
            )?;
        }
        self.places.push((kind, place.name));
        Ok(())
    }

    fn add_name(&mut self, name: &str, entry: Entry) -> Result<(), GazetteerError> {
        let key = key(name);
        if key.is_empty() || self.exact.contains_key(&key) {
            return Ok(());
        }
        if self.names.len() >= PLACES_MAX {
            return Err(GazetteerError::TooMany);
        }
        self.add_words(name);
        let number = self.names.len() as u32;
        let letters = key.chars().count();
        if FUZZY_LETTERS.contains(&letters) && entry.strength == Strength::Sure {
            for hash in with_one_left_out(&key) {
                self.near.entry(hash).or_default().push(number);
            }
            self.near.entry(hash_of(&key)).or_default().push(number);
        }
        self.names.push(key.clone());
        self.exact.insert(key, entry);
        Ok(())
    }

    fn add_words(&mut self, name: &str) {
        let folded = Text::new(name);
        for word in folded.folded().split(|c: char| !c.is_alphanumeric()) {
            let letters = word.chars().count();
            if letters < WORD_LETTERS_MIN || self.words.contains(word) {
                continue;
            }
            for hash in with_one_left_out(word).into_iter().chain([hash_of(word)]) {
                self.near_words
                    .entry(hash)
                    .or_default()
                    .push(word.to_owned());
            }
            self.words.insert(word.to_owned());
        }
    }

    /// A word as it stands in names, with an error of one letter put right.
    fn corrected<'w>(&'w self, word: &'w str) -> &'w str {
        if word.chars().count() < WORD_LETTERS_MIN
            || self.words.contains(word)
            || self.common.contains(word)
        {
            return word;
        }
        let mut hashes = with_one_left_out(word);
        hashes.push(hash_of(word));
        hashes
            .iter()
            .filter_map(|hash| self.near_words.get(hash))
            .flatten()
            .take(64)
            .find(|near| is_one_edit(near, word))
            .map_or(word, String::as_str)
    }

    /// The kind and canonical name that any of a place's names stands for.
    pub fn look_up(&self, name: &str) -> Option<(PlaceKind, &str)> {
        let entry = self.exact.get(&key(name))?;
        let (kind, name) = &self.places[entry.place as usize];
        Some((*kind, name))
    }

    fn near(&self, typed: &str) -> Option<Entry> {
        let mut hashes = with_one_left_out(typed);
        hashes.push(hash_of(typed));
        let candidates = hashes
            .iter()
            .filter_map(|hash| self.near.get(hash))
            .flatten();
        candidates
            .take(64)
            .map(|&number| self.names[number as usize].as_str())
            .find(|name| is_one_edit(name, typed))
            .and_then(|name| self.exact.get(name).copied())
    }
}

/// A name as it is looked up: folded, letters and digits only.
fn key(name: &str) -> String {
    Text::new(name)
        .folded()
        .chars()
        .filter(|c| c.is_alphanumeric())
        .collect()
}

fn hash_of(text: &str) -> u64 {
    hash_chars(text.chars())
}

fn hash_chars(chars: impl Iterator<Item = char>) -> u64 {
    chars.fold(0xcbf2_9ce4_8422_2325, |hash, c| {
        (hash ^ u64::from(c as u32)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn with_one_left_out(text: &str) -> Vec<u64> {
    let letters: Vec<char> = text.chars().collect();
    (0..letters.len())
        .map(|out| {
            hash_chars(
                letters
                    .iter()
                    .enumerate()
                    .filter(|(at, _)| *at != out)
                    .map(|(_, c)| *c),
            )
        })
        .collect()
}

/// Whether one letter was added, left out, changed or swapped with its neighbour; the first letter is right.
fn is_one_edit(a: &str, b: &str) -> bool {
    let a: Vec<char> = a.chars().collect();
    let b: Vec<char> = b.chars().collect();
    if a.first() != b.first() || digits(&a) != digits(&b) {
        return false;
    }
    let same_start = a.iter().zip(&b).take_while(|(x, y)| x == y).count();
    let (rest_a, rest_b) = (&a[same_start..], &b[same_start..]);
    let same_end = rest_a
        .iter()
        .rev()
        .zip(rest_b.iter().rev())
        .take_while(|(x, y)| x == y)
        .count();
    let (left_a, left_b) = (
        &rest_a[..rest_a.len() - same_end],
        &rest_b[..rest_b.len() - same_end],
    );
    match (left_a, left_b) {
        ([], []) | ([_], []) | ([], [_]) | ([_], [_]) => true,
        ([p, q], [r, s]) => p == s && q == r,
        _ => false,
    }
}

fn digits(text: &[char]) -> Vec<char> {
    text.iter().copied().filter(char::is_ascii_digit).collect()
}

/// Finds places.
pub(super) fn find(pass: &mut Pass<'_, '_>) {
    let speaks_of_property = speaks_of_property(pass.doc);
    let mut i = 0;
    while i < pass.doc.len() {
        match place_at(pass, i, speaks_of_property) {
            Some((entry, end, confidence)) => {
                let (kind, name) = pass.context.places.places[entry.place as usize].clone();
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
}

fn place_at(
    pass: &Pass<'_, '_>,
    i: usize,
    speaks_of_property: bool,
) -> Option<(Entry, usize, f32)> {
    let doc = pass.doc;
    if !pass.is_open(i)
        || doc.kind(i) == Some(crate::doc::TokenKind::Mark)
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
            if let Some(entry) = places.exact.get(&key)
                && (entry.strength == Strength::Sure || is_named(pass.doc, i, speaks_of_property))
            {
                let confidence = match places.places[entry.place as usize].0 {
                    PlaceKind::Project => CONFIDENCE_PROJECT,
                    PlaceKind::Location | PlaceKind::Other => CONFIDENCE,
                };
                return Some((*entry, *end, confidence));
            }
        }
    }
    None
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
            && doc.kind(at + 1) != Some(crate::doc::TokenKind::Mark)
        {
            at += 1;
        }
        if !pass.is_open(at)
            || doc.kind(at) == Some(crate::doc::TokenKind::Mark)
            || doc.gap(at) == Gap::Line
        {
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
    if !doc.is_word(i) {
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
        let ordinary = |at: usize| !doc.is_word(at) || places.common.contains(doc.word(at));
        let all_ordinary =
            (i..*end).all(ordinary) || (from > i + 1 && (from - 1..*end).all(ordinary));
        if all_ordinary || places.common.contains(&key) {
            continue;
        }
        let word_by_word: String = (i..*end)
            .filter(|&at| !is_mark(doc, at))
            .map(|at| places.corrected(doc.str(at)))
            .collect();
        let corrected = if *end > i + 1 {
            places.exact.get(&word_by_word).copied()
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
    doc.kind(i) == Some(crate::doc::TokenKind::Mark)
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
    if labelled {
        at += 1;
    }
    let number = doc.digits(at).is_some_and(|d| d.len() <= 2) && doc.gap(at) != Gap::Line;
    let letter =
        labelled && doc.kind(at) == Some(crate::doc::TokenKind::Latin) && doc.str(at).len() == 1;
    let roman = matches!(doc.word(at), "ii" | "iii" | "iv");
    let free = pass.is_free(at..(at + 1).min(doc.len())) && at < doc.len();
    let counts =
        doc.is_any_mark(at + 1, "%/:.,") && doc.is_glued(at + 1) && doc.digits(at + 2).is_some()
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
