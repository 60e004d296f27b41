//! How accounts do: counts what happens, scores it, and does what follows.
//!
//! Counts are kept in memory and added to the database with every round, so a crash loses the counts
//! of one round at most. Scores are computed for all accounts every five minutes, and for one soon
//! after its state changed.

use super::context::Context;
use super::life::Command;
use super::told::{Whom, tell_at};
use crate::api::ports::AccountHealth;
use crate::clock;
use serde_json::json;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::{Mutex, PoisonError, RwLock};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use waypost_engine::fleet::window::KEEP as LINKS_KEPT;
use waypost_engine::flow::parts::Part;
use waypost_engine::model::event::kind;
use waypost_engine::model::{Account, AccountId, AccountState, Duration, MessageId, Timestamp};
use waypost_engine::watch::guard::{
    HealthEffect, HealthGuard, RECOVER_BELOW, RECOVER_EARLY_BELOW, SCORE_EVERY,
};
use waypost_engine::watch::health::{Factor, Figure, Figures, Health, Rating};
use waypost_engine::watch::tally::{Happening, Tally, WINDOW, slice_of};
use waypost_engine::watch::trend::{SAMPLES_MAX, Sample, WINDOW as TREND_WINDOW, trend};
use waypost_engine::watch::uptime::uptime;
use waypost_store::admin::health::{Counted, Score, TALLIES_KEPT};
use waypost_store::{Page, Store, StoreError};

/// A change is scored this long after it, together with what else happens meanwhile.
const CHANGE_WAIT: Duration = Duration::secs(2);
/// Changes of state looked at, the newest ones; an account that changes more often within a day is
/// judged by these.
const CHANGES_MAX: u16 = 200;
/// Sends remembered for how long their answer took; beyond, their own beginning counts.
const ASKED_MAX: usize = 10_000;
/// Where a falling score will mean something.
const LINES: [u8; 2] = [RECOVER_EARLY_BELOW, RECOVER_BELOW];

/// The health of all accounts.
#[derive(Default)]
pub(super) struct Healths {
    counted: Mutex<HashMap<(AccountId, Timestamp), Tally>>,
    /// When the message came that a send answers.
    asked: Mutex<HashMap<MessageId, Timestamp>>,
    changed: Mutex<BTreeSet<AccountId>>,
    bell: Notify,
    shown: RwLock<HashMap<AccountId, AccountHealth>>,
}

impl Healths {
    /// Counts something that happened to an account.
    pub(super) fn count(&self, account: AccountId, happening: Happening) {
        let slice = slice_of(clock::now());
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        counted
            .entry((account, slice))
            .or_default()
            .count(happening);
    }

    /// A send answers a message that came then.
    pub(super) fn answers(&self, send: MessageId, came: Timestamp) {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if asked.len() < ASKED_MAX {
            asked.insert(send, came);
        }
    }

    /// WhatsApp accepted a send that was decided then.
    pub(super) fn accepted(&self, account: AccountId, send: MessageId, decided: Timestamp) {
        let came = self.no_answer(send).unwrap_or(decided);
        self.count(account, Happening::Worked);
        self.count(account, Happening::CameThrough);
        let took = clock::now().since(came);
        self.count(account, Happening::Responded(took));
    }

    /// A send that will not be accepted any more.
    pub(super) fn no_answer(&self, send: MessageId) -> Option<Timestamp> {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.remove(&send)
    }

    /// The account's state changed: it is scored soon.
    pub(super) fn changed(&self, account: AccountId) {
        let mut changed = self.changed.lock().unwrap_or_else(PoisonError::into_inner);
        changed.insert(account);
        self.bell.notify_one();
    }

    /// An account's health as it was computed last.
    pub(super) fn of(&self, account: AccountId) -> Option<AccountHealth> {
        let shown = self.shown.read().unwrap_or_else(PoisonError::into_inner);
        shown.get(&account).cloned()
    }

    fn take_counted(&self) -> Vec<Counted> {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *counted)
            .into_iter()
            .map(|((account, slice), tally)| Counted {
                account,
                slice,
                tally,
            })
            .collect()
    }

    /// What could not be written counts on.
    fn give_back(&self, counts: &[Counted]) {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        for one in counts {
            counted
                .entry((one.account, one.slice))
                .or_default()
                .add(&one.tally);
        }
    }

    fn take_changed(&self) -> BTreeSet<AccountId> {
        let mut changed = self.changed.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *changed)
    }

    fn show(&self, round: HashMap<AccountId, AccountHealth>, which: Which<'_>) {
        let mut shown = self.shown.write().unwrap_or_else(PoisonError::into_inner);
        if let Which::All = which {
            shown.clear();
        }
        shown.extend(round);
        for rating in Rating::ALL {
            let count = shown.values().filter(|h| h.health.rating == rating).count();
            let count = f64::from(u32::try_from(count).unwrap_or(u32::MAX));
            metrics::gauge!("waypost_health_accounts", "rating" => rating.as_str()).set(count);
        }
    }
}

