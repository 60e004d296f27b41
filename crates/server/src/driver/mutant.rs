//! Faults built in on purpose, so that a test can show that the judge notices them.
//!
//! Only a build with the feature `failpoints` has them. `WAYPOST_FAILPOINT=mutant:lose` drops messages
//! that are acknowledged, `mutant:double` sends answers twice under different ids, `mutant:swap` lets
//! an answer be overtaken by the next one.

#[cfg(not(feature = "failpoints"))]
pub(super) use absent::{acknowledged, overtaken, sent};
#[cfg(feature = "failpoints")]
pub(super) use real::{acknowledged, overtaken, sent};

#[cfg(feature = "failpoints")]
mod real {
    use crate::clock;
    use std::sync::Arc;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU32, Ordering};
    use waypost_engine::model::{Duration, Inbound};
    use waypost_store::OutboxItem;
    use waypost_wa::Connection;

    /// One in so many suffers.
    const ONE_IN: u32 = 4;
    /// By how much an answer is late, so that the next one overtakes it.
    const LATE: Duration = Duration::secs(2);

    #[derive(Clone, Copy, PartialEq, Eq)]
    enum Mutant {
        Lose,
        Double,
        Swap,
    }

    /// Whether the fault is built in and it is somebody's turn.
    fn strikes(mutant: Mutant) -> bool {
        static ACTIVE: OnceLock<Option<Mutant>> = OnceLock::new();
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let active = ACTIVE.get_or_init(|| match std::env::var("WAYPOST_FAILPOINT").as_deref() {
            Ok("mutant:lose") => Some(Mutant::Lose),
            Ok("mutant:double") => Some(Mutant::Double),
            Ok("mutant:swap") => Some(Mutant::Swap),
            _ => None,
        });
        *active == Some(mutant) && COUNT.fetch_add(1, Ordering::Relaxed).is_multiple_of(ONE_IN)
    }

    /// What of the messages that will be acknowledged is kept.
    pub(in super::super) fn acknowledged(mut messages: Vec<Inbound>) -> Vec<Inbound> {
        messages.retain(|_| !strikes(Mutant::Lose));
        messages
    }

    /// Called after a send.
    pub(in super::super) async fn sent(connection: &Connection, item: &OutboxItem, payload: &[u8]) {
        if strikes(Mutant::Double) {
            let other = format!("{}D", item.wire_id);
            // If it fails, the test misses its double.
            let _ = connection.send(&item.to, &other, payload).await;
        }
    }

    /// Whether a send pretends to be accepted and goes out late.
    pub(in super::super) fn overtaken(
        connection: &Connection,
        item: &Arc<OutboxItem>,
        payload: &[u8],
    ) -> bool {
        let strikes = strikes(Mutant::Swap);
        if strikes {
            let (connection, item, payload) =
                (connection.clone(), Arc::clone(item), payload.to_vec());
            let due = clock::now() + LATE;
            tokio::spawn(async move {
                let wait = due.since(clock::now());
                tokio::time::sleep(wait.into()).await;
                // If it fails, the test misses its answer.
                let _ = connection.send(&item.to, &item.wire_id, &payload).await;
            });
        }
        strikes
    }
}

#[cfg(not(feature = "failpoints"))]
mod absent {
    use std::sync::Arc;
    use waypost_engine::model::Inbound;
    use waypost_store::OutboxItem;
    use waypost_wa::Connection;

    /// This build keeps everything.
    #[inline]
    pub(in super::super) fn acknowledged(messages: Vec<Inbound>) -> Vec<Inbound> {
        messages
    }

    /// This build sends once.
    #[inline]
    pub(in super::super) async fn sent(_: &Connection, _: &OutboxItem, _: &[u8]) {}

    /// This build sends in order.
    #[inline]
    pub(in super::super) fn overtaken(_: &Connection, _: &Arc<OutboxItem>, _: &[u8]) -> bool {
        false
    }
}
