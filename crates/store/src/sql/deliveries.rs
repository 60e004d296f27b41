//! The log of webhook deliveries.

use super::column::{cut, time_at};
use crate::admin::deliveries::{DELIVERIES_KEPT, Delivery, NewDelivery, RESPONSE_KEPT};
use crate::db::{Row, named_params};
use crate::error::StoreError;
use crate::page::{Page, Paged};
use crate::store::Store;
use crate::writer::Tx;
use waypost_engine::model::{DeliveryId, EndpointId, EventId};

fn delivery(row: &Row<'_>) -> Result<Delivery, StoreError> {
    Ok(Delivery {
        id: DeliveryId::from_raw(row.get("id")?),
        endpoint: EndpointId::from_raw(row.get("endpoint")?),
        event: EventId::from_raw(row.get("event")?),
        kind: row.get("kind")?,
        number: row.get("number")?,
        attempt: row.get("attempt")?,
        at: time_at(row, "at")?,
        status: row.get("status")?,
        error: row.get("error")?,
        response: row.get("response")?,
        duration_ms: row.get("duration_ms")?,
    })
}

/// Adds to an endpoint's log and drops what is past [`DELIVERIES_KEPT`].
pub(super) fn log(
    tx: &Tx<'_>,
    endpoint: EndpointId,
    log: &[NewDelivery],
) -> Result<(), StoreError> {
    if log.is_empty() {
        return Ok(());
    }
    let mut number: i64 = tx
        .prepare("SELECT coalesce(max(number), 0) FROM delivery WHERE endpoint = ?1")?
        .query_row([endpoint.raw()], |row| row.get(0))?;
    for new in log {
        number += 1;
        tx.prepare(
            "INSERT INTO delivery (endpoint, number, id, event, position, attempt, at, status,
                error, response, duration_ms)
             VALUES (:endpoint, :number, :id, :event, :position, :attempt, :at, :status,
                :error, :response, :duration_ms)",
        )?
        .execute(named_params! {
            ":endpoint": endpoint.raw(), ":number": number, ":id": tx.next_raw_id(new.at),
            ":event": new.event.raw(), ":position": new.position, ":attempt": new.attempt,
            ":at": new.at.0, ":status": new.status,
            ":error": new.error.as_deref().map(|error| cut(error, RESPONSE_KEPT)),
            ":response": cut(&new.response, RESPONSE_KEPT), ":duration_ms": new.duration_ms,
        })?;
    }
    tx.prepare("DELETE FROM delivery WHERE endpoint = ?1 AND number <= ?2")?
        .execute((endpoint.raw(), number - DELIVERIES_KEPT))?;
    Ok(())
}

impl Store {
    /// The attempts to deliver to an endpoint, newest first.
    pub async fn deliveries(
        &self,
        endpoint: EndpointId,
        page: Page,
    ) -> Result<Paged<Delivery>, StoreError> {
        self.read(move |conn| {
            let [before] = page.after()?.unwrap_or([i64::MAX]);
            let deliveries: Result<Vec<_>, StoreError> = conn
                .prepare_cached(
                    "SELECT d.*, e.kind FROM delivery d
                     LEFT JOIN event e ON e.position = d.position AND e.id = d.event
                     WHERE d.endpoint = ?1 AND d.number < ?2
                     ORDER BY d.number DESC LIMIT ?3",
                )?
                .query_and_then((endpoint.raw(), before, page.fetch()), delivery)?
                .collect();
            Ok(page.cut(deliveries?, |delivery| [delivery.number]))
        })
        .await
    }
}
