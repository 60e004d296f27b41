//! Accept, stages and commit, beside a plain loop that writes the same rows.

use crate::clock;
use crate::report::{Aim, Report, median};
use crate::{Setting, Size};
use anyhow::{Context as _, Result, bail};
use futures_util::future::try_join_all;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use waypost_engine::model::rule::Scope;
use waypost_engine::model::{
    AccountId, Address, Conditions, Content, Duration as Age, Inbound, Match, Origin, WorkspaceId,
};
use waypost_server::config::Config;
use waypost_server::driver::Driver;
use waypost_server::run::{open_store, store_config};
use waypost_store::admin::rules::RuleSpec;
use waypost_store::raw_loop::RawLoop;
use waypost_store::{NewAccount, Store};
use waypost_wa::Inbox;

/// Conversations that write at the same time, each one message after the other.
const WRITERS: usize = 256;
/// Messages that may be accepted and not yet processed.
const AHEAD_MAX: usize = 2_048;
/// Longest that the last messages may take.
const LIMIT: Duration = Duration::from_secs(120);
/// Changes with whatever is written into a filled database.
const FILLED_VERSION: u32 = 1;

/// How much is written.
#[derive(Debug, Clone, Copy)]
struct Plan {
    accounts: usize,
    people: usize,
    messages: usize,
    filled: usize,
    rounds: usize,
}

impl Plan {
    fn of(size: Size) -> Self {
        // More conversations than the loop guard remembers, visited in turn, so that it never
        // finds a conversation answered too often.
        size.pick(
            Self {
                accounts: 20,
                people: 600,
                messages: 120_000,
                filled: 2_000_000,
                rounds: 3,
            },
            Self {
                accounts: 4,
                people: 100,
                messages: 2_000,
                filled: 4_000,
                rounds: 1,
            },
        )
    }
}

/// Runs it.
///
/// # Errors
/// When the store fails, or a message was not answered.
pub(crate) async fn run(setting: &Setting) -> Result<Report> {
    let plan = Plan::of(setting.size());
    let mut report = Report::new("store", "Accept, process, commit", setting.size());
    explain(&mut report, plan);
    let filled = filled(setting, plan).await?;
    let full = format!("{} messages", plan.filled);
    for (answers, what) in [(Answers::None, "received"), (Answers::Each, "answered")] {
        for (start, name) in [
            (Start::Empty, "empty"),
            (Start::Filled(&filled), full.as_str()),
        ] {
            let mut rounds = Vec::new();
            for _ in 0..plan.rounds {
                rounds.push(Round::run(setting, plan, start, answers).await?);
            }
            tell(
                &mut report,
                &format!("{name}, {what}"),
                (start, answers),
                &rounds,
            );
        }
    }
    tell_reading(&mut report, setting, plan).await?;
    Ok(report)
}

/// The same flow with the text parts and without them, in turn.
async fn tell_reading(report: &mut Report, setting: &Setting, plan: Plan) -> Result<()> {
    let (mut bare, mut read) = (Vec::new(), Vec::new());
    let mut cpu = Vec::new();
    for _ in 0..plan.rounds {
        let without = Flow::run(setting, plan, Reading::Off).await?;
        let with = Flow::run(setting, plan, Reading::On).await?;
        bare.push(without.rate);
        read.push(with.rate);
        cpu.push(with.cpu_ms - without.cpu_ms);
    }
    let ratios: Vec<f64> = read
        .iter()
        .zip(&bare)
        .map(|(read, bare)| read / bare)
        .collect();
    report.figure("empty, not read: Waypost", median(&bare), "messages/s");
    report.aimed(
        "empty, read by all text parts: Waypost",
        median(&read),
        "messages/s",
        Aim::AtLeast(5_000.0),
    );
    report.aimed(
        "empty, read / not read",
        median(&ratios),
        "",
        Aim::AtLeast(0.5),
    );
    report.figure("empty, read: CPU more per message", median(&cpu), "ms");
    Ok(())
}

