//! Scores of accounts, and the counts behind them.

use super::column::{json_at, name_at, name_of, time_at};
use crate::admin::health::{Counted, SCORES_READ_MAX, Score};
use crate::command::Write;
use crate::db::Row;
use crate::error::StoreError;
use crate::page::{Page, Paged};
use crate::store::Store;
use crate::writer::Tx;
use std::collections::HashMap;
use waypost_engine::model::{AccountId, Timestamp};
use waypost_engine::watch::tally::Tally;

fn score_at(row: &Row<'_>) -> Result<Score, StoreError> {
    Ok(Score {
        account: AccountId::from_raw(row.get("account")?),
        at: time_at(row, "at")?,
        score: row.get("score")?,
        rating: name_at(row, "rating")?,
        points: json_at(row, "points")?,
    })
}

/// A count as a column holds it.
fn column(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Writes what was counted and what was computed, for many accounts at once. Accounts that were
/// deleted meanwhile are passed over.
struct Record {
    counted: Vec<Counted>,
    scores: Vec<Score>,
}

impl Record {
    fn count(tx: &Tx<'_>, counted: &Counted) -> Result<(), StoreError> {
        let tally = &counted.tally;
        tx.prepare(
            "INSERT INTO health_tally (account, slice, attempts, attempts_failed, messages,
               messages_lost, responses, responses_ms)
             SELECT id, CAST(?2 AS BIGINT), CAST(?3 AS BIGINT), CAST(?4 AS BIGINT),
               CAST(?5 AS BIGINT), CAST(?6 AS BIGINT), CAST(?7 AS BIGINT), CAST(?8 AS BIGINT)
             FROM account WHERE id = ?1
             ON CONFLICT (account, slice) DO UPDATE SET
               attempts = health_tally.attempts + excluded.attempts,
               attempts_failed = health_tally.attempts_failed + excluded.attempts_failed,
               messages = health_tally.messages + excluded.messages,
               messages_lost = health_tally.messages_lost + excluded.messages_lost,
               responses = health_tally.responses + excluded.responses,
               responses_ms = health_tally.responses_ms + excluded.responses_ms",
        )?
        .execute((
            counted.account.raw(),
            counted.slice.0,
            column(tally.attempts),
            column(tally.attempts_failed),
            column(tally.messages),
            column(tally.messages_lost),
            column(tally.responses),
            column(tally.responses_ms),
        ))?;
        Ok(())
    }

    fn score(tx: &Tx<'_>, score: &Score) -> Result<(), StoreError> {
        tx.prepare(
            "INSERT INTO health (account, at, score, rating, points)
             SELECT id, CAST(?2 AS BIGINT), CAST(?3 AS BIGINT), CAST(?4 AS TEXT), CAST(?5 AS TEXT)
             FROM account WHERE id = ?1
             ON CONFLICT (account, at) DO UPDATE SET score = excluded.score,
               rating = excluded.rating, points = excluded.points",
        )?
        .execute((
            score.account.raw(),
            score.at.0,
            score.score,
            name_of(&score.rating)?,
            serde_json::to_string(&score.points)?,
        ))?;
        Ok(())
    }
}

impl Write for Record {
    type Output = ();
    fn apply(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        for counted in &self.counted {
            Self::count(tx, counted)?;
        }
        for score in &self.scores {
            Self::score(tx, score)?;
        }
        Ok(())
    }
}

fn tally_at(row: &Row<'_>) -> Result<(AccountId, Tally), StoreError> {
    let count = |at: usize| -> Result<u64, StoreError> {
        Ok(u64::try_from(row.get::<_, i64>(at)?).unwrap_or(0))
    };
    let tally = Tally {
        attempts: count(1)?,
        attempts_failed: count(2)?,
        messages: count(3)?,
        messages_lost: count(4)?,
        responses: count(5)?,
        responses_ms: count(6)?,
    };
    Ok((AccountId::from_raw(row.get(0)?), tally))
}

impl Store {
    /// Adds to what was counted, and writes scores that were computed. Accounts that are not there
    /// any more are passed over.
    pub async fn record_health(
        &self,
        counted: Vec<Counted>,
        scores: Vec<Score>,
    ) -> Result<(), StoreError> {
        if counted.is_empty() && scores.is_empty() {
            return Ok(());
        }
        self.write(Record { counted, scores }).await
    }

    /// What was counted of every account in the hours that began at `since` or later.
    pub async fn tallies_since(
        &self,
        since: Timestamp,
    ) -> Result<HashMap<AccountId, Tally>, StoreError> {
        self.read(move |conn| {
            conn.prepare_cached(
                "SELECT account, CAST(sum(attempts) AS BIGINT),
                   CAST(sum(attempts_failed) AS BIGINT), CAST(sum(messages) AS BIGINT),
                   CAST(sum(messages_lost) AS BIGINT), CAST(sum(responses) AS BIGINT),
                   CAST(sum(responses_ms) AS BIGINT)
                 FROM health_tally WHERE slice >= ?1 GROUP BY account",
            )?
            .query_and_then([since.0], tally_at)?
            .collect()
        })
        .await
    }

    /// An account's scores computed at `since` or later, oldest first; only the newest
    /// [`SCORES_READ_MAX`] of them.
    pub async fn scores_since(
        &self,
        account: AccountId,
        since: Timestamp,
    ) -> Result<Vec<Score>, StoreError> {
        self.read(move |conn| {
            let mut newest: Vec<Score> = conn
                .prepare_cached(
                    "SELECT * FROM health WHERE account = ?1 AND at >= ?2
                     ORDER BY at DESC LIMIT ?3",
                )?
                .query_and_then((account.raw(), since.0, SCORES_READ_MAX), score_at)?
                .collect::<Result<_, StoreError>>()?;
            newest.reverse();
            Ok(newest)
        })
        .await
    }

    /// An account's scores, newest first.
    pub async fn scores(&self, account: AccountId, page: Page) -> Result<Paged<Score>, StoreError> {
        self.read(move |conn| {
            let [before] = page.after()?.unwrap_or([i64::MAX]);
            let scores: Vec<Score> = conn
                .prepare_cached(
                    "SELECT * FROM health WHERE account = ?1 AND at < ?2
                     ORDER BY at DESC LIMIT ?3",
                )?
                .query_and_then((account.raw(), before, page.fetch()), score_at)?
                .collect::<Result<_, StoreError>>()?;
            Ok(page.cut(scores, |score| [score.at.0]))
        })
        .await
    }
}
