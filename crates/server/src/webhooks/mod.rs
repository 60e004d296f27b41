//! Delivering events to webhook endpoints.
//!
//! Each endpoint that is switched on has a task of its own ([`deliver`]). Its cursor moves along
//! the event log; what fails blocks its conversation only, whose later events wait behind it in
//! order. A delivery may come twice (a crash between the answer and the commit), never out of its
//! conversation's order, and always under the same `webhook-id`.
//!
//! - [`sign`]: signatures of Standard Webhooks.
//! - [`destination`]: which addresses may be called, [`guard`] the same for what a name stands for.
//! - [`retry_after`]: when somebody wants to be asked again.
//! - [`send`]: one attempt.
//! - [`letter`]: an event as the body that is sent.
//! - [`deliver`]: one endpoint's work.

mod deliver;
mod destination;
pub(crate) mod form;
pub(crate) mod guard;
mod letter;
mod retry_after;
pub(crate) mod send;
pub(crate) mod sign;

use crate::api::ports::Fleet;
use crate::config;
use send::{Answer, Letter, Sender};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use waypost_engine::model::{EndpointId, Timestamp};
use waypost_store::admin::endpoints::Endpoint;
use waypost_store::{Store, StoreError};

/// How soon a new or re-enabled endpoint is noticed at the latest.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Delivers webhooks until it is told to stop.
#[derive(Debug)]
pub struct Worker {
    task: JoinHandle<()>,
}

impl Worker {
    /// Starts delivering to every endpoint that is switched on, now or later. The fleet is asked for
    /// what no event carries.
    #[must_use]
    pub fn start(
        config: &config::Webhooks,
        store: Store,
        fleet: Arc<dyn Fleet>,
        stop: CancellationToken,
    ) -> Self {
        let office = Office {
            sender: Sender::new(config),
            turns: Arc::new(Semaphore::new(config.parallel)),
            store,
            fleet,
            stop,
        };
        Self {
            task: tokio::spawn(office.run()),
        }
    }

    /// Waits until the deliveries under way are done. Tell it to stop first.
    pub async fn drain(self) {
        if let Err(error) = self.task.await {
            tracing::error!(%error, "delivering webhooks ended with a fault");
        }
    }
}

/// What every endpoint's task needs.
#[derive(Clone)]
struct Office {
    store: Store,
    fleet: Arc<dyn Fleet>,
    sender: Sender,
    /// Deliveries under way at once, over all endpoints.
    turns: Arc<Semaphore>,
    stop: CancellationToken,
}

impl Office {
    async fn run(self) {
        let mut tasks: HashMap<EndpointId, JoinHandle<()>> = HashMap::new();
        while !self.stop.is_cancelled() {
            match self.store.endpoints_on().await {
                Ok(endpoints) => self.serve(endpoints, &mut tasks),
                Err(StoreError::Closed) => break,
                Err(error) => tracing::warn!(%error, "the webhook endpoints cannot be read"),
            }
            tokio::select! {
                () = self.stop.cancelled() => break,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
        for task in tasks.into_values() {
            let _ = task.await;
        }
    }

    fn serve(&self, endpoints: Vec<Endpoint>, tasks: &mut HashMap<EndpointId, JoinHandle<()>>) {
        tasks.retain(|_, task| !task.is_finished());
        for endpoint in endpoints {
            tasks
                .entry(endpoint.id)
                .or_insert_with(|| tokio::spawn(deliver::Desk::new(self.clone(), &endpoint).run()));
        }
    }
}

/// Sends a test event to one endpoint, outside of its order and without a trace in the log.
pub(crate) async fn test_event(
    store: &Store,
    sender: &Sender,
    endpoint: &Endpoint,
    now: Timestamp,
) -> Result<Answer, StoreError> {
    let secrets = store.endpoint_secrets(endpoint.id, now).await?;
    let id = store.next_id(now);
    let letter = Letter {
        url: &endpoint.url,
        id: letter::id(id),
        body: letter::test_body(id, now),
        at: now,
    };
    Ok(sender.send(letter, &secrets).await)
}
