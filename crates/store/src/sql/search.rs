//! Finding messages by their words. The index is filled behind the message path.

#[cfg(feature = "fuzzing")]
mod fuzzing;
mod index;

#[cfg(feature = "fuzzing")]
pub use fuzzing::WordIndex;

use super::column::json_at;
use super::file_texts;
use super::reading::{SELECT, annotate, message};
use crate::admin::search::{
    Coverage, INDEX_BATCH, INDEX_ROUNDS_MAX, Indexed, QUERY_LEN_MAX, SearchQuery, SearchResult,
    TERMS_MAX,
};
use crate::command::Write;
use crate::db::{Connection, Dialect, named_params};
use crate::error::StoreError;
use crate::page::Page;
use crate::store::Store;
use crate::writer::Tx;
use waypost_engine::model::{AccountId, Content, ConversationId};

/// Brings the next messages into the index.
struct IndexSome;

impl IndexSome {
    /// Messages that changed after they were indexed.
    fn again(tx: &Tx<'_>, room: i64) -> Result<i64, StoreError> {
        let ids: Vec<i64> = tx
            .prepare("SELECT message FROM searchable_again LIMIT ?1")?
            .query_map([room], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        for id in &ids {
            put(tx, *id)?;
            tx.prepare("DELETE FROM searchable_again WHERE message = ?1")?
                .execute([id])?;
        }
        Ok(i64::try_from(ids.len()).unwrap_or(i64::MAX))
    }

    /// The next messages of one account.
    fn onward(tx: &Tx<'_>, account: i64, room: i64) -> Result<i64, StoreError> {
        let rows: Vec<(i64, i64)> = tx
            .prepare(
                "SELECT m.seq, m.id FROM message m
                 WHERE m.account = ?1
                    AND m.seq > coalesce((SELECT seq FROM searchable WHERE account = ?1), 0)
                 ORDER BY m.seq LIMIT ?2",
            )?
            .query_map((account, room), |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<_, _>>()?;
        for (_, id) in &rows {
            put(tx, *id)?;
        }
        if let Some((last, _)) = rows.last() {
            tx.prepare(
                "INSERT INTO searchable (account, seq) VALUES (?1, ?2)
                 ON CONFLICT (account) DO UPDATE SET seq = excluded.seq",
            )?
            .execute((account, last))?;
        }
        Ok(i64::try_from(rows.len()).unwrap_or(i64::MAX))
    }
}

impl Write for IndexSome {
    type Output = Indexed;

    fn apply(&self, tx: &mut Tx<'_>) -> Result<Indexed, StoreError> {
        let mut room = i64::from(INDEX_BATCH);
        room -= Self::again(tx, room)?;
        for account in behind(tx.conn())? {
            if room <= 0 {
                break;
            }
            room -= Self::onward(tx, account, room)?;
        }
        Ok(if room > 0 {
            Indexed::All
        } else {
            Indexed::More
        })
    }
}

/// Accounts with messages that are not in the index.
fn behind(conn: &Connection) -> Result<Vec<i64>, StoreError> {
    let accounts = conn
        .prepare_cached(
            "SELECT a.id FROM account a LEFT JOIN searchable s ON s.account = a.id
             WHERE coalesce((SELECT max(seq) FROM message m WHERE m.account = a.id), 0)
                > coalesce(s.seq, 0)",
        )?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    Ok(accounts)
}

fn is_behind(conn: &Connection) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM searchable_again)";
    Ok(conn.prepare_cached(sql)?.query_row([], |row| row.get(0))? || !behind(conn)?.is_empty())
}

/// Puts a message's words into the index, in place of those it had.
fn put(tx: &Tx<'_>, id: i64) -> Result<(), StoreError> {
    let dialect = tx.conn().dialect();
    tx.prepare(index::remove(dialect))?.execute([id])?;
    let content = tx
        .prepare("SELECT content FROM message WHERE id = ?1")?
        .query_and_then([id], |row| json_at::<Content>(row, "content"))?
        .next()
        .transpose()?;
    let read = file_texts::text_of(tx, id)?;
    let words = [content.as_ref().and_then(words), read];
    let words = words.into_iter().flatten().collect::<Vec<_>>().join("\n");
    if !words.is_empty() {
        tx.prepare(index::add(dialect))?
            .execute((id, index::stored(dialect, words)))?;
    }
    Ok(())
}

