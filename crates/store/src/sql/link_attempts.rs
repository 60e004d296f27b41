//! The record of attempts to link an account.

use super::column::{name_at, name_of, time_at, time_or_null_at};
use crate::admin::link_attempts::{ATTEMPTS_KEPT, ATTEMPTS_READ_MAX, LinkAttempt};
use crate::command::{Write, found};
use crate::db::{Row, named_params};
use crate::error::StoreError;
use crate::page::{Page, Paged};
use crate::store::Store;
use crate::writer::Tx;
use waypost_engine::model::{AccountId, Timestamp};

fn attempt(row: &Row<'_>) -> Result<(i64, LinkAttempt), StoreError> {
    let attempt = LinkAttempt {
        account: AccountId::from_raw(row.get("account")?),
        started_at: time_at(row, "started_at")?,
        method: name_at(row, "method")?,
        codes_shown: row.get("codes_shown")?,
        regenerations: row.get("regenerations")?,
        scanned_at: time_or_null_at(row, "scanned_at")?,
        ended_at: time_at(row, "ended_at")?,
        outcome: name_at(row, "outcome")?,
    };
    Ok((row.get("number")?, attempt))
}

struct Record(LinkAttempt);

impl Write for Record {
    type Output = ();

    fn apply(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let Self(attempt) = self;
        let account = attempt.account.raw();
        let known: bool = tx
            .prepare("SELECT EXISTS (SELECT 1 FROM account WHERE id = ?1)")?
            .query_row([account], |row| row.get(0))?;
        found(usize::from(known), "account")?;
        let number: i64 = tx
            .prepare("SELECT coalesce(max(number), 0) + 1 FROM link_attempt WHERE account = ?1")?
            .query_row([account], |row| row.get(0))?;
        tx.prepare(
            "INSERT INTO link_attempt (account, number, started_at, method, codes_shown,
                regenerations, scanned_at, ended_at, outcome)
             VALUES (:account, :number, :started_at, :method, :codes_shown,
                :regenerations, :scanned_at, :ended_at, :outcome)",
        )?
        .execute(named_params! {
            ":account": account, ":number": number, ":started_at": attempt.started_at.0,
            ":method": name_of(&attempt.method)?, ":codes_shown": attempt.codes_shown,
            ":regenerations": attempt.regenerations,
            ":scanned_at": attempt.scanned_at.map(|at| at.0), ":ended_at": attempt.ended_at.0,
            ":outcome": name_of(&attempt.outcome)?,
        })?;
        tx.prepare("DELETE FROM link_attempt WHERE account = ?1 AND number <= ?2")?
            .execute((account, number - ATTEMPTS_KEPT))?;
        Ok(())
    }
}

impl Store {
    /// Records how an attempt to link an account went.
    pub async fn record_link_attempt(&self, attempt: LinkAttempt) -> Result<(), StoreError> {
        self.write(Record(attempt)).await
    }

    /// The attempts to link any account that ended at `since` or later, oldest first; only the
    /// newest [`ATTEMPTS_READ_MAX`] of them.
    pub async fn link_attempts_since(
        &self,
        since: Timestamp,
    ) -> Result<Vec<LinkAttempt>, StoreError> {
        self.read(move |conn| {
            let mut newest: Vec<LinkAttempt> = conn
                .prepare_cached(
                    "SELECT * FROM link_attempt WHERE ended_at >= ?1
                     ORDER BY ended_at DESC, account DESC, number DESC LIMIT ?2",
                )?
                .query_and_then((since.0, ATTEMPTS_READ_MAX), attempt)?
                .map(|read| read.map(|(_, attempt)| attempt))
                .collect::<Result<_, StoreError>>()?;
            newest.reverse();
            Ok(newest)
        })
        .await
    }

    /// The attempts to link an account, newest first.
    pub async fn link_attempts(
        &self,
        account: AccountId,
        page: Page,
    ) -> Result<Paged<LinkAttempt>, StoreError> {
        self.read(move |conn| {
            let [before] = page.after()?.unwrap_or([i64::MAX]);
            let attempts: Result<Vec<_>, StoreError> = conn
                .prepare_cached(
                    "SELECT * FROM link_attempt WHERE account = ?1 AND number < ?2
                     ORDER BY number DESC LIMIT ?3",
                )?
                .query_and_then((account.raw(), before, page.fetch()), attempt)?
                .collect();
            let Paged { items, next } = page.cut(attempts?, |(number, _)| [*number]);
            Ok(Paged {
                items: items.into_iter().map(|(_, attempt)| attempt).collect(),
                next,
            })
        })
        .await
    }
}