fn explain(report: &mut Report, plan: Plan) {
    report.explain(format!(
        "{} messages of {} people to {} accounts, handed to the server's own inbox by {WRITERS} \
         conversations at a time, each waiting for its commit. Every message is accepted (commit 1), \
         taken through lanes and stages, and completed (commit 2): received only, or also answered by a \
         rule, with the frozen answer as a second message in the outbox. `synchronous=FULL`. The accounts \
         are offline, so nothing is sent. The search index and the outbox readers work beside it, as \
         always.",
        plan.messages,
        plan.accounts * plan.people,
        plan.accounts,
    ));
    report.explain(
        "The raw loop then writes the very same rows (taken from the database that Waypost has just \
         written) with prepared statements on one thread: same tables and indexes, the same pragmas, \
         as many transactions. It encodes, seals and decides nothing, and writes no search index.",
    );
    report.explain(
        "The text parts are off but in the last figures, which compare the flow with all of them on to the \
         same flow with all of them off, in turn. The intent model is trained before the clock starts.",
    );
    report.explain(format!(
        "Figures are medians of {} rounds; each begins with a fresh copy of its database.",
        plan.rounds
    ));
}

/// What the database held before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start<'p> {
    Empty,
    /// What lies in this folder.
    Filled(&'p Path),
}

fn tell(report: &mut Report, name: &str, case: (Start<'_>, Answers), rounds: &[Round]) {
    let of = |pick: fn(&Round) -> f64| median(&rounds.iter().map(pick).collect::<Vec<_>>());
    let what = format!("{name}: Waypost");
    let rate = of(|round| round.waypost);
    if case == (Start::Empty, Answers::None) {
        report.aimed(what, rate, "messages/s", Aim::AtLeast(10_000.0));
    } else {
        report.figure(what, rate, "messages/s");
    }
    report.figure(format!("{name}: raw loop"), of(|r| r.raw), "messages/s");
    report.aimed(
        format!("{name}: Waypost / raw loop"),
        of(|round| round.waypost / round.raw),
        "",
        Aim::AtLeast(0.5),
    );
    let per_commit = of(|round| round.per_commit);
    report.figure(format!("{name}: commands per transaction"), per_commit, "");
    let rows = of(|round| round.rows_per_message);
    report.figure(format!("{name}: row writes per message"), rows, "");
    let cpu = of(|round| round.cpu_ms);
    report.figure(format!("{name}: Waypost, CPU per message"), cpu, "ms");
}

/// What one round found.
struct Round {
    /// Messages a second.
    waypost: f64,
    raw: f64,
    per_commit: f64,
    rows_per_message: f64,
    cpu_ms: f64,
}

/// What one round of the flow alone found.
struct Flow {
    /// Messages a second.
    rate: f64,
    cpu_ms: f64,
}

impl Flow {
    /// The flow alone, into an empty database.
    async fn run(setting: &Setting, plan: Plan, reading: Reading) -> Result<Self> {
        let folder = setting.scratch()?;
        let config = config(folder.path().join("waypost"), reading);
        prepare(&config, plan).await?;
        let cpu = crate::process::cpu_s(std::process::id())?;
        let wrote = write(&config, plan, plan.messages, Answers::None).await?;
        let cpu = crate::process::cpu_s(std::process::id())? - cpu;
        let count = plan.messages as f64;
        Ok(Self {
            rate: count / wrote.taken.as_secs_f64(),
            cpu_ms: cpu * 1_000.0 / count,
        })
    }
}

impl Round {
    async fn run(
        setting: &Setting,
        plan: Plan,
        start: Start<'_>,
        answers: Answers,
    ) -> Result<Self> {
        let folder = setting.scratch()?;
        let ours = config(folder.path().join("waypost"), Reading::Off);
        match start {
            Start::Filled(start) => copy(start, &ours.data_dir)?,
            Start::Empty => prepare(&ours, plan).await?,
        }
        if answers == Answers::Each {
            add_rule(&ours).await?;
        }
        let plain = config(folder.path().join("raw"), Reading::Off);
        copy(&ours.data_dir, &plain.data_dir)?;

        let cpu = crate::process::cpu_s(std::process::id())?;
        let wrote = write(&ours, plan, plan.messages, answers).await?;
        let cpu = crate::process::cpu_s(std::process::id())? - cpu;

        let mut raw = RawLoop::prepare(&store_config(&ours)?, &store_config(&plain)?)?;
        if raw.messages() != plan.messages {
            bail!(
                "{} of {} messages in the database",
                raw.messages(),
                plan.messages
            );
        }
        let rows = raw.row_writes();
        // Two commands a message: accept and complete.
        let per_commit = 2.0 * plan.messages as f64 / wrote.commits as f64;
        let taken = tokio::task::spawn_blocking(move || -> Result<Duration> {
            let started = clock::now();
            raw.run(per_commit.round() as usize)?;
            Ok(started.elapsed())
        })
        .await??;
        let count = plan.messages as f64;
        Ok(Self {
            waypost: count / wrote.taken.as_secs_f64(),
            raw: count / taken.as_secs_f64(),
            per_commit,
            rows_per_message: rows as f64 / count,
            cpu_ms: cpu * 1_000.0 / count,
        })
    }
}

/// Whether the text parts read the messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    Off,
    On,
}

