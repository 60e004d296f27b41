//! How far each webhook endpoint has come: its cursor, and the lanes that are blocked.

use super::column::{cut, time_at};
use super::deliveries;
use super::endpoints::by_id;
use super::events::event_at;
use crate::admin::deliveries::NewDelivery;
use crate::admin::endpoints::{
    Advance, Advanced, BACKLOG_MAX, BlockSummary, Blocked, ERROR_KEPT, Endpoint, HeadOutcome, Lane,
    RecoverSince,
};
use crate::command::{Write, found};
use crate::db::{Connection, Row, named_params};
use crate::error::StoreError;
use crate::store::Store;
use crate::writer::{Tx, head};
use waypost_engine::model::{ConversationId, EndpointId, Timestamp, WorkspaceId};

fn lane_raw(lane: Lane) -> i64 {
    lane.map_or(0, ConversationId::raw)
}

fn lane_at(row: &Row<'_>) -> Result<Lane, StoreError> {
    let raw: i64 = row.get("lane")?;
    Ok((raw != 0).then(|| ConversationId::from_raw(raw)))
}

struct AdvanceEndpoint {
    id: EndpointId,
    step: Advance,
    now: Timestamp,
}

impl AdvanceEndpoint {
    fn has_room(&self, tx: &Tx<'_>) -> Result<bool, StoreError> {
        let more = self.step.blocked.len() + self.step.deferred.len();
        if more == 0 {
            return Ok(true);
        }
        let waiting: i64 = tx
            .prepare("SELECT count(*) FROM endpoint_backlog WHERE endpoint = ?1")?
            .query_row([self.id.raw()], |row| row.get(0))?;
        Ok(waiting + i64::try_from(more).unwrap_or(i64::MAX) <= BACKLOG_MAX)
    }

    fn block(&self, tx: &Tx<'_>) -> Result<(), StoreError> {
        for block in &self.step.blocked {
            let lane = lane_raw(block.lane);
            let added = tx
                .prepare(
                    "INSERT INTO endpoint_block
                        (endpoint, lane, body, attempts, next_at, since, last_error)
                     VALUES (:endpoint, :lane, :body, 1, :next_at, :now, :error)
                     ON CONFLICT DO NOTHING",
                )?
                .execute(named_params! {
                    ":endpoint": self.id.raw(), ":lane": lane, ":body": block.body,
                    ":next_at": block.next_at.0, ":now": self.now.0,
                    ":error": cut(&block.error, ERROR_KEPT),
                })?;
            if added == 0 {
                // A blocked lane has one head only: its later events are deferred, not tried.
                return Err(StoreError::conflict("this conversation is blocked already"));
            }
            defer(tx, self.id, lane, block.position)?;
        }
        for (lane, position) in &self.step.deferred {
            let lane = lane_raw(*lane);
            defer(tx, self.id, lane, *position)?;
            // The lane may have been worked off since the caller looked.
            tx.prepare(
                "INSERT INTO endpoint_block
                    (endpoint, lane, attempts, next_at, since, last_error)
                 VALUES (?1, ?2, 0, ?3, ?3, '') ON CONFLICT DO NOTHING",
            )?
            .execute((self.id.raw(), lane, self.now.0))?;
        }
        Ok(())
    }
}

fn defer(tx: &Tx<'_>, endpoint: EndpointId, lane: i64, position: i64) -> Result<(), StoreError> {
    tx.prepare(
        "INSERT INTO endpoint_backlog (endpoint, lane, position) VALUES (?1, ?2, ?3)
         ON CONFLICT DO NOTHING",
    )?
    .execute((endpoint.raw(), lane, position))?;
    Ok(())
}

/// Notes whether deliveries succeed, from the newest attempt of `log`.
fn note_health(tx: &Tx<'_>, id: EndpointId, log: &[NewDelivery]) -> Result<(), StoreError> {
    let Some(last) = log.last() else {
        return Ok(());
    };
    let sql = match last.error {
        None => "UPDATE endpoint SET succeeded_at = ?2, failing_since = NULL WHERE id = ?1",
        Some(_) => "UPDATE endpoint SET failing_since = coalesce(failing_since, ?2) WHERE id = ?1",
    };
    tx.prepare(sql)?.execute((id.raw(), last.at.0))?;
    Ok(())
}

