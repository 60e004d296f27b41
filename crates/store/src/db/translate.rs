//! A statement as PostgreSQL wants it written.
//!
//! `?1` and `:name` become `$1`. `LIKE` becomes `ILIKE`, since in SQLite it takes upper and lower
//! case for the same. Everything else our statements say means the same in both.

/// A statement in PostgreSQL's words.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Translated {
    pub(super) sql: String,
    /// The parameters with names, in the order of their numbers.
    pub(super) names: Vec<String>,
}

pub(super) fn to_postgres(sql: &str) -> Translated {
    let mut out = String::with_capacity(sql.len() + 8);
    let mut names: Vec<String> = Vec::new();
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let (piece, after) = rest.split_at(piece_len(rest, first));
        rest = after;
        match first {
            '?' => {
                out.push('$');
                out.push_str(&piece[1..]);
            }
            ':' if piece.len() > 1 && piece != "::" => {
                let number = names.iter().position(|name| name == piece);
                let number = number.unwrap_or_else(|| {
                    names.push(piece.to_owned());
                    names.len() - 1
                });
                out.push_str(&format!("${}", number + 1));
            }
            _ if piece == "LIKE" => out.push_str("ILIKE"),
            _ => out.push_str(piece),
        }
    }
    Translated { sql: out, names }
}

/// The length of the piece that `text` starts with: a quoted text, a parameter, a word, or one
/// character.
fn piece_len(text: &str, first: char) -> usize {
    let end_of = |is_in: fn(char) -> bool| text[1..].find(|c| !is_in(c)).map(|at| at + 1);
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    match first {
        '\'' | '"' => text[1..].find(first).map_or(text.len(), |at| at + 2),
        '?' => end_of(|c| c.is_ascii_digit()).unwrap_or(text.len()),
        ':' if text.starts_with("::") => 2,
        ':' => end_of(is_word).unwrap_or(text.len()),
        c if is_word(c) => end_of(is_word).unwrap_or(text.len()),
        c => c.len_utf8(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_get_numbers_and_quoted_text_stays() {
        let said = to_postgres("SELECT ':a ?1', \"b?\" FROM t WHERE a = ?2 AND (?1 IS NULL)");
        assert_eq!(
            said.sql,
            "SELECT ':a ?1', \"b?\" FROM t WHERE a = $2 AND ($1 IS NULL)"
        );
        assert!(said.names.is_empty());
    }

    #[test]
    fn a_name_keeps_its_number() {
        let said = to_postgres("x = :last_at AND (:id IS NULL OR y < :id) AND z > :last_at");
        assert_eq!(said.sql, "x = $1 AND ($2 IS NULL OR y < $2) AND z > $1");
        assert_eq!(said.names, [":last_at", ":id"]);
    }

    #[test]
    fn like_does_not_look_at_capitals_in_either_database() {
        let said = to_postgres("name LIKE :text ESCAPE '\\' OR likeness LIKE 'LIKE'");
        assert_eq!(
            said.sql,
            "name ILIKE $1 ESCAPE '\\' OR likeness ILIKE 'LIKE'"
        );
    }
}
