//! Proxies are tried while nobody needs them: the engine's [`ProxyWatch`] of every account that has
//! one, with a connector to try them, a log, metrics and events.
//!
//! A trial opens a way to WhatsApp through the proxy, says nothing there and closes it. What comes of
//! it changes no route: an account with a proxy goes through it or not at all.

use super::context::Context;
use super::life::Command;
use super::told;
use crate::clock;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use waypost_engine::fleet::DownReason;
use waypost_engine::fleet::proxy_watch::{
    ProxyNews, ProxyState, ProxyView, ProxyWatch, ProxyWatchConfig,
};
use waypost_engine::model::event::kind;
use waypost_engine::model::{AccountId, Duration, Reason, Timestamp};
use waypost_wa::{Proxy, ProxyError, Route};

/// Proxies tried at once; the others wait, the longest due first.
const TRIALS_MAX: usize = 8;

/// A proxy and what is known of it.
struct Watched {
    proxy: Proxy,
    watch: ProxyWatch,
}

#[derive(Default)]
struct Known {
    watched: HashMap<AccountId, Watched>,
    /// What is still to be told.
    news: Vec<(AccountId, ProxyNews)>,
}

/// The proxies of all running accounts.
pub(super) struct ProxyWatches {
    config: ProxyWatchConfig,
    known: Mutex<Known>,
    bell: Notify,
    trials: Arc<Semaphore>,
}

/// The reason that an account shows for it.
pub(super) fn reason_of(error: ProxyError) -> Reason {
    DownReason::from(error).reason()
}

