//! Lets traffic and faults happen to the real programs, and notes what is seen.

use super::SoakArgs;
use super::chance::Chance;
use super::faults::{self, Fault, Strike};
use super::judge::{self, Ledger, Notes, Sample};
use super::rhythm::{self, Said};
use crate::Setting;
use crate::clock::{self, until};
use crate::load::{Load, Pair, pairs};
use crate::stage::{Account, Api, End, LIMIT, Stage, numbers, text};
use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

/// Contacts; each account's people are [`EACH`] of them.
const CONTACTS: usize = 400;
/// People who write to an account.
const EACH: usize = 8;
/// Calls to the network at the same time; a message waits for its turn.
const CALLS_AT_ONCE: usize = 64;
/// Between two looks at the accounts.
const LOOK: Duration = Duration::from_secs(1);
/// Between two looks at memory.
const LOOK_AT_MEMORY: Duration = Duration::from_secs(2);
/// What stands before a message's number.
const MARK: &str = "#";
/// An account is not blamed for so long after a fault that bars it is over: a silent connection is left
/// only when its probes stay unanswered.
const GRACE_S: f64 = 12.0;

/// What days take in earnest happens in minutes here: the waits shrink alike.
const COMPRESSED: &str = r#"
[liveness]
check_ms = 3000
answer_ms = 3000
stale_ms = 10000
[recovery]
backoff_ms = 300
backoff_max_ms = 2000
cooldowns_s = [2, 4, 8, 15]
[gaps]
settle_ms = 20000
"#;

/// The rough day that every account has all the time: a little of whatever heals by itself.
fn rough() -> Value {
    json!({
        "lose_delivery": 0.002, "lose_ack": 0.002, "duplicate": 0.02, "reorder": 0.05,
        "other_address": 0.05, "undecryptable": 0.005, "recipient_undecryptable": 0.005,
        "kick": 0.002, "latency_max": {"secs": 0, "nanos": 40_000_000},
        "retry_late_by": {"secs": 0, "nanos": 200_000_000},
    })
}

/// The run under way.
struct Soak {
    stage: Stage,
    api: Api,
    accounts: Vec<Account>,
    rough: Value,
    notes: Notes,
    began: Instant,
    /// Until when each account is barred, in seconds of the run.
    barred: Vec<f64>,
    /// Faults that end, by account.
    ends: Vec<(f64, usize)>,
}

/// Runs it; what was seen is judged elsewhere.
///
/// # Errors
/// When a program does not start or ends by itself, or when the network refuses something.
pub(super) async fn run(setting: &Setting, args: &SoakArgs) -> Result<Notes> {
    let stage = Stage::start_with(setting, COMPRESSED).await?;
    let contacts = numbers("971520", 0..CONTACTS.min(args.accounts * EACH));
    stage.contacts(&contacts).await?;
    let accounts = stage.link(&numbers("971500", 0..args.accounts)).await?;
    stage.answer(MARK).await?;
    let load = Load::on(&stage.network);
    // Whoever will write has written once: sessions and conversations are there before memory is judged.
    load.introduce(&introductions(&accounts, &contacts)).await?;
    let mut chance = Chance::new(args.seed);
    let seconds = args.minutes * 60.0;
    let said = rhythm::schedule(&mut chance, accounts.len(), EACH, seconds);
    let strikes = faults::schedule(&mut chance, accounts.len(), seconds);
    println!(
        "{} accounts are linked; {} messages and {} faults in {:.0} minutes",
        accounts.len(),
        said.len(),
        strikes.len(),
        args.minutes
    );
    let mut soak = Soak {
        api: stage.api()?,
        barred: vec![0.0; accounts.len()],
        notes: Notes {
            minutes: args.minutes,
            memory: vec![Vec::new()],
            ..Notes::default()
        },
        rough: rough(),
        ends: Vec::new(),
        began: clock::now(),
        stage,
        accounts,
    };
    soak.roughen().await?;
    let talking = talk(
        soak.stage.network.clone(),
        soak.began,
        soak.pairs(&said, &contacts),
    );
    let talking = tokio::spawn(talking);
    soak.play(strikes.into(), seconds).await?;
    talking.await.context("the traffic stopped")??;
    soak.finish().await
}

fn introductions(accounts: &[Account], contacts: &[String]) -> Vec<Pair> {
    let of = |(n, account): (usize, &Account)| {
        let account = [account.clone()];
        let people: Vec<String> = (0..EACH)
            .map(|k| contacts[(n * EACH + k) % contacts.len()].clone())
            .collect();
        pairs(&account, &people)
    };
    accounts.iter().enumerate().flat_map(of).collect()
}

