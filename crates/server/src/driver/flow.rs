//! The loop that takes one account's accepted messages through lanes and stages.
//!
//! Lanes decide what may run next; the pipeline decides what to do; the store commits both
//! together. This file only moves things between the three.

use super::awaited::Awaited;
use super::context::Context;
use crate::clock;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use waypost_engine::flow::lanes::{LaneItem, LaneLimits, Lanes, REFILL_ROWS, Refill};
use waypost_engine::flow::retry::{Verdict, after_failure};
use waypost_engine::flow::workers::{Demand, Workers};
use waypost_engine::model::{
    AccountId, Content, ConversationId, Duration, MessageId, Seq, Timestamp,
};
use waypost_engine::watch::recent::Went;
use waypost_engine::watch::tally::Happening;
use waypost_store::{Completed, StoreError, Work};

/// How long the flow waits before it asks a store that failed again.
const STORE_RETRY: Duration = Duration::secs(2);

type Held = Arc<Work>;

/// Where committed work is handed to one account's flow. Full lanes leave it in the store and
/// read it from there later.
#[derive(Debug, Clone)]
pub(super) struct FlowHandle {
    lanes: Arc<Mutex<Lanes<Held>>>,
    bell: Arc<Notify>,
    from_start: Arc<AtomicBool>,
}

impl FlowHandle {
    /// Offers a committed message.
    pub(super) fn offer(&self, work: Work) {
        lock(&self.lanes).offer(item(work));
        self.bell.notify_one();
    }

    /// Offers a message whose content came after all.
    pub(super) fn repaired(&self, work: Work) {
        lock(&self.lanes).repaired(item(work));
        self.bell.notify_one();
    }

    /// Two conversations turned out to be one.
    pub(super) fn merged(&self, from: ConversationId, into: ConversationId) {
        lock(&self.lanes).merged(from, into);
        self.bell.notify_one();
    }

    /// Reads everything unfinished from the store again (a dead letter was put back to work).
    pub(super) fn reread(&self) {
        self.from_start.store(true, Ordering::Relaxed);
        self.bell.notify_one();
    }
}

fn lock(lanes: &Mutex<Lanes<Held>>) -> MutexGuard<'_, Lanes<Held>> {
    lanes.lock().unwrap_or_else(PoisonError::into_inner)
}

fn item(work: Work) -> LaneItem<Held> {
    LaneItem {
        message: work.message,
        conversation: work.conversation,
        seq: work.seq,
        attempt: work.attempt,
        next_at: work.next_at,
        work: Arc::new(work),
    }
}

/// What became of a message in the stages.
struct Finished {
    message: MessageId,
    end: End,
}

enum End {
    Done,
    Buried,
    Postponed {
        attempt: u32,
        until: Timestamp,
    },
    /// Its content came while it was being passed over.
    Repaired,
}

/// One account's flow.
pub(super) struct Flow {
    context: Arc<Context>,
    account: AccountId,
    lanes: Arc<Mutex<Lanes<Held>>>,
    bell: Arc<Notify>,
    from_start: Arc<AtomicBool>,
    workers: Workers,
}

impl Flow {
    pub(super) fn new(context: Arc<Context>, account: AccountId) -> (Self, FlowHandle) {
        let workers = Workers::new(context.config.flow.parallel);
        let limits = LaneLimits {
            parallel: workers.count(),
            ..LaneLimits::default()
        };
        let lanes = Arc::new(Mutex::new(Lanes::new(limits)));
        let bell = Arc::new(Notify::new());
        let from_start = Arc::new(AtomicBool::new(false));
        let handle = FlowHandle {
            lanes: Arc::clone(&lanes),
            bell: Arc::clone(&bell),
            from_start: Arc::clone(&from_start),
        };
        (
            Self {
                context,
                account,
                lanes,
                bell,
                from_start,
                workers,
            },
            handle,
        )
    }