/// Settings for a data folder; no account can reach anything.
fn config(data_dir: PathBuf, reading: Reading) -> Config {
    let mut config = Config {
        data_dir,
        ..Config::default()
    };
    config.whatsapp.url = Some("ws://127.0.0.1:9/nobody".into());
    if reading == Reading::Off {
        config.pipeline.off = vec!["conversation".into()];
    }
    config
}

/// Makes the accounts.
async fn prepare(config: &Config, plan: Plan) -> Result<()> {
    std::fs::create_dir_all(&config.data_dir)?;
    let store = open_store(config).await?;
    for n in 0..plan.accounts {
        let account = NewAccount::named(format!("Account {n}"), clock::wall());
        store.create_account(account).await?;
    }
    store.close().await;
    Ok(())
}

async fn add_rule(config: &Config) -> Result<()> {
    let store = open_store(config).await?;
    let rule = RuleSpec {
        workspace: WorkspaceId::DEFAULT,
        account: None,
        name: "prices".into(),
        position: 0,
        matches: Match::AnyWord {
            words: vec!["price".into(), "cost".into()],
        },
        conditions: Conditions::default(),
        scope: Scope::Direct,
        answer: "Thank you, {name}. The price list is on its way. You asked: {text}".into(),
        max_age: Age::mins(10),
        enabled: true,
    };
    store.create_rule(rule, clock::wall()).await?;
    store.close().await;
    Ok(())
}

/// The database with many messages: kept in the cache, made when it is not there.
async fn filled(setting: &Setting, plan: Plan) -> Result<PathBuf> {
    let name = format!("filled-{}-v{FILLED_VERSION}", plan.filled);
    let kept = setting.cache().join(name);
    if kept.exists() {
        // An earlier version may have made it: the raw loop needs today's tables as much as Waypost does.
        let kept_config = config(kept.clone(), Reading::Off);
        open_store(&kept_config).await?.close().await;
        return Ok(kept);
    }
    println!("  filling a database with {} messages, once", plan.filled);
    let folder = setting.scratch()?;
    let making = config(folder.path().join("filling"), Reading::Off);
    prepare(&making, plan).await?;
    // Received only: a rule's answers would all still wait to be sent.
    write(&making, plan, plan.filled, Answers::None).await?;
    std::fs::rename(&making.data_dir, &kept)
        .with_context(|| format!("{} cannot be made", kept.display()))?;
    Ok(kept)
}

/// Copies a data folder, as it is on disk.
fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for name in ["waypost.db", "master.key"] {
        std::fs::copy(from.join(name), to.join(name))
            .with_context(|| format!("{} cannot be copied", from.join(name).display()))?;
    }
    // The copy must not be written back while something is measured.
    std::fs::File::open(to.join("waypost.db"))?.sync_all()?;
    Ok(())
}

/// What the rules make of the messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answers {
    None,
    Each,
}

impl Answers {
    /// Events that one message leaves in the log.
    fn events(self) -> i64 {
        match self {
            Self::None => 2,
            Self::Each => 3,
        }
    }
}

/// How long it took.
struct Wrote {
    taken: Duration,
    commits: u64,
}

