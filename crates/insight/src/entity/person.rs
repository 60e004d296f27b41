//! People, as written: by a list of names, by titles and introductions, and by capitals.

use super::person_lead::{Lead, is_called, is_title, lead_at, speaks_to_a_person};
use super::{Kind, Pass, Source};
use crate::doc::{Doc, Gap, TokenKind};
use crate::table::Set;
use crate::text::Text;
use serde::Deserialize;

/// Letters of a name with an Irish beginning at least; `o'clock` is written small.
const IRISH_MIN: usize = 6;
/// Words of one name at most.
const WORDS_MAX: usize = 5;
const CONFIDENCE_INTRODUCED: f32 = 0.92;
const CONFIDENCE_LISTED: f32 = 0.85;

/// First and family names, and ordinary words that are none.
#[derive(Debug, Default)]
pub struct Names {
    sure: Set<String>,
    doubtful: Set<String>,
    common: Set<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    sure: Vec<String>,
    #[serde(default)]
    doubtful: Vec<String>,
}

impl Names {
    /// Reads a list in YAML: `sure` and `doubtful` names. `common` are words that no one is called.
    ///
    /// # Errors
    /// When the YAML is no such list.
    pub fn from_yaml(
        yaml: &str,
        common: impl IntoIterator<Item = String>,
    ) -> Result<Self, super::GazetteerError> {
        let file: File =
            serde_saphyr::from_str(yaml).map_err(|e| super::GazetteerError::Yaml(e.to_string()))?;
        let fold = |names: Vec<String>| {
            names
                .iter()
                .map(|n| Text::new(n).folded().to_owned())
                .collect::<Set<_>>()
        };
        let doubtful = fold(file.doubtful);
        let sure = fold(file.sure).difference(&doubtful).cloned().collect();
        Ok(Self {
            sure,
            doubtful,
            common: common.into_iter().collect(),
        })
    }

    /// The names that mean a person wherever they stand.
    pub(crate) fn sure(&self) -> impl Iterator<Item = &str> {
        self.sure.iter().map(String::as_str)
    }

    fn is_sure(&self, word: &str) -> bool {
        self.sure.contains(bare(word))
    }

    pub(super) fn is_any(&self, word: &str) -> bool {
        self.sure.contains(bare(word)) || self.doubtful.contains(bare(word))
    }

    fn is_common(&self, word: &str) -> bool {
        let word = bare(word);
        let irish = word.starts_with("o'") || word.starts_with("d'");
        word.contains('\'') && !irish || (self.common.contains(word) && !self.sure.contains(word))
    }
}

/// A name without the `'s` of what belongs to its bearer.
fn bare(word: &str) -> &str {
    word.strip_suffix("'s").unwrap_or(word)
}

/// Finds people.
pub(super) fn find(pass: &mut Pass<'_, '_>) {
    let mut i = 0;
    while i < pass.doc.len() {
        let introduced = lead_at(pass.doc, i).and_then(|(lead, from)| {
            name_after(pass, lead, from).map(|end| (from, end, CONFIDENCE_INTRODUCED))
        });
        let found = introduced
            .or_else(|| listed_at(pass, i).map(|end| (i, end, CONFIDENCE_LISTED)))
            .or_else(|| signed_at(pass, i).map(|end| (i, end, CONFIDENCE_LISTED)));
        match found.filter(|&(from, end, _)| pass.is_free(from..end)) {
            Some((from, end, _))
                if names_a_thing(pass.doc, from, end) || is_title_of_a_place(pass, from, end) =>
            {
                pass.claim(from..end);
                i = end;
            }
            Some((from, end, confidence)) => {
                let typed = without_preposition(pass, from, pass.doc.typed(from..end));
                let owner = typed
                    .strip_suffix("'s")
                    .or_else(|| typed.strip_suffix("’s"));
                let value = owner.unwrap_or(typed).to_owned();
                let source = if confidence == CONFIDENCE_LISTED {
                    Source::Gazetteer
                } else {
                    Source::Rule
                };
                pass.add_from(source, Kind::Person, value, from..end, confidence);
                i = end;
            }
            None => i += 1,
        }
    }
}