    /// Runs until told to stop, then finishes what has been started.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        let mut running = FuturesUnordered::new();
        loop {
            if !stop.is_cancelled() {
                self.refill().await;
                self.scale();
                while let Some(item) = self.next() {
                    running.push(process(Arc::clone(&self.context), self.account, item));
                }
            } else if running.is_empty() {
                return;
            }
            tokio::select! {
                Some(done) = running.next(), if !running.is_empty() => self.finish(done),
                () = self.bell.notified(), if !stop.is_cancelled() => {}
                () = self.due(), if !stop.is_cancelled() => {}
                () = stop.cancelled(), if !stop.is_cancelled() => {}
            }
        }
    }

    /// Calls workers for conversations that wait, and sends them away when it is quiet.
    fn scale(&mut self) {
        let now = clock::now();
        let mut lanes = lock(&self.lanes);
        let before = self.workers.count();
        // A call may leave conversations without anybody; then more come at once.
        loop {
            let count = self.workers.count();
            let demand = lanes.demand(now);
            let reachable = Demand {
                running: (demand.running + demand.unserved).min(count),
                unserved: (demand.running + demand.unserved).saturating_sub(count),
                ..demand
            };
            if self.workers.step(reachable, now) <= count {
                break;
            }
        }
        let after = self.workers.count();
        if after != before {
            lanes.set_parallel(after);
            let way = if after > before { "up" } else { "down" };
            metrics::counter!("waypost_flow_workers_changed_total", "way" => way).increment(1);
        }
    }

    fn next(&self) -> Option<LaneItem<Held>> {
        lock(&self.lanes).next(clock::now())
    }

    /// Resolves when a postponed lane is due; never when none is.
    fn due(&self) -> impl Future<Output = ()> + use<> {
        let lane = lock(&self.lanes).wake_at();
        let due = [lane, self.workers.wake_at()].into_iter().flatten().min();
        let wait = due.map(|at| at.since(clock::now()));
        async move {
            match wait {
                Some(wait) => tokio::time::sleep(wait.max(Duration::millis(1)).into()).await,
                None => std::future::pending().await,
            }
        }
    }

    async fn refill(&self) {
        if self.from_start.swap(false, Ordering::Relaxed) {
            self.offer_all().await;
        }
        while let Some(request) = { lock(&self.lanes).refill() } {
            let Refill { after, limit, .. } = request;
            match self
                .context
                .store
                .unfinished(self.account, after, limit)
                .await
            {
                Ok(rows) => {
                    lock(&self.lanes).refilled(request, rows.into_iter().map(item).collect());
                }
                Err(error) => {
                    tracing::error!(account = %self.account, %error, "unfinished messages cannot be read");
                    lock(&self.lanes).refill_failed();
                    tokio::time::sleep(STORE_RETRY.into()).await;
                }
            }
        }
    }

    /// Offers everything unfinished; what is held already is left alone.
    async fn offer_all(&self) {
        let mut after = Seq(0);
        loop {
            let rows = self
                .context
                .store
                .unfinished(self.account, after, REFILL_ROWS)
                .await;
            let Ok(rows) = rows.inspect_err(|error| {
                tracing::error!(account = %self.account, %error, "unfinished messages cannot be read");
            }) else {
                return;
            };
            let last = rows.len() < REFILL_ROWS;
            after = rows.last().map_or(after, |work| work.seq);
            let mut lanes = lock(&self.lanes);
            for work in rows {
                lanes.offer(item(work));
            }
            if last {
                return;
            }
        }
    }

    fn finish(&self, done: Finished) {
        let mut lanes = lock(&self.lanes);
        match done.end {
            End::Done => lanes.finished(done.message),
            End::Buried => lanes.buried(done.message),
            End::Repaired => {
                lanes.finished(done.message);
                self.from_start.store(true, Ordering::Relaxed);
            }
            End::Postponed { attempt, until } => lanes.postponed(done.message, attempt, until),
        }
    }
}

/// Runs the stages for one message and commits what came of them.
async fn process(context: Arc<Context>, account: AccountId, item: LaneItem<Held>) -> Finished {
    let message = item.message;
    let done = match item.work.content {
        Content::Placeholder => context.pass_over(account, message).await,
        _ => match context.awaited(account, &item.work).await {
            Ok(Awaited::NotYet { look_at }) => {
                let end = End::Postponed {
                    attempt: item.attempt,
                    until: look_at,
                };
                return Finished { message, end };
            }
            Ok(Awaited::Over(file)) => context
                .run_stages(account, &item.work, file)
                .await
                .map(Some),
            Err(error) => Err(Trouble::Store(error)),
        },
    };
    let end = match done {
        Ok(None) => End::Repaired,
        Ok(Some(Completed::Done { sends })) => {
            if !sends.is_empty() {
                context.wake_outbox(account);
            }
            context.healths.count(account, Happening::Worked);
            context.healths.count(account, Happening::CameThrough);
            context.load.count(Went::Well);
            End::Done
        }
        Ok(Some(Completed::AlreadyDone)) => {
            // A commit that the database never confirmed may have been the one that did it.
            context.wake_outbox(account);
            End::Done
        }
        Ok(Some(Completed::NotOwner)) => End::Done,
        Err(Trouble::Store(error)) => {
            // Not the message's fault: it keeps its attempts, and waits for the store.
            context.healths.count(account, Happening::Failed);
            context.load.count(Went::Wrong);
            tracing::error!(%account, %message, %error, "a processed message cannot be committed");
            End::Postponed {
                attempt: item.attempt,
                until: clock::now() + STORE_RETRY,
            }
        }
        Err(Trouble::Stage { stage, error }) => {
            context.healths.count(account, Happening::Failed);
            failed(&context, account, message, item.attempt + 1, stage, error).await
        }
    };
    Finished { message, end }
}

/// Why a message did not get through the stages.
pub(super) enum Trouble {
    /// The store could not commit.
    Store(StoreError),
    /// A stage failed on it.
    Stage {
        /// Which.
        stage: &'static str,
        /// How.
        error: String,
    },
}

/// Notes a failed attempt: tried again later, or buried after the last one.
async fn failed(
    context: &Context,
    account: AccountId,
    message: MessageId,
    attempt: u32,
    stage: &'static str,
    error: String,
) -> End {
    let now = clock::now();
    tracing::warn!(%message, stage, attempt, error, "a stage failed");
    match after_failure(attempt, context.jitter()) {
        Verdict::Again { after } => {
            let until = now + after;
            if let Err(error) = context
                .store
                .postpone(message, attempt, until, &error, now)
                .await
            {
                tracing::error!(%message, %error, "a failed attempt cannot be stored");
            }
            End::Postponed { attempt, until }
        }
        Verdict::Bury => match context.store.bury(message, stage, &error, now).await {
            Ok(_) => {
                context.healths.count(account, Happening::Lost);
                End::Buried
            }
            Err(error) => {
                tracing::error!(%message, %error, "a poison message cannot be buried");
                End::Postponed {
                    attempt,
                    until: now + STORE_RETRY,
                }
            }
        },
    }
}
