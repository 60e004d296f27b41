//! End to end: contact, wasim, Signal, Waypost, webhook, and the answer back.

use crate::clock;
use crate::load::{Load, Pair, pairs};
use crate::process::cpu_s;
use crate::report::{Report, percentile_ms};
use crate::stage::{Stage, numbers};
use crate::watch::{Endpoint, Follower, MARK};
use crate::{Setting, Size};
use anyhow::{Context as _, Result};
use std::time::{Duration, Instant};

/// How much is sent.
struct Plan {
    accounts: usize,
    contacts: usize,
    /// Messages a second of the paced part, and how many.
    pace: f64,
    paced: usize,
    /// Texts in each conversation, received only.
    received: usize,
    /// Texts in each conversation that are answered. The loop guard allows 20 a minute.
    answered: usize,
}

impl Plan {
    fn of(size: Size) -> Self {
        size.pick(
            Self {
                accounts: 10,
                contacts: 50,
                pace: 50.0,
                paced: 1_500,
                received: 20,
                answered: 10,
            },
            Self {
                accounts: 2,
                contacts: 3,
                pace: 20.0,
                paced: 20,
                received: 5,
                answered: 3,
            },
        )
    }
}

/// Runs it.
///
/// # Errors
/// When a program does not start, or a message is lost, doubled or out of order.
pub(crate) async fn run(setting: &Setting) -> Result<Report> {
    let plan = Plan::of(setting.size());
    let mut report = Report::new("e2e", "End to end through wasim", setting.size());
    report.explain(format!(
        "{} accounts, {} contacts, every contact writes to every account. Noise, Signal and the \
         stanzas are real; `wasim`, `waypost` and the benchmark are processes of their own and \
         share the machine. Sending limits are lifted, everything else is the default. The intent \
         model is trained before the clock starts.",
        plan.accounts, plan.contacts
    ));
    let stage = Stage::start(setting).await?;
    let accounts = stage.link(&numbers("971500", 0..plan.accounts)).await?;
    let contacts = numbers("971520", 0..plan.contacts);
    stage.contacts(&contacts).await?;
    let pairs = pairs(&accounts, &contacts);
    let load = Load::on(&stage.network);
    load.introduce(&pairs).await?;
    stage.learnt().await?;

    paced(&stage, &load, &pairs, &plan, &mut report).await?;
    received(&stage, &load, &pairs, &plan, &mut report).await?;
    answered(&stage, &load, &pairs, &plan, &mut report).await?;
    stage.stop().await?;
    Ok(report)
}

/// Latency while there is room.
async fn paced(
    stage: &Stage,
    load: &Load,
    pairs: &[Pair],
    plan: &Plan,
    report: &mut Report,
) -> Result<()> {
    report.explain(format!(
        "Latency is measured at {} messages a second, from the call that lets the contact send (so \
         the contact's encryption counts) to the message on the event stream (committed) and at the \
         webhook endpoint.",
        plan.pace
    ));
    let endpoint = Endpoint::listen().await?;
    let path = stage.tell(endpoint.address).await?;
    let follower = Follower::follow(stage).await?;
    let turns: Vec<Pair> = pairs.iter().cycle().take(plan.paced).cloned().collect();
    let usage = Usage::start(stage)?;
    let text = |n| format!("Good morning, this is {MARK}{n}, are you open?");
    let begun = load.pace(&turns, plan.pace, text).await?;
    let committed = follower.heard.take(plan.paced).await?;
    let told = endpoint.heard.take(plan.paced).await?;
    let usage = usage.stop(stage)?;
    stage.api()?.delete(&path).await?;
    for (where_to, heard) in [("committed", committed), ("webhook received", told)] {
        let taken = latencies(&begun, &heard)?;
        for percent in [50.0, 99.0] {
            let what = format!("paced: contact to {where_to}, p{percent}");
            report.figure(what, percentile_ms(&taken, percent), "ms");
        }
    }
    usage.tell(report, "paced", plan.paced);
    Ok(())
}

