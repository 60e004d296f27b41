//! What went through accounts lately. An account's messages are numbered in the order in which
//! they were committed, so the first one of a span is found by halving, and only those of the span
//! are counted.

use super::codec::first;
use crate::admin::traffic::{TIMES_MAX, Times, Traffic};
use crate::db::Snapshot;
use crate::error::StoreError;
use crate::store::Store;
use waypost_engine::model::{AccountId, Timestamp};

/// The number of the account's first message that was committed at `since` or later, or one that
/// no message has yet.
fn first_since(snapshot: &Snapshot<'_>, account: i64, since: Timestamp) -> Result<i64, StoreError> {
    let newest: i64 = snapshot
        .prepare_cached("SELECT coalesce(max(seq), 0) FROM message WHERE account = ?1")?
        .query_row([account], |row| row.get(0))?;
    let mut next = snapshot.prepare_cached(
        "SELECT seq, committed_at FROM message WHERE account = ?1 AND seq >= ?2
         ORDER BY seq LIMIT 1",
    )?;
    let (mut low, mut high) = (1, newest + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        let found: Option<(i64, i64)> = first(next.query((account, middle))?, |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
        match found {
            Some((seq, at)) if at < since.0 => low = seq + 1,
            _ => high = middle,
        }
    }
    Ok(low)
}

/// How long something took, newest first, as far as it is known.
fn times(snapshot: &Snapshot<'_>, sql: &str, account: i64, from: i64) -> Result<Times, StoreError> {
    let taken: Vec<i64> = snapshot
        .prepare_cached(sql)?
        .query_map((account, from, TIMES_MAX), |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    Ok(Times::of(taken))
}

/// Messages by direction and origin.
fn messages(
    snapshot: &Snapshot<'_>,
    account: i64,
    from: i64,
    traffic: &mut Traffic,
) -> Result<(), StoreError> {
    let mut counts = snapshot.prepare_cached(
        "SELECT direction, origin, count(*) FROM message
         WHERE account = ?1 AND seq >= ?2 GROUP BY direction, origin",
    )?;
    let mut rows = counts.query((account, from))?;
    while let Some(row) = rows.next()? {
        let (direction, origin): (String, String) = (row.get(0)?, row.get(1)?);
        let count = number(row.get(2)?);
        match (direction.as_str(), origin.as_str()) {
            (_, "history") => {}
            ("in", _) => traffic.received += count,
            (_, "sent") => traffic.sent += count,
            _ => traffic.sent_elsewhere += count,
        }
    }
    Ok(())
}

/// What became of the sends.
fn sends(
    snapshot: &Snapshot<'_>,
    account: i64,
    from: i64,
    traffic: &mut Traffic,
) -> Result<(), StoreError> {
    let mut counts = snapshot.prepare_cached(
        "SELECT o.state, count(*) FROM message AS m JOIN outbox AS o ON o.message = m.id
         WHERE m.account = ?1 AND m.seq >= ?2 GROUP BY o.state",
    )?;
    let mut rows = counts.query((account, from))?;
    while let Some(row) = rows.next()? {
        let state: String = row.get(0)?;
        match state.as_str() {
            "failed" => traffic.failed = number(row.get(1)?),
            "accepted" | "held" => traffic.waiting += number(row.get(1)?),
            _ => {}
        }
    }
    Ok(())
}

fn number(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}

fn of_account(
    snapshot: &Snapshot<'_>,
    account: i64,
    since: Timestamp,
) -> Result<Traffic, StoreError> {
    let from = first_since(snapshot, account, since)?;
    let mut traffic = Traffic::default();
    messages(snapshot, account, from, &mut traffic)?;
    sends(snapshot, account, from, &mut traffic)?;
    traffic.handled = times(
        snapshot,
        "SELECT f.at - m.received_at FROM message AS m JOIN finding AS f ON f.message = m.id
         WHERE m.account = ?1 AND m.seq >= ?2 AND m.origin = 'live'
         ORDER BY m.seq DESC LIMIT ?3",
        account,
        from,
    )?;
    traffic.accepted = times(
        snapshot,
        "SELECT o.server_at - o.created_at FROM message AS m JOIN outbox AS o ON o.message = m.id
         WHERE m.account = ?1 AND m.seq >= ?2 AND o.server_at IS NOT NULL
         ORDER BY m.seq DESC LIMIT ?3",
        account,
        from,
    )?;
    traffic.delivered = times(
        snapshot,
        "SELECT o.delivered_at - o.created_at FROM message AS m JOIN outbox AS o ON o.message = m.id
         WHERE m.account = ?1 AND m.seq >= ?2 AND o.delivered_at IS NOT NULL
         ORDER BY m.seq DESC LIMIT ?3",
        account,
        from,
    )?;
    let letters: i64 = snapshot
        .prepare_cached("SELECT count(*) FROM dead_letter WHERE account = ?1 AND created_at >= ?2")?
        .query_row((account, since.0), |row| row.get(0))?;
    traffic.dead_letters = number(letters);
    let mut links = snapshot.prepare_cached(
        "SELECT outcome, count(*) FROM link_attempt WHERE account = ?1 AND ended_at >= ?2
         GROUP BY outcome",
    )?;
    let mut rows = links.query((account, since.0))?;
    while let Some(row) = rows.next()? {
        traffic.links.insert(row.get(0)?, number(row.get(1)?));
    }
    Ok(traffic)
}

impl Store {
    /// What went through each of these accounts since then, in their order.
    pub async fn traffic(
        &self,
        accounts: Vec<AccountId>,
        since: Timestamp,
    ) -> Result<Vec<(AccountId, Traffic)>, StoreError> {
        self.read(move |conn| {
            let snapshot = conn.snapshot()?;
            accounts
                .into_iter()
                .map(|account| Ok((account, of_account(&snapshot, account.raw(), since)?)))
                .collect()
        })
        .await
    }
}