impl Write for AdvanceEndpoint {
    type Output = Advanced;

    fn apply(&self, tx: &mut Tx<'_>) -> Result<Advanced, StoreError> {
        if by_id(tx.conn(), self.id)?.position != self.step.from {
            return Ok(Advanced::Moved);
        }
        if !self.has_room(tx)? {
            return Ok(Advanced::BacklogFull);
        }
        self.block(tx)?;
        tx.prepare("UPDATE endpoint SET position = ?2 WHERE id = ?1")?
            .execute((self.id.raw(), self.step.to))?;
        deliveries::log(tx, self.id, &self.step.log)?;
        note_health(tx, self.id, &self.step.log)?;
        Ok(Advanced::Done)
    }
}

struct SettleHead {
    endpoint: EndpointId,
    lane: i64,
    position: i64,
    outcome: HeadOutcome,
    log: Option<NewDelivery>,
    now: Timestamp,
}

impl SettleHead {
    fn passed(&self, tx: &Tx<'_>) -> Result<(), StoreError> {
        let key = (self.endpoint.raw(), self.lane);
        tx.prepare(
            "DELETE FROM endpoint_backlog WHERE endpoint = ?1 AND lane = ?2 AND position = ?3",
        )?
        .execute((key.0, key.1, self.position))?;
        let sql =
            "SELECT EXISTS (SELECT 1 FROM endpoint_backlog WHERE endpoint = ?1 AND lane = ?2)";
        let more: bool = tx.prepare(sql)?.query_row(key, |row| row.get(0))?;
        if more {
            tx.prepare(
                "UPDATE endpoint_block
                 SET body = NULL, attempts = 0, next_at = ?3, since = ?3, last_error = ''
                 WHERE endpoint = ?1 AND lane = ?2",
            )?
            .execute((key.0, key.1, self.now.0))?;
        } else {
            tx.prepare("DELETE FROM endpoint_block WHERE endpoint = ?1 AND lane = ?2")?
                .execute(key)?;
        }
        Ok(())
    }
}

impl Write for SettleHead {
    type Output = ();

    fn apply(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let sql = "SELECT min(position) FROM endpoint_backlog WHERE endpoint = ?1 AND lane = ?2";
        let head: Option<i64> = tx
            .prepare(sql)?
            .query_row((self.endpoint.raw(), self.lane), |row| row.get(0))?;
        if head != Some(self.position) {
            return Err(StoreError::conflict(
                "this event is not the next of its conversation",
            ));
        }
        match &self.outcome {
            HeadOutcome::Delivered | HeadOutcome::GivenUp => self.passed(tx)?,
            HeadOutcome::Failed {
                body,
                next_at,
                error,
            } => {
                tx.prepare(
                    "UPDATE endpoint_block SET body = coalesce(body, ?3), attempts = attempts + 1,
                        next_at = ?4, last_error = ?5
                     WHERE endpoint = ?1 AND lane = ?2",
                )?
                .execute((
                    self.endpoint.raw(),
                    self.lane,
                    body,
                    next_at.0,
                    cut(error, ERROR_KEPT),
                ))?;
            }
        }
        deliveries::log(tx, self.endpoint, self.log.as_slice())?;
        note_health(tx, self.endpoint, self.log.as_slice())
    }
}

struct Recover {
    id: EndpointId,
    workspace: WorkspaceId,
    since: RecoverSince,
}

impl Recover {
    /// The last position before what is wanted.
    fn before(&self, tx: &Tx<'_>) -> Result<i64, StoreError> {
        let newest = head(tx.conn())?;
        match self.since {
            RecoverSince::Position(position) => Ok(position.clamp(0, newest)),
            RecoverSince::Time(time) => {
                // Times in the log may step back a little; the first event that is late enough
                // may therefore stand before others that are not, never after one that is.
                let sql = "SELECT min(position) - 1 FROM event WHERE at >= ?1";
                let before: Option<i64> = tx.prepare(sql)?.query_row([time.0], |row| row.get(0))?;
                Ok(before.unwrap_or(newest))
            }
        }
    }
}