/// What a message is found by: its words and the name of its file.
fn words(content: &Content) -> Option<String> {
    let name = content.file().and_then(|file| file.file_name.as_deref());
    match (content.words(), name) {
        (Some(words), Some(name)) => Some(format!("{words}\n{name}")),
        (Some(words), None) => Some(words.to_owned()),
        (None, Some(name)) => Some(name.to_owned()),
        (None, None) => None,
    }
}

/// How a query over messages `m` finds those with all words of `text`: what is joined, and the value
/// of its parameter `:expression`.
pub(super) fn words_condition(
    dialect: Dialect,
    text: &str,
) -> Result<(String, String), StoreError> {
    check(text)?;
    let (key, found) = (index::key(dialect), index::found(dialect));
    let join = format!("JOIN message_words w ON w.{key} = m.id AND {found}");
    Ok((join, index::expression(dialect, text)))
}

/// Refuses a search that is too long, or says nothing.
fn check(text: &str) -> Result<(), StoreError> {
    if text.len() > QUERY_LEN_MAX {
        return Err(StoreError::invalid(format!(
            "a search has at most {QUERY_LEN_MAX} bytes; use fewer words"
        )));
    }
    match index::terms(text).count() {
        0 => Err(StoreError::invalid("a search needs at least one word")),
        n if n > TERMS_MAX => Err(StoreError::invalid(format!(
            "a search has at most {TERMS_MAX} words; use fewer"
        ))),
        _ => Ok(()),
    }
}

impl Store {
    /// Brings the next [`INDEX_BATCH`] messages into the search index. To be called again while
    /// there is more, now and then, by whoever keeps the store tidy; a search does it too.
    pub async fn index_messages(&self) -> Result<Indexed, StoreError> {
        self.write(IndexSome).await
    }

    /// Messages in which every word of the text occurs, newest first. Upper and lower case and
    /// accents are the same. Edits are found under the message that says them.
    ///
    /// Indexes what is missing first, up to [`INDEX_ROUNDS_MAX`] batches.
    pub async fn search(&self, query: SearchQuery, page: Page) -> Result<SearchResult, StoreError> {
        check(&query.text)?;
        let mut coverage = Coverage::Complete;
        for round in 0.. {
            if !self.read(is_behind).await? {
                break;
            }
            if round == INDEX_ROUNDS_MAX {
                coverage = Coverage::Catching;
                break;
            }
            self.index_messages().await?;
        }
        self.read(move |conn| {
            let [before] = page.after()?.unwrap_or([i64::MAX]);
            let dialect = conn.dialect();
            let expression = index::expression(dialect, &query.text);
            let (key, found) = (index::key(dialect), index::found(dialect));
            let sql = format!(
                "{SELECT} JOIN message_words w ON w.{key} = m.id
                 JOIN account a ON a.id = m.account
                 WHERE {found} AND w.{key} < :before
                    AND a.workspace = :workspace
                    AND (m.account = :account OR :account IS NULL)
                    AND (m.conversation = :conversation OR :conversation IS NULL)
                 ORDER BY w.{key} DESC LIMIT :rows"
            );
            let found: Result<Vec<_>, StoreError> = conn
                .prepare_cached(&sql)?
                .query_and_then(
                    named_params! {
                        ":expression": expression, ":before": before,
                        ":workspace": query.workspace.raw(),
                        ":account": query.account.map(AccountId::raw),
                        ":conversation": query.conversation.map(ConversationId::raw),
                        ":rows": page.fetch(),
                    },
                    message,
                )?
                .collect();
            let mut found = page.cut(found?, |message| [message.id.raw()]);
            annotate(conn, &mut found.items)?;
            Ok(SearchResult { found, coverage })
        })
        .await
    }
}