/// Which accounts a round is about.
#[derive(Clone, Copy)]
enum Which<'a> {
    All,
    Only(&'a BTreeSet<AccountId>),
}

impl Which<'_> {
    fn has(self, account: AccountId) -> bool {
        match self {
            Self::All => true,
            Self::Only(some) => some.contains(&account),
        }
    }
}

/// What the loop remembers of an account.
struct Known {
    guard: HealthGuard,
    samples: VecDeque<Sample>,
}

/// What all accounts are scored from, read once a round.
struct Ground {
    day: HashMap<AccountId, Tally>,
    week: HashMap<AccountId, Tally>,
    /// New sets of codes and codes shown.
    codes: HashMap<AccountId, (u64, u64)>,
}

/// Scores until told to stop.
pub(super) async fn run(context: &Context, stop: &CancellationToken) {
    let mut known = HashMap::new();
    let mut due = tokio::time::interval(SCORE_EVERY.into());
    due.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while !stop.is_cancelled() {
        let changed = tokio::select! {
            _ = due.tick() => None,
            () = context.healths.bell.notified() => {
                tokio::select! {
                    () = tokio::time::sleep(CHANGE_WAIT.into()) => {}
                    () = stop.cancelled() => {}
                }
                Some(context.healths.take_changed())
            }
            () = stop.cancelled() => break,
        };
        let which = changed.as_ref().map_or(Which::All, Which::Only);
        if let Err(error) = round(context, &mut known, which).await {
            tracing::error!(%error, "the health of accounts cannot be computed");
        }
    }
    // What was counted since the last round.
    if let Err(error) = write(context, Vec::new()).await {
        tracing::error!(%error, "what was counted of accounts cannot be stored");
    }
}

async fn round(
    context: &Context,
    known: &mut HashMap<AccountId, Known>,
    which: Which<'_>,
) -> Result<(), StoreError> {
    let store = &context.store;
    write(context, Vec::new()).await?;
    if !context.text.switchboard().parts().runs(Part::HealthScorer) {
        return Ok(());
    }
    let now = clock::now();
    let ground = ground(store, now).await?;
    let accounts = store.all_accounts().await?;
    known.retain(|id, _| accounts.iter().any(|account| account.id == *id));
    let (mut shown, mut scores) = (HashMap::new(), Vec::new());
    for account in accounts.iter().filter(|account| which.has(account.id)) {
        let figures = figures(store, account.id, &ground, now).await?;
        let remembered = match known.remove(&account.id) {
            Some(remembered) => remembered,
            None => recall(store, account.id, now).await?,
        };
        let (remembered, health) = judge(context, account, &figures, remembered, now).await;
        scores.push(score_of(account.id, &health));
        known.insert(account.id, remembered);
        shown.insert(account.id, health);
    }
    context.healths.show(shown, which);
    write(context, scores).await
}

/// Writes what was counted and scored.
async fn write(context: &Context, scores: Vec<Score>) -> Result<(), StoreError> {
    let counted = context.healths.take_counted();
    let written = context.store.record_health(counted.clone(), scores).await;
    if written.is_err() {
        context.healths.give_back(&counted);
    }
    written
}

async fn ground(store: &Store, now: Timestamp) -> Result<Ground, StoreError> {
    let day = store.tallies_since(now - WINDOW).await?;
    let week = store.tallies_since(now - TALLIES_KEPT).await?;
    let mut codes: HashMap<AccountId, (u64, u64)> = HashMap::new();
    for attempt in store.link_attempts_since(now - LINKS_KEPT).await? {
        let (regenerated, shown) = codes.entry(attempt.account).or_default();
        *regenerated += u64::from(attempt.regenerations);
        *shown += u64::from(attempt.codes_shown);
    }
    Ok(Ground { day, week, codes })
}

/// What was measured of an account. What too little happened of within a day is looked for in the
/// days before, so that a quiet night makes nothing unknown.
async fn figures(
    store: &Store,
    account: AccountId,
    ground: &Ground,
    now: Timestamp,
) -> Result<Figures, StoreError> {
    let counted = |tallies: &HashMap<AccountId, Tally>| {
        let tally = tallies.get(&account).copied().unwrap_or_default();
        tally.figures()
    };
    let (day, week) = (counted(&ground.day), counted(&ground.week));
    let newest = store
        .account_history(account, Page::first(CHANGES_MAX))
        .await?;
    let mut changes = newest.items;
    changes.reverse();
    let codes = ground.codes.get(&account).copied();
    Ok(Figures {
        uptime: uptime(&changes, now),
        qr_quality: codes.and_then(|(regenerated, shown)| Figure::percent(regenerated, shown, 1)),
        error_rate: day.error_rate.or(week.error_rate),
        response: day.response.or(week.response),
        message_success: day.message_success.or(week.message_success),
    })
}