impl Write for Recover {
    type Output = Endpoint;

    fn apply(&self, tx: &mut Tx<'_>) -> Result<Endpoint, StoreError> {
        let was = by_id(tx.conn(), self.id)?;
        found(
            usize::from(was.workspace == self.workspace),
            "webhook endpoint",
        )?;
        let to = self.before(tx)?.min(was.position);
        // What waits in the backlog past the new place comes again in its order.
        tx.prepare("DELETE FROM endpoint_backlog WHERE endpoint = ?1 AND position > ?2")?
            .execute((self.id.raw(), to))?;
        drop_empty_lanes(tx, self.id)?;
        tx.prepare("UPDATE endpoint SET position = ?2 WHERE id = ?1")?
            .execute((self.id.raw(), to))?;
        by_id(tx.conn(), self.id)
    }
}

/// Whether the head of a blocked lane is no longer in the log: too old, or of a deleted account.
fn is_stuck(conn: &Connection, endpoint: EndpointId) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM endpoint_block b
        WHERE b.endpoint = ?1 AND NOT EXISTS (SELECT 1 FROM event e WHERE e.position =
            (SELECT min(position) FROM endpoint_backlog q
             WHERE q.endpoint = b.endpoint AND q.lane = b.lane)))";
    Ok(conn
        .prepare_cached(sql)?
        .query_row([endpoint.raw()], |row| row.get(0))?)
}

/// Drops what waits for an endpoint and is no longer in the log.
struct DropGone {
    endpoint: EndpointId,
    now: Timestamp,
}

impl Write for DropGone {
    type Output = u64;

    fn apply(&self, tx: &mut Tx<'_>) -> Result<u64, StoreError> {
        let endpoint = self.endpoint.raw();
        // A lane with a new head starts anew: body and attempts were those of the old one.
        tx.prepare(
            "UPDATE endpoint_block
             SET body = NULL, attempts = 0, next_at = ?2, since = ?2, last_error = ''
             WHERE endpoint = ?1 AND NOT EXISTS (SELECT 1 FROM event e WHERE e.position =
                (SELECT min(position) FROM endpoint_backlog q
                 WHERE q.endpoint = endpoint_block.endpoint AND q.lane = endpoint_block.lane))",
        )?
        .execute((endpoint, self.now.0))?;
        let dropped = tx
            .prepare(
                "DELETE FROM endpoint_backlog WHERE endpoint = ?1 AND NOT EXISTS
                    (SELECT 1 FROM event e WHERE e.position = endpoint_backlog.position)",
            )?
            .execute([endpoint])?;
        drop_empty_lanes(tx, self.endpoint)?;
        Ok(dropped as u64)
    }
}

/// Unblocks lanes in which nothing waits.
fn drop_empty_lanes(tx: &Tx<'_>, endpoint: EndpointId) -> Result<(), StoreError> {
    tx.prepare(
        "DELETE FROM endpoint_block WHERE endpoint = ?1 AND NOT EXISTS (
            SELECT 1 FROM endpoint_backlog b
            WHERE b.endpoint = endpoint_block.endpoint AND b.lane = endpoint_block.lane)",
    )?
    .execute([endpoint.raw()])?;
    Ok(())
}

impl Store {
    /// Moves an endpoint's cursor, blocks and defers what did not get through, and logs the
    /// attempts, all in one commit.
    pub async fn advance_endpoint(
        &self,
        id: EndpointId,
        step: Advance,
        now: Timestamp,
    ) -> Result<Advanced, StoreError> {
        if step.to < step.from {
            return Err(StoreError::invalid(
                "a cursor only moves forward; recover to go back",
            ));
        }
        self.write(AdvanceEndpoint { id, step, now }).await
    }

    /// The lanes of an endpoint that are blocked now. Their events must be deferred.
    pub async fn blocked_lanes(&self, id: EndpointId) -> Result<Vec<Lane>, StoreError> {
        self.read(move |conn| {
            conn.prepare_cached("SELECT lane FROM endpoint_block WHERE endpoint = ?1")?
                .query_and_then([id.raw()], lane_at)?
                .collect()
        })
        .await
    }