impl ProxyWatches {
    pub(super) fn new(config: ProxyWatchConfig) -> Self {
        Self {
            config,
            known: Mutex::default(),
            bell: Notify::new(),
            trials: Arc::new(Semaphore::new(TRIALS_MAX)),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks after the proxy of an account that this process has just taken.
    pub(super) fn take(&self, account: AccountId, route: &Route, context: &Context) {
        let watch = ProxyWatch::of_known(self.config, clock::now(), context.jitter());
        self.put(account, route, watch);
    }

    /// The account goes this way from now on: what was known of the way before is forgotten.
    pub(super) fn changed(&self, account: AccountId, route: &Route, context: &Context) {
        let watch = ProxyWatch::of_new(self.config, clock::now(), context.jitter());
        self.put(account, route, watch);
    }

    fn put(&self, account: AccountId, route: &Route, watch: ProxyWatch) {
        let mut known = self.known();
        known.news.retain(|(whose, _)| *whose != account);
        match route {
            Route::Direct => known.watched.remove(&account),
            Route::Via(proxy) => known.watched.insert(
                account,
                Watched {
                    proxy: proxy.clone(),
                    watch,
                },
            ),
        };
        drop(known);
        self.bell.notify_one();
    }

    /// The account is gone.
    pub(super) fn forget(&self, account: AccountId) {
        self.known().watched.remove(&account);
    }

    /// A connection of the account opened, or found no way through its proxy.
    pub(super) fn dialled(
        &self,
        account: AccountId,
        outcome: Result<(), Reason>,
        context: &Context,
    ) {
        let mut known = self.known();
        let proxy = known.watched.get(&account).map(|it| it.proxy.clone());
        if let Some(proxy) = proxy {
            known.came(account, &proxy, outcome, context);
        }
        drop(known);
        self.bell.notify_one();
    }

    /// A trial of this proxy, by itself or because a person wanted it, came to this.
    pub(super) fn tried(
        &self,
        account: AccountId,
        proxy: &Proxy,
        outcome: Result<(), ProxyError>,
        context: &Context,
    ) {
        let word = match &outcome {
            Ok(()) => "works",
            Err(ProxyError::Unreachable(_)) => "unreachable",
            Err(ProxyError::Refused(_)) => "refused",
        };
        metrics::counter!("waypost_proxy_checks_total", "outcome" => word).increment(1);
        let outcome = outcome.map_err(reason_of);
        self.known().came(account, proxy, outcome, context);
        self.bell.notify_one();
    }

    /// What is known of an account's proxy; `None` without one.
    pub(super) fn of(&self, account: AccountId) -> Option<ProxyView> {
        let known = self.known();
        known.watched.get(&account).map(|it| it.watch.view())
    }

    /// How many proxies are in each state.
    pub(super) fn states(&self) -> BTreeMap<ProxyState, usize> {
        let mut states = BTreeMap::new();
        for watched in self.known().watched.values() {
            *states.entry(watched.watch.view().state).or_default() += 1;
        }
        states
    }

    /// Tries what is due until told to stop.
    pub(super) async fn run(&self, context: &Arc<Context>, stop: &CancellationToken) {
        loop {
            let news = std::mem::take(&mut self.known().news);
            for (account, news) in news {
                tell(context, account, news).await;
            }
            self.begin_due(context);
            let next = self.next_at();
            let due = async move {
                match next {
                    Some(at) => {
                        let wait = at.since(clock::now()).max(Duration::millis(1));
                        tokio::time::sleep(wait.into()).await;
                    }
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.bell.notified() => {}
                () = due => {}
            }
        }
    }

    /// When to look again. While every place is taken the end of a trial rings the bell.
    fn next_at(&self) -> Option<Timestamp> {
        if self.trials.available_permits() == 0 {
            return None;
        }
        let known = self.known();
        let all = known.watched.values();
        all.filter_map(|it| it.watch.wake_at()).min()
    }

    fn begin_due(&self, context: &Arc<Context>) {
        let now = clock::now();
        let mut known = self.known();
        let mut due: Vec<(Timestamp, AccountId)> = known
            .watched
            .iter()
            .filter_map(|(account, it)| Some((it.watch.wake_at()?, *account)))
            .filter(|(at, _)| *at <= now)
            .collect();
        due.sort_unstable();
        for (_, account) in due {
            let Ok(permit) = Arc::clone(&self.trials).try_acquire_owned() else {
                return;
            };
            if let Some(it) = known.watched.get_mut(&account) {
                it.watch.begun(now);
                tokio::spawn(attempt(
                    Arc::clone(context),
                    account,
                    it.proxy.clone(),
                    permit,
                ));
            }
        }
    }
}

impl Known {
    /// What came of a way through `proxy`; of no interest when the account goes another one by now.
    fn came(
        &mut self,
        account: AccountId,
        proxy: &Proxy,
        outcome: Result<(), Reason>,
        context: &Context,
    ) {
        let watched = self.watched.get_mut(&account);
        let Some(watched) = watched.filter(|it| it.proxy == *proxy) else {
            return;
        };
        let news = watched.watch.came(outcome, clock::now(), context.jitter());
        self.news.extend(news.map(|news| (account, news)));
    }
}

async fn attempt(
    context: Arc<Context>,
    account: AccountId,
    proxy: Proxy,
    permit: OwnedSemaphorePermit,
) {
    let outcome = context.connector().check_proxy(&proxy).await;
    drop(permit);
    context.proxies.tried(account, &proxy, outcome, &context);
}

async fn tell(context: &Context, account: AccountId, news: ProxyNews) {
    let (works, reason) = match news {
        ProxyNews::Fails(reason) => {
            tracing::warn!(%account, reason = reason.code(), "the account's proxy gives no way");
            let shown = json!({"code": reason.code(), "text": reason.explain()});
            (false, shown)
        }
        ProxyNews::WorksAgain => {
            tracing::info!(%account, "the account's proxy gives a way again");
            if let Some(running) = context.registry.get(account) {
                // A loop that does not listen is busy with a connection of its own.
                let _ = running.life.commands.try_send(Command::ProxyBack);
            }
            (true, Value::Null)
        }
    };
    let data = json!({"works": works, "reason": reason});
    let told = told::tell(&context.store, account, None, kind::ACCOUNT_PROXY, data).await;
    if let Err(error) = told {
        tracing::error!(%account, %error, "the state of a proxy cannot be told");
    }
}