fn latencies(begun: &[Instant], heard: &[(usize, Instant)]) -> Result<Vec<Duration>> {
    let taken = |(number, at): &(usize, Instant)| {
        let begun = begun.get(*number).context("a number that nobody sent")?;
        Ok(at.saturating_duration_since(*begun))
    };
    heard.iter().map(taken).collect()
}

/// As many as it takes, received and told to a webhook.
async fn received(
    stage: &Stage,
    load: &Load,
    pairs: &[Pair],
    plan: &Plan,
    report: &mut Report,
) -> Result<()> {
    let count = pairs.len() * plan.received;
    report.explain(format!(
        "Throughput is {count} messages at once. Received: to the last acknowledgement, which \
         follows the commit; every message is also processed and delivered to a webhook."
    ));
    let endpoint = Endpoint::listen().await?;
    let path = stage.tell(endpoint.address).await?;
    let before = load.sent().await?;
    let (usage, started) = (Usage::start(stage)?, clock::now());
    let text = format!("Good evening, this is {MARK}{{n}}, are you still open?");
    load.flood(pairs, plan.received, &text).await?;
    load.acked(before + count as u64).await?;
    let acknowledged = started.elapsed();
    let told = endpoint.heard.take(count).await?;
    let last = told.iter().map(|(_, at)| *at).max().unwrap_or(started);
    let usage = usage.stop(stage)?;
    stage.api()?.delete(&path).await?;
    let rate = |time: Duration| count as f64 / time.as_secs_f64();
    report.figure("received", rate(acknowledged), "messages/s");
    let delivered = rate(last.saturating_duration_since(started));
    report.figure(
        "received and delivered to a webhook",
        delivered,
        "messages/s",
    );
    usage.tell(report, "received", count);
    Ok(())
}

/// As many as it takes, each answered by a rule.
async fn answered(
    stage: &Stage,
    load: &Load,
    pairs: &[Pair],
    plan: &Plan,
    report: &mut Report,
) -> Result<()> {
    let count = pairs.len() * plan.answered;
    report.explain(format!(
        "Answered: {count} messages at once, each answered by a rule, to the last answer in a \
         contact's app; wasim's ledger must find each answered once and in order."
    ));
    let rule = stage.answer("price").await?;
    let (usage, started) = (Usage::start(stage)?, clock::now());
    let text = "What is the price of #{pair}-{n} please?";
    load.flood(pairs, plan.answered, text).await?;
    load.answered("%23", count).await?;
    let taken = started.elapsed();
    let usage = usage.stop(stage)?;
    stage.api()?.delete(&rule).await?;
    report.figure(
        "received and answered",
        count as f64 / taken.as_secs_f64(),
        "messages/s",
    );
    usage.tell(report, "answered", count);
    Ok(())
}

/// Processor time of everybody.
pub(crate) struct Usage {
    waypost: f64,
    wasim: f64,
    bench: f64,
}

impl Usage {
    pub(crate) fn start(stage: &Stage) -> Result<Self> {
        Ok(Self {
            waypost: stage.waypost.cpu_s()?,
            wasim: stage.wasim.cpu_s()?,
            bench: cpu_s(std::process::id())?,
        })
    }

    pub(crate) fn stop(self, stage: &Stage) -> Result<Self> {
        let now = Self::start(stage)?;
        Ok(Self {
            waypost: now.waypost - self.waypost,
            wasim: now.wasim - self.wasim,
            bench: now.bench - self.bench,
        })
    }

    /// What `waypost` used for each of so many messages, in milliseconds.
    pub(crate) fn waypost_ms(&self, messages: usize) -> f64 {
        self.waypost * 1_000.0 / messages as f64
    }

    fn tell(&self, report: &mut Report, part: &str, messages: usize) {
        report.figure(
            format!("{part}: waypost, CPU per message"),
            self.waypost_ms(messages),
            "ms",
        );
        for (name, seconds) in [
            ("waypost", self.waypost),
            ("wasim", self.wasim),
            ("the benchmark itself", self.bench),
        ] {
            report.figure(format!("{part}: {name}, CPU"), seconds, "s");
        }
    }
}