/// Says everything at its time; what is due while the network is busy is said as soon as it is not.
async fn talk(network: Api, began: Instant, said: Vec<(f64, Pair)>) -> Result<()> {
    let load = Load::on(&network);
    let mut calls = tokio::task::JoinSet::new();
    // Within a conversation the order counts: its next message waits for the one before.
    let mut last: BTreeMap<(String, String), tokio::sync::oneshot::Receiver<()>> = BTreeMap::new();
    for (n, (at_s, pair)) in said.into_iter().enumerate() {
        let due = began + Duration::from_secs_f64(at_s);
        tokio::time::sleep_until(due.into()).await;
        while calls.len() >= CALLS_AT_ONCE {
            if let Some(done) = calls.join_next().await {
                done??;
            }
        }
        let (done, next) = tokio::sync::oneshot::channel();
        let key = (pair.contact.clone(), pair.account.clone());
        let before = last.insert(key, next);
        let load = load.clone();
        calls.spawn(async move {
            if let Some(before) = before {
                // Gone is said, too.
                let _ = before.await;
            }
            let spoken = load
                .say(&pair, &format!("How much is it? {MARK}{n} please"))
                .await;
            let _ = done.send(());
            spoken
        });
    }
    while let Some(done) = calls.join_next().await {
        done??;
    }
    Ok(())
}