/// Whether a name names a street, a firm, a building or a feast.
fn names_a_thing(doc: &Doc<'_>, from: usize, end: usize) -> bool {
    let last = matches!(
        doc.word(end),
        "tower"
            | "towers"
            | "building"
            | "bldg"
            | "street"
            | "st"
            | "road"
            | "rd"
            | "llc"
            | "trading"
            | "group"
            | "properties"
            | "realty"
            | "holding"
            | "holdings"
            | "enterprises"
            | "restaurant"
            | "cafe"
            | "exchange"
            | "hospital"
            | "clinic"
            | "pharmacy"
            | "school"
            | "supermarket"
            | "mosque"
            | "masjid"
            | "stadium"
            | "contracting"
            | "motors"
            | "electronics"
            | "residence"
            | "residences"
            | "mall"
            | "plaza"
            | "metro"
            | "للعقارات"
            | "للتجاره"
    ) && doc.gap(end) == Gap::Space
        && !doc.word(end - 1).ends_with("'s");
    let real_estate = doc.word(end) == "real" && doc.word(end + 1) == "estate";
    let first = matches!(
        doc.word_before(from),
        "شارع"
            | "برج"
            | "بنايه"
            | "مسجد"
            | "مستشفي"
            | "مستشفى"
            | "مدرسه"
            | "شركه"
            | "مطعم"
    );
    let feast = matches!(doc.word(from), "ramadan" | "رمضان" | "eid" | "عيد")
        && (end > from + 1 || !matches!(doc.word_before(from), "mr" | "hi" | "is" | "am"));
    last || real_estate || first || feast || is_greeted_feast(doc, from)
}

/// The `Sheikh` of a street that is known without it.
fn is_title_of_a_place(pass: &Pass<'_, '_>, from: usize, end: usize) -> bool {
    let place = |f: &super::Found| {
        matches!(f.kind, Kind::Location | Kind::Project) && f.tokens.start == end
    };
    end == from + 1 && is_title(pass.doc.word(from)) && pass.found.iter().any(place)
}

/// The second word of `Ramadan Kareem` and `رمضان كريم`.
fn is_greeted_feast(doc: &Doc<'_>, i: usize) -> bool {
    matches!(
        doc.word_before(i),
        "ramadan" | "eid" | "رمضان" | "عيد" | "juma" | "jumma" | "jummah"
    ) && matches!(
        doc.word(i),
        "kareem" | "karim" | "mubarak" | "saeed" | "كريم" | "مبارك" | "سعيد"
    )
}

/// A name without the preposition that Arabic writes onto it: `بأحمد` is `أحمد`.
fn without_preposition<'t>(pass: &Pass<'_, '_>, from: usize, typed: &'t str) -> &'t str {
    match clinging_name(pass.context.names, pass.doc.word(from)) {
        Some(_) => typed.strip_prefix(['ب', 'ل', 'و']).unwrap_or(typed),
        None => typed,
    }
}

/// The name in a word that a preposition clings to.
fn clinging_name<'w>(names: &Names, word: &'w str) -> Option<&'w str> {
    let rest = word.strip_prefix(['ب', 'ل', 'و'])?;
    let clings = rest.chars().count() >= 3 && names.is_sure(rest) && !names.is_any(word);
    (clings && !names.is_common(word)).then_some(rest)
}

/// The token after a name that words before it announce.
fn name_after(pass: &Pass<'_, '_>, lead: Lead, from: usize) -> Option<usize> {
    let doc = pass.doc;
    let names = pass.context.names;
    let word = doc.word(from);
    if word.is_empty() || !pass.is_open(from) {
        return None;
    }
    // `المدير على` is no Ali: the preposition is written with another letter.
    let said = matches!(
        doc.word_before(from),
        "انا"
            | "معك"
            | "معاك"
            | "يا"
            | "زميلي"
            | "الحارس"
            | "المندوب"
            | "الموظف"
            | "السائق"
            | "الفني"
            | "المدير"
    ) && !doc.typed(from..from + 1).ends_with('ى');
    let listed = names.is_sure(word)
        || (names.is_any(word) && (doc.is_capitalised(from) || lead == Lead::Certain || said));
    let family = is_particle(word)
        && doc.is_word(from + 1)
        && (doc.is_capitalised(from + 1) || names.is_any(doc.word(from + 1)));
    let arabic = doc.kind(from) == Some(TokenKind::Arabic);
    let clings = ["ال", "بال", "في", "على", "علي", "لل"]
        .iter()
        .any(|p| word.starts_with(p));
    // `my name is misspelled`
    let ordinary = !doc.is_capitalised(from)
        && !arabic
        && crate::intent::vectors::vectors().place(word).is_some();
    let known = names.is_common(word) || ordinary || arabic && clings;
    let unknown = !known && word.chars().count() >= 3;
    let first = match lead {
        Lead::Certain => {
            family
                || listed
                || (unknown
                    && (doc.is_capitalised(from)
                        || arabic
                        || doc.kind(from) == Some(TokenKind::Latin)))
                || particle_name(doc, from)
        }
        Lead::Open => {
            listed
                || (unknown
                    && doc.is_capitalised(from)
                    && !pass.is_shouting()
                    && speaks_to_a_person(doc, from))
                || (unknown && doc.is_capitalised(from) && is_called(pass, from))
                || particle_name(doc, from) && doc.is_capitalised(from)
        }
    };
    first.then(|| full_name_end(pass, from))
}