    /// Heads of blocked conversations whose time has come, most overdue first. Waiting events that
    /// were removed from the log meanwhile are dropped first, so that they hold up nothing.
    pub async fn blocked_due(
        &self,
        id: EndpointId,
        now: Timestamp,
        limit: u16,
    ) -> Result<Vec<Blocked>, StoreError> {
        if self.read(move |conn| is_stuck(conn, id)).await? {
            let dropped = self.write(DropGone { endpoint: id, now }).await?;
            tracing::warn!(endpoint = %id, dropped, "events that waited too long were removed");
        }
        self.read(move |conn| {
            conn.prepare_cached(
                "SELECT e.position, e.id, e.workspace, e.account, e.conversation, e.kind,
                    e.version, e.data, e.at,
                    b.lane, b.body, b.attempts, b.next_at, b.since, b.last_error
                 FROM endpoint_block b
                 JOIN event e ON e.position = (SELECT min(position) FROM endpoint_backlog q
                    WHERE q.endpoint = b.endpoint AND q.lane = b.lane)
                 WHERE b.endpoint = ?1 AND b.next_at <= ?2
                 ORDER BY b.next_at, b.lane LIMIT ?3",
            )?
            .query_and_then((id.raw(), now.0, limit), |row| {
                Ok(Blocked {
                    lane: lane_at(row)?,
                    event: event_at(row)?,
                    body: row.get("body")?,
                    attempts: row.get("attempts")?,
                    next_at: time_at(row, "next_at")?,
                    since: time_at(row, "since")?,
                    last_error: row.get("last_error")?,
                })
            })?
            .collect()
        })
        .await
    }

    /// When the next blocked head of an endpoint is due, if anything is blocked.
    pub async fn blocked_next(&self, id: EndpointId) -> Result<Option<Timestamp>, StoreError> {
        self.read(move |conn| {
            let sql = "SELECT min(next_at) FROM endpoint_block WHERE endpoint = ?1";
            let next: Option<i64> = conn
                .prepare_cached(sql)?
                .query_row([id.raw()], |row| row.get(0))?;
            Ok(next.map(Timestamp))
        })
        .await
    }

    /// Settles an attempt at the head of a blocked conversation. [`StoreError::Conflict`] when
    /// `position` is not its head (any more).
    pub async fn settle_blocked(
        &self,
        endpoint: EndpointId,
        lane: Lane,
        position: i64,
        outcome: HeadOutcome,
        log: Option<NewDelivery>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let lane = lane_raw(lane);
        self.write(SettleHead {
            endpoint,
            lane,
            position,
            outcome,
            log,
            now,
        })
        .await
    }

    /// The blocked conversations of an endpoint for people to look at, longest waiting first,
    /// at most 200.
    pub async fn blocks(&self, id: EndpointId) -> Result<Vec<BlockSummary>, StoreError> {
        self.read(move |conn| {
            conn.prepare_cached(
                "SELECT lane, attempts, next_at, last_error,
                    (SELECT count(*) FROM endpoint_backlog q
                     WHERE q.endpoint = b.endpoint AND q.lane = b.lane) AS waiting
                 FROM endpoint_block b WHERE endpoint = ?1 ORDER BY since, lane LIMIT 200",
            )?
            .query_and_then([id.raw()], |row| {
                Ok(BlockSummary {
                    conversation: lane_at(row)?,
                    waiting: row.get("waiting")?,
                    attempts: row.get("attempts")?,
                    next_at: time_at(row, "next_at")?,
                    last_error: row.get("last_error")?,
                })
            })?
            .collect()
        })
        .await
    }

    /// Sets an endpoint back, so that it gets stored events again; never forward. Consumers see
    /// repeated events under their first ids.
    pub async fn recover_endpoint(
        &self,
        workspace: WorkspaceId,
        id: EndpointId,
        since: RecoverSince,
    ) -> Result<Endpoint, StoreError> {
        self.write(Recover {
            id,
            workspace,
            since,
        })
        .await
    }
}