impl Soak {
    fn now_s(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    /// Gives every account its rough day.
    async fn roughen(&self) -> Result<()> {
        for account in &self.accounts {
            faults::end(&self.stage.network, &account.number, &self.rough).await?;
        }
        Ok(())
    }

    fn pairs(&self, said: &[Said], contacts: &[String]) -> Vec<(f64, Pair)> {
        let pair = |said: &Said| Pair {
            contact: contacts[(said.account * EACH + said.contact) % contacts.len()].clone(),
            account: self.accounts[said.account].number.clone(),
        };
        said.iter().map(|said| (said.at_s, pair(said))).collect()
    }

    /// Lets faults begin and end at their times, and looks on, until the time is over.
    async fn play(&mut self, mut strikes: VecDeque<Strike>, seconds: f64) -> Result<()> {
        let (mut look, mut weigh) = (
            tokio::time::interval(LOOK),
            tokio::time::interval(LOOK_AT_MEMORY),
        );
        for ticks in [&mut look, &mut weigh] {
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        }
        while self.now_s() < seconds {
            let next = strikes.front().map_or(seconds, |strike| strike.at_s);
            let over = self.ends.iter().map(|(at, _)| *at).fold(next, f64::min);
            let due = self.began + Duration::from_secs_f64(over.min(seconds));
            tokio::select! {
                () = tokio::time::sleep_until(due.into()) => {
                    self.end_faults().await?;
                    while strikes.front().is_some_and(|strike| strike.at_s <= self.now_s()) {
                        if let Some(strike) = strikes.pop_front() {
                            self.strike(&strike).await?;
                        }
                    }
                }
                _ = look.tick() => self.look().await?,
                _ = weigh.tick() => self.weigh()?,
            }
        }
        Ok(())
    }

    async fn strike(&mut self, strike: &Strike) -> Result<()> {
        *self.notes.faults.entry(strike.fault.name()).or_default() += 1;
        let end = match strike.fault {
            Fault::Restarted => Some(End::Asked),
            Fault::Killed => Some(End::Killed),
            _ => None,
        };
        if let Some(end) = end {
            let died = self.now_s();
            self.stage.begin_again(end).await?;
            // Its key is new.
            self.api = self.stage.api()?;
            self.notes.memory.push(Vec::new());
            // Nobody looks while it is away; that counts against every account.
            let looks = ((self.now_s() - died) / LOOK.as_secs_f64()).round() as u32;
            for account in &self.accounts {
                let seen = self
                    .notes
                    .accounts
                    .entry(account.number.clone())
                    .or_default();
                seen.away += looks;
            }
            return Ok(());
        }
        let now = self.now_s();
        for account in faults::met(strike, self.accounts.len()) {
            let number = &self.accounts[account].number;
            faults::begin(&self.stage.network, number, strike, &self.rough).await?;
            if strike.lasts_s > 0.0 {
                self.ends.push((now + strike.lasts_s, account));
            }
            if strike.fault.bars() {
                let until = now + strike.lasts_s + GRACE_S;
                self.barred[account] = self.barred[account].max(until);
            }
        }
        Ok(())
    }

    /// Ends what is over; the latest of an account's faults decides.
    async fn end_faults(&mut self) -> Result<()> {
        let now = self.now_s();
        let (over, rest): (Vec<_>, Vec<_>) =
            self.ends.iter().copied().partition(|(at, _)| *at <= now);
        for (_, account) in over {
            if rest.iter().any(|(_, other)| *other == account) {
                continue;
            }
            let number = &self.accounts[account].number;
            faults::end(&self.stage.network, number, &self.rough).await?;
        }
        self.ends = rest;
        Ok(())
    }

    /// Which accounts serve now.
    async fn look(&mut self) -> Result<()> {
        let shown = all_accounts(&self.api).await?;
        let now = self.now_s();
        for (account, barred) in self.accounts.iter().zip(&self.barred) {
            let serves = shown.get(&account.number).is_some_and(serves);
            let seen = self
                .notes
                .accounts
                .entry(account.number.clone())
                .or_default();
            if serves {
                seen.served += 1;
                continue;
            }
            seen.away += 1;
            if now < *barred {
                seen.barred += 1;
            }
        }
        Ok(())
    }

    fn weigh(&mut self) -> Result<()> {
        self.stage.waypost.alive()?;
        let (at_s, rss_mib) = (self.now_s(), self.stage.waypost.memory()?.rss);
        if let Some(life) = self.notes.memory.last_mut() {
            life.push(Sample { at_s, rss_mib });
        }
        Ok(())
    }

    /// Everything heals, everything that was said is answered, everybody is back.
    async fn finish(mut self) -> Result<Notes> {
        self.stage.network.delete("/faults").await?;
        for account in &self.accounts {
            let path = format!("/phones/{}/online", account.number);
            self.stage.network.post(&path, &json!({})).await?;
            // What was kept back for the next login comes now.
            let path = format!("/phones/{}/kick", account.number);
            self.stage.network.post(&path, &json!({})).await?;
        }
        // What never comes is for the judge.
        let api = self.api.clone();
        let settled = until("all answers", (LOOK, LIMIT), async || {
            let judged = self.judged().await?;
            let shown = all_accounts(&api).await?;
            let back = shown
                .values()
                .all(|a| serves(a) && a["counts"]["missing"] == 0);
            let whole = judged.answered >= judged.expected;
            Ok((whole && back).then_some(()))
        });
        if let Err(error) = settled.await {
            println!("{error:#}");
        }
        self.notes.ledger = self.judged().await?;
        let shown = all_accounts(&self.api).await?;
        for account in &self.accounts {
            let seen = self
                .notes
                .accounts
                .entry(account.number.clone())
                .or_default();
            if let Some(shown) = shown.get(&account.number) {
                seen.well = serves(shown);
                seen.missing = shown["counts"]["missing"].as_u64().unwrap_or(u64::MAX);
            }
        }
        if judge::judge(&self.notes).is_empty() {
            self.stage.stop().await?;
        } else {
            self.notes.kept = Some(self.stage.stop_and_keep().await?);
        }
        Ok(self.notes)
    }

    async fn judged(&self) -> Result<Ledger> {
        let judged = self.stage.network.get("/ledger/judgement?mark=%23").await?;
        let number = |field: &str| judged[field].as_u64().unwrap_or_default();
        let marks = |field: &str| -> Vec<String> {
            let list = judged[field].as_array().into_iter().flatten();
            list.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let list = |field: &str| marks(field).len() as u64;
        Ok(Ledger {
            expected: number("expected"),
            answered: number("answered"),
            lost: list("lost"),
            doubled: list("duplicated"),
            reordered: list("reordered"),
            unexpected: list("unexpected"),
            truncated: judged["truncated"] == true,
            marks: ["lost", "reordered"]
                .map(|which| (which, marks(which)))
                .into(),
        })
    }
}

fn serves(account: &Value) -> bool {
    account["state"] == "online"
}

/// Every account by its number.
async fn all_accounts(api: &Api) -> Result<BTreeMap<String, Value>> {
    let (mut all, mut cursor) = (BTreeMap::new(), None::<String>);
    loop {
        let at = cursor.map_or_else(String::new, |cursor| format!("&cursor={cursor}"));
        let page = api.get(&format!("/accounts?limit=200{at}")).await?;
        for account in page["items"].as_array().context("no list of accounts")? {
            let number = text(account, "phone")?.trim_start_matches('+').to_owned();
            all.insert(number, account.clone());
        }
        match page["next"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => return Ok(all),
        }
    }
}
