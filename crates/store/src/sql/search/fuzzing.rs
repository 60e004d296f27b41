//! The search of one message, for the fuzzing program.

use super::{check, index};
use crate::db::{Connection, migrations, named_params};
use crate::error::StoreError;

/// An index of words in memory, as SQLite has it.
pub struct WordIndex(Connection);

impl std::fmt::Debug for WordIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WordIndex")
    }
}

impl WordIndex {
    /// An empty one.
    ///
    /// # Errors
    /// When SQLite cannot make it.
    pub fn new() -> Result<Self, StoreError> {
        let conn = rusqlite::Connection::open_in_memory().map_err(crate::db::Error::from)?;
        let conn = Connection::Sqlite(conn);
        migrations::migrate(&conn)?;
        Ok(Self(conn))
    }

    /// Whether a message with these words is found; `None` when the search is refused for its length or
    /// for saying nothing.
    ///
    /// # Errors
    /// When SQLite cannot read what was made of the search. It always can.
    pub fn finds(&self, words: &str, query: &str) -> Result<Option<bool>, StoreError> {
        if check(query).is_err() {
            return Ok(None);
        }
        let dialect = self.0.dialect();
        self.0.execute(index::remove(dialect), [1])?;
        let stored = index::stored(dialect, words.to_owned());
        self.0.execute(index::add(dialect), (1, stored))?;
        let sql = format!(
            "SELECT EXISTS (SELECT 1 FROM message_words w WHERE {})",
            index::found(dialect)
        );
        let expression = index::expression(dialect, query);
        let found = self
            .0
            .query_row(&sql, named_params! { ":expression": expression }, |row| {
                row.get(0)
            })?;
        Ok(Some(found))
    }
}