/// `Abu Omar`, `Bin Laden`, `أبو محمد`, `ام سعيد`.
fn particle_name(doc: &Doc<'_>, i: usize) -> bool {
    matches!(doc.word(i), "abu" | "abou" | "umm" | "ابو" | "ام" | "بو") && doc.is_word(i + 1)
        || doc.word(i) == "um" && doc.is_capitalised(i) && doc.is_capitalised(i + 1)
        || doc.word(i) == "عبد" && doc.word(i + 1).starts_with("ال") && doc.gap(i + 1) == Gap::Space
}

/// A name from the list, wherever it stands.
fn listed_at(pass: &Pass<'_, '_>, i: usize) -> Option<usize> {
    let doc = pass.doc;
    let names = pass.context.names;
    let word = doc.word(i);
    if word.is_empty() || !pass.is_open(i) {
        return None;
    }
    if doc.kind(i) == Some(TokenKind::Arabic) && clinging_name(names, word).is_some() {
        return Some(full_name_end(pass, i));
    }
    if particle_name(doc, i) && (names.is_any(doc.word(i + 1)) || doc.word(i) == "عبد") {
        return Some(full_name_end(pass, i));
    }
    if word.len() == 1
        && doc.is_capitalised(i)
        && doc.is_mark(i + 1, '.')
        && doc.is_capitalised(i + 2)
        && doc.gap(i + 2) == Gap::Space
        && !names.is_common(doc.word(i + 2))
        && doc.word(i + 2).len() >= 4
    {
        // `H. Lindqvist`
        return Some(i + 3);
    }
    // `O'Brien`
    if word.starts_with("o'") && word.len() >= IRISH_MIN && doc.is_capitalised(i) {
        return Some(full_name_end(pass, i));
    }
    // `كم عمر البناية`: how old.
    if doc.word_before(i) == "كم" {
        return None;
    }
    // `ba3d el salah`: a noun with its article.
    if matches!(doc.word_before(i), "el" | "il") && !doc.is_capitalised(i) {
        return None;
    }
    let inside = i > 0 && !doc.begins_line(i) && !doc.is_any_mark(i - 1, ".!?");
    let sure = names.is_sure(word)
        && (word.chars().count() >= 4
            || doc.is_capitalised(i)
            || doc.kind(i) == Some(TokenKind::Arabic));
    let doubtful = names.is_any(word)
        && doc.is_capitalised(i)
        && !pass.is_shouting()
        && (inside && !names.is_common(word)
            || names.is_any(doc.word(i + 1)) && doc.is_capitalised(i + 1)
            || joins_names(doc, i + 1) && names.is_sure(doc.word(i + 2))
            || !is_month(word) && acts(doc, i + 1));
    // A family name alone, such as `Hall` or `المري`, is left to introductions.
    (sure || doubtful).then(|| full_name_end(pass, i))
}

/// Whether what follows is what people do: `Grace called`, `Ali and Sara will join`.
fn acts(doc: &Doc<'_>, i: usize) -> bool {
    let at = if joins_names(doc, i) && doc.is_capitalised(i + 1) {
        i + 2
    } else {
        i
    };
    let word = doc.word(at);
    speaks(word)
        || matches!(
            word,
            "will"
                | "confirmed"
                | "agreed"
                | "sent"
                | "paid"
                | "is"
                | "was"
                | "has"
                | "here"
                | "from"
                | "and"
                | "would"
                | "can"
                | "came"
                | "just"
                | "needs"
                | "didn't"
                | "promised"
                | "cleaned"
                | "checked"
                | "collected"
                | "fixed"
                | "brought"
        )
}

/// The middle of `Grace and Joseph`, `Grace n Joseph`, `Grace & Joseph`.
fn joins_names(doc: &Doc<'_>, i: usize) -> bool {
    matches!(doc.word(i), "and" | "n") || doc.is_mark(i, '&')
}

