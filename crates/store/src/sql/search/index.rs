//! The index of words in either database: FTS5 in SQLite, a GIN index over a `tsvector` in
//! PostgreSQL, whose words are found here instead of by a dictionary, so that both find the same.

use crate::db::Dialect;
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// Longest word kept for PostgreSQL, in bytes; a longer one is found by its beginning.
const WORD_MAX: usize = 255;
/// Bytes of words of one message kept for PostgreSQL, whose limit is 1 MiB; it is found by those.
const WORDS_BYTES_MAX: usize = 512 * 1024;

/// The column of `message_words` that holds the message's id.
pub(super) fn key(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => "rowid",
        Dialect::Postgres => "message",
    }
}

/// The condition that a row of `message_words w` is found by [`expression`].
pub(super) fn found(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => "w.message_words MATCH :expression",
        Dialect::Postgres => "w.words @@ CAST(CAST(:expression AS text) AS tsquery)",
    }
}

pub(super) fn remove(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => "DELETE FROM message_words WHERE rowid = ?1",
        Dialect::Postgres => "DELETE FROM message_words WHERE message = ?1",
    }
}

/// The statement that adds a message with its words as [`stored`].
pub(super) fn add(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => "INSERT INTO message_words (rowid, words) VALUES (?1, ?2)",
        Dialect::Postgres => {
            "INSERT INTO message_words (message, words)
             VALUES (?1, array_to_tsvector(string_to_array(?2, ' ')))"
        }
    }
}

/// A message's words as the index takes them.
pub(super) fn stored(dialect: Dialect, words: String) -> String {
    match dialect {
        Dialect::Sqlite => words,
        Dialect::Postgres => {
            let mut bytes = 0;
            let fits = |term: &String| {
                bytes += term.len() + 1;
                bytes <= WORDS_BYTES_MAX
            };
            let terms = plain_terms(&words).take_while(fits);
            terms.collect::<Vec<_>>().join(" ")
        }
    }
}

/// The words of a search.
pub(super) fn terms(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|term| !term.is_empty())
}

/// The search in the index's language: every word quoted, so that nothing typed is an operator;
/// the last one may be unfinished.
pub(super) fn expression(dialect: Dialect, text: &str) -> String {
    match dialect {
        Dialect::Sqlite => {
            let quoted: Vec<String> = terms(text).map(|term| format!("\"{term}\"")).collect();
            format!("{}*", quoted.join(" "))
        }
        Dialect::Postgres => {
            let quoted: Vec<String> = plain_terms(text).map(|term| format!("'{term}'")).collect();
            if quoted.is_empty() {
                // Nothing but signs that stand on letters: finds nothing.
                return String::new();
            }
            format!("{}:*", quoted.join(" & "))
        }
    }
}

/// Words without accents and capitals.
fn plain_terms(text: &str) -> impl Iterator<Item = String> {
    let plain: String = text
        .nfd()
        .filter(|c| !is_combining_mark(*c))
        .flat_map(char::to_lowercase)
        .collect();
    let cut = |term: &str| term[..term.floor_char_boundary(WORD_MAX)].to_owned();
    terms(&plain).map(cut).collect::<Vec<_>>().into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accents_capitals_and_vowel_signs_make_no_difference() {
        let stored = stored(Dialect::Postgres, "Café, MÜNCHEN! السَّلامُ".to_owned());
        assert_eq!(stored, "cafe munchen السلام");
        let asked = expression(Dialect::Postgres, "CAFE münch");
        assert_eq!(asked, "'cafe' & 'munch':*");
    }

    #[test]
    fn nothing_typed_is_an_operator() {
        let asked = expression(Dialect::Postgres, "a' | 'b:* & !c\\");
        assert_eq!(asked, "'a' & 'b' & 'c':*");
    }

    #[test]
    fn an_endless_word_is_found_by_its_beginning() {
        let long = "é".repeat(10_000);
        let kept = stored(Dialect::Postgres, long.clone());
        assert_eq!(kept.len(), WORD_MAX);
        assert_eq!(expression(Dialect::Postgres, &long), format!("'{kept}':*"));
    }
}