/// Writes messages through the server's own loops and waits until all are processed.
async fn write(config: &Config, plan: Plan, messages: usize, answers: Answers) -> Result<Wrote> {
    let store = open_store(config).await?;
    let accounts: Vec<AccountId> = store.all_accounts().await?.iter().map(|a| a.id).collect();
    let stop = CancellationToken::new();
    let driver = Driver::start(config, store.clone(), stop.clone()).await?;
    driver.ready().await?;
    let work = Arc::new(Work {
        inbox: driver.inbox(),
        head: store.head(),
        events: answers.events(),
        accounts,
        plan,
        messages,
        next: AtomicUsize::new(0),
        store: store.clone(),
    });
    let (started, commits) = (clock::now(), store.commits());
    try_join_all((0..WRITERS).map(|_| {
        let work = Arc::clone(&work);
        async move { tokio::spawn(work.run()).await? }
    }))
    .await?;
    work.finished().await?;
    let wrote = Wrote {
        taken: started.elapsed(),
        commits: store.commits() - commits,
    };
    stop.cancel();
    driver.drain().await;
    store.close().await;
    Ok(wrote)
}

/// What the writers share.
struct Work {
    inbox: Arc<dyn Inbox>,
    store: Store,
    /// The event log before the first message.
    head: i64,
    /// Events of one message.
    events: i64,
    accounts: Vec<AccountId>,
    plan: Plan,
    messages: usize,
    next: AtomicUsize,
}

impl Work {
    async fn run(self: Arc<Self>) -> Result<()> {
        loop {
            let n = self.next.fetch_add(1, Ordering::Relaxed);
            if n >= self.messages {
                return Ok(());
            }
            self.processed(n.saturating_sub(AHEAD_MAX)).await?;
            let account = self.accounts[n % self.accounts.len()];
            let message = inbound(self.plan, n);
            self.inbox.commit(account, vec![message]).await?;
        }
    }

    /// Waits until every message is done. The log alone does not tell: it holds other events too.
    async fn finished(&self) -> Result<()> {
        let mut head = self.store.subscribe();
        self.processed(self.messages).await?;
        while self.store.counts().await?.unfinished > 0 {
            tokio::time::timeout(LIMIT, head.changed())
                .await
                .context("messages were left undone")?
                .context("the store has closed")?;
        }
        Ok(())
    }

    /// Waits until the log is at least as long as so many processed messages make it.
    async fn processed(&self, messages: usize) -> Result<()> {
        let wanted = self.head + self.events * i64::try_from(messages)?;
        let mut head = self.store.subscribe();
        let waiting = head.wait_for(|head| *head >= wanted);
        match tokio::time::timeout(LIMIT, waiting).await {
            Ok(seen) => seen.map(|_| ()).context("the store has closed"),
            Err(_) => bail!(
                "{messages} messages should have left {} events, there are {}",
                wanted - self.head,
                self.store.head() - self.head
            ),
        }
    }
}

/// Message number n, as a person writes: every account in turn, every person in turn.
fn inbound(plan: Plan, n: usize) -> Inbound {
    let (account, person) = (n % plan.accounts, n / plan.accounts % plan.people);
    let number = account * plan.people + person;
    let lid = Address::lid(&(100_000_000_000_000 + number).to_string());
    let phone = Address::phone(&(971_500_000_000 + number).to_string());
    let now = clock::wall();
    let words = format!("Hello, what is the price of number {n}, and is it still available?");
    Inbound {
        // Unlike any other in this database, whichever process wrote it.
        wire_id: format!("3EB0{:012X}{n:08X}", now.0),
        chat: lid.clone(),
        chat_alt: Some(phone.clone()),
        sender: lid,
        sender_alt: Some(phone),
        from_me: false,
        push_name: Some(format!("Person {number}")),
        origin: Origin::Live,
        sent_at: now,
        received_at: now,
        raw: words.as_bytes().repeat(2),
        content: Content::text(words),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_person_writes_to_one_account_only() {
        let plan = Plan::of(Size::Quick);
        let people = plan.accounts * plan.people;
        let seen: BTreeSet<(usize, String)> = (0..3 * people)
            .map(|n| (n % plan.accounts, inbound(plan, n).chat.to_string()))
            .collect();
        assert_eq!(seen.len(), people);
        let chats: BTreeSet<&String> = seen.iter().map(|(_, chat)| chat).collect();
        assert_eq!(chats.len(), people, "nobody writes to two accounts");
    }
}