/// Whether a word tells of somebody who speaks.
fn speaks(word: &str) -> bool {
    matches!(
        word,
        "said" | "says" | "called" | "asked" | "told" | "wants" | "replied"
    )
}

fn is_month(word: &str) -> bool {
    matches!(
        word,
        "may" | "june" | "april" | "august" | "summer" | "autumn" | "dawn" | "christmas"
    )
}

/// `Ahmed here`, `- Sara` at the end of a message.
fn signed_at(pass: &Pass<'_, '_>, i: usize) -> Option<usize> {
    let doc = pass.doc;
    let names = pass.context.names;
    let here = matches!(
        doc.word(i + 1),
        "here" | "bhai" | "bhaiya" | "sahab" | "sahib" | "saab" | "speaking"
    );
    let here = (here || speaks(doc.word(i + 1)))
        && (i == 0 || doc.is_any_mark(i - 1, ".,!") || doc.begins_line(i));
    let word = doc.word(i);
    let known =
        doc.is_capitalised(i) && !names.is_common(word) && word.len() >= 3 && pass.is_open(i);
    (here && known).then_some(i + 1)
}

/// The token after all words of a name.
fn full_name_end(pass: &Pass<'_, '_>, from: usize) -> usize {
    let doc = pass.doc;
    let mut end = if particle_name(doc, from) {
        from + 2
    } else {
        from + 1
    };
    while end < from + WORDS_MAX && pass.is_open(end) {
        end += if joins_a_name(doc, from, end) {
            2
        } else if continues(pass, from, end) {
            if is_particle(doc.word(end)) { 2 } else { 1 }
        } else {
            break;
        };
    }
    end.min(doc.len())
}

/// The hyphen of `Jean-Pierre`.
fn joins_a_name(doc: &Doc<'_>, from: usize, i: usize) -> bool {
    doc.is_mark(i, '-')
        && doc.is_glued(i)
        && doc.is_glued(i + 1)
        && doc.is_capitalised(from)
        && doc.is_capitalised(i + 1)
}

fn is_particle(word: &str) -> bool {
    matches!(
        word,
        "al" | "el"
            | "bin"
            | "ibn"
            | "bint"
            | "abu"
            | "van"
            | "de"
            | "der"
            | "von"
            | "da"
            | "dos"
            | "بن"
            | "بنت"
            | "ابو"
            | "ال"
            | "عبد"
    )
}

fn continues(pass: &Pass<'_, '_>, from: usize, i: usize) -> bool {
    let doc = pass.doc;
    let names = pass.context.names;
    let word = doc.word(i);
    if doc.gap(i) == Gap::None && doc.is_mark(i, '-') && is_particle(doc.word_before(i)) {
        return doc.is_word(i + 1);
    }
    if doc.gap(i) != Gap::Space || word.is_empty() {
        return false;
    }
    // `أحمد عبد الله`
    if word == "عبد" && doc.kind(from) == Some(TokenKind::Arabic) {
        return doc.word(i + 1).starts_with("ال") && doc.gap(i + 1) == Gap::Space;
    }
    if is_particle(word) {
        return doc.gap(i + 1) != Gap::Line
            && doc.is_word(i + 1)
            && (doc.is_capitalised(i)
                || doc.is_capitalised(i + 1)
                || names.is_any(doc.word(i + 1))
                || !word.is_ascii());
    }
    if doc.kind(i) == Some(TokenKind::Arabic) {
        let family = word.starts_with("ال") && word.ends_with('ي') && !names.is_common(word);
        return doc.kind(from) == Some(TokenKind::Arabic) && (names.is_sure(word) || family);
    }
    // `eng. khaled hammoud`: behind a title in small letters, a word that is no other.
    let titled = is_title(doc.word_before(from))
        || doc.is_mark(from.wrapping_sub(1), '.') && from >= 2 && is_title(doc.word(from - 2));
    let small = titled
        && !doc.is_capitalised(from)
        && !doc.is_capitalised(i)
        && word.len() >= 4
        && !names.is_common(word)
        && crate::intent::vectors::vectors().place(word).is_none();
    if small {
        return true;
    }
    let capital = doc.is_capitalised(i)
        && doc.is_capitalised(from)
        && (!names.is_common(word) || names.is_any(word))
        && !pass.is_shouting();
    capital || names.is_sure(word) && (doc.is_capitalised(i) == doc.is_capitalised(from))
}
