//! Messages that never came, and what is known around them.

use super::codec::{address_at, collect, first, word_at};
use super::column::json_at;
use super::events::{About, emit};
use crate::admin::gaps::{GAPS_KEPT, GapCounts, GapNote};
use crate::command::Write;
use crate::db::Row;
use crate::error::StoreError;
use crate::page::{Page, Paged};
use crate::sql::accounts::home;
use crate::store::Store;
use crate::writer::Tx;
use serde::Serialize;
use waypost_engine::fleet::gaps::{Gap, Mark};
use waypost_engine::model::{AccountId, Direction, Timestamp};

/// A hole as its event tells it. Times are UTC milliseconds.
#[derive(Serialize)]
struct Told<'a> {
    kind: &'a str,
    state: &'a str,
    chat: Option<String>,
    wire_id: Option<&'a str>,
    expected: u32,
    filled: u32,
    missing: u32,
    since: Timestamp,
    until: Timestamp,
    /// The messages that came after all.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    messages: &'a [String],
}

struct PutGap {
    account: AccountId,
    note: GapNote,
    now: Timestamp,
}

impl Write for PutGap {
    type Output = ();

    fn apply(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let home = home(tx, self.account)?;
        let (account, gap) = (self.account.raw(), &self.note.gap);
        let number: i64 = tx
            .prepare("SELECT coalesce(max(number), 0) + 1 FROM gap WHERE account = ?1")?
            .query_row([account], |row| row.get(0))?;
        tx.prepare(
            "INSERT INTO gap (account, number, key, state, missing, filled, found_at, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
             ON CONFLICT (account, key) DO UPDATE SET state = excluded.state,
                missing = excluded.missing, filled = excluded.filled, body = excluded.body",
        )?
        .execute((
            account,
            number,
            &gap.key,
            gap.state.as_str(),
            gap.missing(),
            gap.filled,
            gap.found_at.0,
            serde_json::to_string(gap)?,
        ))?;
        tx.prepare(
            "DELETE FROM gap WHERE account = ?1 AND number IN
               (SELECT number FROM gap WHERE account = ?1
                ORDER BY CASE WHEN missing > 0 THEN 0 ELSE 1 END, number DESC
                LIMIT 100 OFFSET ?2)",
        )?
        .execute((account, GAPS_KEPT))?;
        let Some((kind, messages)) = &self.note.event else {
            return Ok(());
        };
        let about = About {
            workspace: home.workspace,
            account: Some(self.account),
            conversation: None,
            at: self.now,
        };
        let told = Told {
            kind: gap.kind.as_str(),
            state: gap.state.as_str(),
            chat: gap.chat.as_ref().map(ToString::to_string),
            wire_id: gap.wire_id.as_deref(),
            expected: gap.expected,
            filled: gap.filled,
            missing: gap.missing(),
            since: gap.since,
            until: gap.until,
            messages,
        };
        emit(tx, about, kind, &told).map(|_| ())
    }
}

struct DropGap {
    account: AccountId,
    key: String,
}

impl Write for DropGap {
    type Output = ();

    fn apply(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        tx.prepare("DELETE FROM gap WHERE account = ?1 AND key = ?2")?
            .execute((self.account.raw(), &self.key))?;
        Ok(())
    }
}

fn gap(row: &Row<'_>) -> Result<(i64, Gap), StoreError> {
    Ok((row.get("number")?, json_at(row, "body")?))
}

/// The columns of [`mark`].
const MARK: &str = "SELECT m.chat, m.wire_id, m.direction, m.sent_at FROM message AS m";

fn mark(row: &Row<'_>) -> Result<Mark, StoreError> {
    Ok(Mark {
        chat: address_at(row, 0)?,
        wire_id: row.get(1)?,
        from_me: word_at::<Direction>(row, 2)? == Direction::Out,
        sent_at: Timestamp(row.get(3)?),
    })
}

impl Store {
    /// Writes a hole down, in place of what was known of it, and tells of it in the same commit.
    pub async fn put_gap(
        &self,
        account: AccountId,
        note: GapNote,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(PutGap { account, note, now }).await
    }

    /// Forgets something that turned out to be no hole.
    pub async fn drop_gap(&self, account: AccountId, key: String) -> Result<(), StoreError> {
        self.write(DropGap { account, key }).await
    }

    /// The holes of an account, newest first.
    pub async fn gaps(&self, account: AccountId, page: Page) -> Result<Paged<Gap>, StoreError> {
        self.read(move |conn| {
            let [before] = page.after()?.unwrap_or([i64::MAX]);
            let gaps: Result<Vec<_>, StoreError> = conn
                .prepare_cached(
                    "SELECT number, body FROM gap WHERE account = ?1 AND number < ?2
                     ORDER BY number DESC LIMIT ?3",
                )?
                .query_and_then((account.raw(), before, page.fetch()), gap)?
                .collect();
            let Paged { items, next } = page.cut(gaps?, |(number, _)| [*number]);
            Ok(Paged {
                items: items.into_iter().map(|(_, gap)| gap).collect(),
                next,
            })
        })
        .await
    }