/// What an earlier process knew.
async fn recall(store: &Store, account: AccountId, now: Timestamp) -> Result<Known, StoreError> {
    let scores = store.scores_since(account, now - TREND_WINDOW).await?;
    let guard = scores.last().map_or_else(HealthGuard::default, |last| {
        HealthGuard::resumed(last.score, last.rating)
    });
    let samples = scores.iter().map(|score| Sample {
        at: score.at,
        score: score.score,
    });
    Ok(Known {
        guard,
        samples: samples.collect(),
    })
}

/// Scores an account, and does what follows.
async fn judge(
    context: &Context,
    account: &Account,
    figures: &Figures,
    mut known: Known,
    now: Timestamp,
) -> (Known, AccountHealth) {
    let health = Health::of(figures);
    known.samples.push_back(Sample {
        at: now,
        score: health.score,
    });
    while known.samples.len() > SAMPLES_MAX {
        known.samples.pop_front();
    }
    let samples = known.samples.make_contiguous();
    let trend = trend(samples, &LINES, now);
    let state = seen_state(context, account);
    let effects = known.guard.step(&health, &trend, samples, state, now);
    let shown = AccountHealth {
        dropped_from: known.guard.dropped_from(),
        health,
        trend,
        at: now,
    };
    for effect in &effects {
        act(context, account, &shown, *effect, &effects).await;
    }
    (known, shown)
}

/// The account's state. Right after the start the stored one is that of the process before.
fn seen_state(context: &Context, account: &Account) -> AccountState {
    let running = context.registry.get(account.id);
    if running.is_some_and(|running| running.connection.borrow().is_some()) {
        return account.state;
    }
    match account.state {
        AccountState::Online | AccountState::Degraded => AccountState::Connecting,
        other => other,
    }
}

async fn act(
    context: &Context,
    account: &Account,
    shown: &AccountHealth,
    effect: HealthEffect,
    all: &[HealthEffect],
) {
    let (id, score) = (account.id, shown.health.score);
    match effect {
        HealthEffect::Dropped { from } => {
            tracing::warn!(account = %id, from, score, "the health score dropped within an hour");
            metrics::counter!("waypost_health_drops_total").increment(1);
        }
        HealthEffect::Recover(urgency) => {
            let urgency = urgency.as_str();
            tracing::warn!(account = %id, score, urgency, "the account is not well; its connection is replaced");
            metrics::counter!("waypost_health_recoveries_total", "urgency" => urgency).increment(1);
            if let Some(running) = context.registry.get(id) {
                // Only a life loop that has ended or is overwhelmed does not listen.
                let _ = running.life.commands.try_send(Command::Heal { score });
            }
        }
        HealthEffect::Tell => {
            if let Err(error) = tell(&context.store, account, shown, all).await {
                tracing::error!(account = %id, %error, "a change of health cannot be told");
            }
        }
    }
}

async fn tell(
    store: &Store,
    account: &Account,
    shown: &AccountHealth,
    effects: &[HealthEffect],
) -> Result<(), StoreError> {
    let lowered: Vec<_> = shown
        .health
        .lowered_by()
        .iter()
        .map(|f| json!({ "factor": f.factor, "points": f.points, "lowered_by": f.lowered, "text": f.text }))
        .collect();
    let recover = effects.iter().find_map(|effect| match effect {
        HealthEffect::Recover(urgency) => Some(urgency.as_str()),
        _ => None,
    });
    let whom = Whom {
        workspace: account.workspace,
        account: Some(account.id),
        conversation: None,
    };
    let data = json!({
        "score": shown.health.score, "rating": shown.health.rating,
        "known_percent": shown.health.known, "lowered": lowered,
        "trend": shown.trend.direction, "dropped_from": shown.dropped_from,
        "recovering": recover,
    });
    tell_at(store, whom, kind::ACCOUNT_HEALTH, data, shown.at).await
}

fn score_of(account: AccountId, shown: &AccountHealth) -> Score {
    let mut points = [None; Factor::ALL.len()];
    for (place, factor) in points.iter_mut().zip(&shown.health.factors) {
        *place = factor.figure.map(|_| factor.points);
    }
    Score {
        account,
        at: shown.at,
        score: shown.health.score,
        rating: shown.health.rating,
        points,
    }
}
