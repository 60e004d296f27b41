//! Areas, communities, projects and buildings: a list that users edit, found with typing errors.
//!
//! A name is looked up without spaces, so that `down town` and `downtown` are one. An error of one letter is
//! forgiven in names of six letters or more, unless what was typed are ordinary words.

use crate::table::{Set, Table};
use crate::text::Text;
use serde::Deserialize;

/// Names of one list at most.
pub(super) const PLACES_MAX: usize = 20_000;
/// Letters of a name in which an error is forgiven.
pub(super) const FUZZY_LETTERS: std::ops::RangeInclusive<usize> = 6..=40;
/// Letters of a word of a name that is put right by itself.
const WORD_LETTERS_MIN: usize = 5;
/// Places of one weak name that differ in what they are in.
const INNER_MAX: usize = 8;

/// Words of many names that are spelt in many ways, more than one letter apart.
const SPELLINGS: &[(&str, &[&str])] = &[
    (
        "jumeirah",
        &[
            "jumeira", "jumeriah", "jumerah", "jumera", "jumaira", "jumairah", "jumeirha",
            "jumierah", "jumeirh",
        ],
    ),
    (
        "mohammedbin",
        &["mohamedbin", "mohammadbin", "muhammadbin", "mbin"],
    ),
];

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
    /// The canonical name of the place that it is in. Its weak names count only in messages that name that
    /// place as well: `Joy` beside `Arabian Ranches 3`.
    #[serde(default)]
    pub within: Option<String>,
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
pub(super) enum Strength {
    Sure,
    Weak,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) place: u32,
    pub(super) strength: Strength,
}

/// A list of places, ready to be looked up.
#[derive(Debug)]
pub struct Gazetteer {
    places: Vec<(PlaceKind, String)>,
    /// What a place is in, for those whose weak names need it.
    within: Table<u32, String>,
    /// Weak names that need the place which they are in.
    inner: Table<String, Vec<u32>>,
    exact: Table<String, Entry>,
    /// Hashes of names with one letter left out, and the names.
    near: Table<u64, Vec<u32>>,
    names: Vec<String>,
    /// Words of names, and hashes of them with one letter left out.
    words: Set<String>,
    near_words: Table<u64, Vec<String>>,
    common: Set<String>,
}

impl Gazetteer {
    /// Reads a list in YAML. `common` are ordinary words, which no typing error may turn into a place.
    ///
    /// # Errors
    /// When the YAML is no such list, or too long.
    pub fn from_yaml(
        yaml: &str,
        common: impl IntoIterator<Item = String>,
    ) -> Result<Self, GazetteerError> {
        let file: File =
            serde_saphyr::from_str(yaml).map_err(|e| GazetteerError::Yaml(e.to_string()))?;
        let mut gazetteer = Self {
            places: Vec::new(),
            within: Table::default(),
            inner: Table::default(),
            exact: Table::default(),
            near: Table::default(),
            names: Vec::new(),
            words: Set::default(),
            near_words: Table::default(),
            common: common.into_iter().collect(),
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
        if let Some(within) = place.within {
            for name in &place.weak {
                let places = self.inner.entry(key(name)).or_default();
                if places.len() < INNER_MAX {
                    places.push(index);
                }
            }
            self.within.insert(index, within);
            self.places.push((kind, place.name));
            return Ok(());
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
        for (right, others) in SPELLINGS {
            for other in others.iter().filter(|_| key.contains(right)) {
                let spelt = key.replace(right, other);
                self.exact.entry(spelt).or_insert(entry);
            }
        }
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
    pub(super) fn corrected<'w>(&'w self, word: &'w str) -> &'w str {
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

    /// What a place is, and its canonical name.
    pub(super) fn place(&self, place: u32) -> (PlaceKind, String) {
        self.places[place as usize].clone()
    }

    /// What a folded name without spaces stands for.
    pub(super) fn exact(&self, key: &str) -> Option<Entry> {
        self.exact.get(key).copied()
    }

    /// Whether a word is an ordinary one.
    pub(super) fn is_common(&self, word: &str) -> bool {
        self.common.contains(word)
    }

    /// Whether any place has names that count only inside another place.
    pub(super) fn has_inner(&self) -> bool {
        !self.inner.is_empty()
    }

    /// The place of that weak name which is in one of the named places.
    pub(super) fn inner(&self, key: &str, named: &Set<String>) -> Option<u32> {
        let is_named = |place: &&u32| self.within.get(*place).is_some_and(|w| named.contains(w));
        self.inner.get(key)?.iter().find(is_named).copied()
    }

    /// What a name with an error of one letter stands for.
    pub(super) fn near(&self, typed: &str) -> Option<Entry> {
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