    /// The holes of an account that are not filled and were found at `since` or later, newest first.
    pub async fn unfilled_gaps(
        &self,
        account: AccountId,
        since: Timestamp,
        limit: usize,
    ) -> Result<Vec<Gap>, StoreError> {
        self.read(move |conn| {
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            conn.prepare_cached(
                "SELECT number, body FROM gap
                 WHERE account = ?1 AND state <> 'filled' AND found_at >= ?2
                 ORDER BY number DESC LIMIT ?3",
            )?
            .query_and_then((account.raw(), since.0, limit), gap)?
            .map(|read| read.map(|(_, gap)| gap))
            .collect()
        })
        .await
    }

    /// How many messages of an account are missing.
    pub async fn gap_counts(&self, account: AccountId) -> Result<GapCounts, StoreError> {
        self.read(move |conn| {
            let mut sums = conn.prepare_cached(
                "SELECT CAST(coalesce(sum(missing), 0) AS BIGINT),
                   CAST(coalesce(sum(filled), 0) AS BIGINT),
                   count(CASE WHEN state = 'doubtful' THEN 1 END)
                 FROM gap WHERE account = ?1",
            )?;
            Ok(sums.query_row([account.raw()], |row| {
                Ok(GapCounts {
                    missing: row.get(0)?,
                    filled: row.get(1)?,
                    doubtful: row.get(2)?,
                })
            })?)
        })
        .await
    }

    /// Whether a message is here, with its content. Wire ids are random: they name one message of an
    /// account, whatever address its chat was written with.
    pub async fn is_here(&self, account: AccountId, wire_id: String) -> Result<bool, StoreError> {
        self.read(move |conn| {
            let found = conn
                .prepare_cached(
                    "SELECT EXISTS (SELECT 1 FROM message
                     WHERE account = ?1 AND wire_id = ?2 AND kind <> 'placeholder')",
                )?
                .query_row((account.raw(), &wire_id), |row| row.get(0))?;
            Ok(found)
        })
        .await
    }

    /// The newest readable message of each conversation in which something was said at `since` or
    /// later, the newest conversations first.
    pub async fn newest_since(
        &self,
        account: AccountId,
        since: Timestamp,
        limit: usize,
    ) -> Result<Vec<Mark>, StoreError> {
        self.read(move |conn| {
            let sql = format!(
                "{MARK} JOIN conversation AS c ON c.last_message = m.id
                 JOIN account AS a ON a.id = c.account AND a.workspace = c.workspace
                 WHERE c.account = ?1 AND c.last_at >= ?2 AND m.kind <> 'placeholder'
                 ORDER BY c.last_at DESC, c.id DESC LIMIT ?3"
            );
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let mut statement = conn.prepare_cached(&sql)?;
            collect(statement.query((account.raw(), since.0, limit))?, mark)
        })
        .await
    }

    /// The first readable message after one in its conversation.
    pub async fn next_after(
        &self,
        account: AccountId,
        wire_id: String,
    ) -> Result<Option<Mark>, StoreError> {
        self.read(move |conn| {
            let mut place = conn.prepare_cached(
                "SELECT conversation, sent_at, seq FROM message
                 WHERE account = ?1 AND wire_id = ?2 ORDER BY seq LIMIT 1",
            )?;
            let place = first(place.query((account.raw(), &wire_id))?, |row| {
                Ok::<(i64, i64, i64), StoreError>((row.get(0)?, row.get(1)?, row.get(2)?))
            })?;
            let Some((conversation, sent_at, seq)) = place else {
                return Ok(None);
            };
            let sql = format!(
                "{MARK} WHERE m.conversation = ?1 AND (m.sent_at, m.seq) > (?2, ?3)
                 AND m.kind <> 'placeholder' ORDER BY m.sent_at, m.seq LIMIT 1"
            );
            let mut statement = conn.prepare_cached(&sql)?;
            first(statement.query((conversation, sent_at, seq))?, mark)
        })
        .await
    }

    /// The newest messages of an account that nobody could read.
    pub async fn unreadable(
        &self,
        account: AccountId,
        limit: usize,
    ) -> Result<Vec<Mark>, StoreError> {
        self.read(move |conn| {
            let sql = format!(
                "{MARK} WHERE m.account = ?1 AND m.kind = 'placeholder'
                 ORDER BY m.seq DESC LIMIT ?2"
            );
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let mut statement = conn.prepare_cached(&sql)?;
            collect(statement.query((account.raw(), limit))?, mark)
        })
        .await
    }
}
