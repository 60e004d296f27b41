//! Many accounts in one process: memory, cold start, cost per message; beside bare Baileys sockets.

use crate::e2e::Usage;
use crate::load::{Load, Pair, pairs};
use crate::node::Node;
use crate::process::Memory;
use crate::report::{Aim, Report};
use crate::stage::{Account, Stage, numbers};
use crate::watch::Endpoint;
use crate::{Setting, Size};
use anyhow::Result;
use serde_json::json;
use std::time::Duration;

/// How many, how much.
struct Plan {
    /// Accounts, growing.
    sizes: &'static [usize],
    /// The sizes at which the cost per message is measured.
    costed: [usize; 2],
    contacts: usize,
    /// Messages, and how many a second, for the cost per message.
    messages: usize,
    pace: f64,
    /// Time to come to rest before memory is read.
    rest: Duration,
}

impl Plan {
    fn of(size: Size) -> Self {
        size.pick(
            Self {
                sizes: &[1, 10, 50, 200],
                costed: [10, 200],
                contacts: 1_000,
                messages: 3_000,
                pace: 75.0,
                rest: Duration::from_secs(20),
            },
            Self {
                sizes: &[1, 2, 4],
                costed: [2, 4],
                contacts: 3,
                messages: 12,
                pace: 20.0,
                rest: Duration::from_secs(1),
            },
        )
    }
}

/// What was seen at one size.
struct Seen {
    accounts: usize,
    idle: Memory,
}

/// Runs it.
///
/// # Errors
/// When a program does not start, an account does not come online or a message is lost.
pub(crate) async fn run(setting: &Setting) -> Result<Report> {
    let plan = Plan::of(setting.size());
    let mut report = Report::new("fleet", "Many accounts", setting.size());
    explain(&mut report, &plan);
    let mut stage = Stage::start(setting).await?;
    let none = stage.waypost.memory()?;
    report.figure("0 accounts: RSS", none.rss, "MiB");
    let contacts = numbers("971520", 0..plan.contacts);
    stage.contacts(&contacts).await?;
    let (mut accounts, mut seen, mut costs) = (Vec::new(), Vec::new(), Vec::new());
    for size in plan.sizes {
        stage = grow(stage, &mut accounts, *size, &contacts, &mut report).await?;
        tokio::time::sleep(plan.rest).await;
        let idle = stage.waypost.memory()?;
        report.figure(format!("{size} idle: RSS"), idle.rss, "MiB");
        report.figure(format!("{size} idle: PSS"), idle.pss, "MiB");
        seen.push(Seen {
            accounts: *size,
            idle,
        });
        if plan.costed.contains(size) {
            costs.push(cost(&stage, &accounts, &contacts, &plan, &mut report).await?);
        }
    }
    further(&mut report, &seen);
    if let [few, many] = costs[..] {
        let what = format!("cost per message, {} / {}", plan.costed[1], plan.costed[0]);
        report.aimed(what, many / few, "", Aim::AtMost(1.2));
    }
    baileys(setting, &stage, &plan, &seen, &mut report).await?;
    stage.stop().await?;
    Ok(report)
}

fn explain(report: &mut Report, plan: &Plan) {
    report.explain(format!(
        "One `waypost` with more and more accounts. {} contacts are shared by all; each has written \
         to every account once, so that every account has {} contacts with their names and both \
         addresses, conversations, stored messages and Signal sessions, all of them in the database.",
        plan.contacts, plan.contacts
    ));
    report.explain(format!(
        "At each size the program is stopped and started again. Cold start is from the start of the \
         process until its API says that every account is online (looked at every 50 ms). Idle memory \
         is read {} s later; memory after work is read before the restart.",
        plan.rest.as_secs()
    ));
    report.explain(format!(
        "Cost per message: {} messages at {} a second over all accounts, each from another contact, \
         received, delivered to a webhook and answered by a rule. The same messages a second at both \
         sizes; what the accounts cost while idle is in it, and is told apart.",
        plan.messages, plan.pace
    ));
    report.explain(
        "Baileys: one Node process with bare sockets linked to the same `wasim`, keys in memory, no \
         contacts, no messages, no database, garbage collected before memory is read.",
    );
}

/// Links further accounts, lets everybody write to them, and starts Waypost anew.
async fn grow(
    stage: Stage,
    accounts: &mut Vec<Account>,
    size: usize,
    contacts: &[String],
    report: &mut Report,
) -> Result<Stage> {
    let fresh = stage.link(&numbers("971500", accounts.len()..size)).await?;
    let load = Load::on(&stage.network);
    load.introduce(&pairs(&fresh, contacts)).await?;
    accounts.extend(fresh);
    let after = stage.waypost.memory()?;
    report.figure(format!("{size} after work: RSS"), after.rss, "MiB");
    let (stage, taken) = stage.restart(size).await?;
    let what = format!("{size}: cold start to all online");
    report.figure(what, taken.as_secs_f64(), "s");
    Ok(stage)
}

/// What `waypost` uses for each message, in milliseconds of processor time.
async fn cost(
    stage: &Stage,
    accounts: &[Account],
    contacts: &[String],
    plan: &Plan,
    report: &mut Report,
) -> Result<f64> {
    let idle = Usage::start(stage)?;
    tokio::time::sleep(plan.rest).await;
    let seconds = plan.rest.as_millis() as usize;
    let idle = idle.stop(stage)?.waypost_ms(seconds) * 100.0;
    let size = accounts.len();
    report.figure(format!("{size} idle: CPU of one core"), idle, "%");

    let endpoint = Endpoint::listen().await?;
    let hook = stage.tell(endpoint.address).await?;
    let rule = stage.answer("price").await?;
    stage.network.delete("/ledger").await?;
    let load = Load::on(&stage.network);
    let turns: Vec<Pair> = pairs(accounts, contacts)
        .into_iter()
        .cycle()
        .take(plan.messages)
        .collect();
    let usage = Usage::start(stage)?;
    let text = |n| format!("What is the price of #{n} please?");
    load.pace(&turns, plan.pace, text).await?;
    load.answered("%23", plan.messages).await?;
    let cost = usage.stop(stage)?.waypost_ms(plan.messages);
    let api = stage.api()?;
    api.delete(&hook).await?;
    api.delete(&rule).await?;
    report.figure(format!("{size}: CPU per message"), cost, "ms");
    Ok(cost)
}

/// What each further account needs.
fn further(report: &mut Report, seen: &[Seen]) {
    let (Some(first), Some(last)) = (seen.first(), seen.last()) else {
        return;
    };
    let more = (last.accounts - first.accounts) as f64;
    let each = (last.idle.rss - first.idle.rss) / more;
    let what = format!(
        "each account from {} to {}: RSS",
        first.accounts, last.accounts
    );
    report.aimed(what, each, "MiB", Aim::AtMost(1.0));
}

/// As many sockets in a Node process.
async fn baileys(
    setting: &Setting,
    stage: &Stage,
    plan: &Plan,
    seen: &[Seen],
    report: &mut Report,
) -> Result<()> {
    let mut node = Node::start(setting, stage).await?;
    let empty = node.memory().await?;
    report.figure("Baileys, 0 sockets: RSS", empty.rss, "MiB");
    let mut linked = 0;
    for at in seen {
        for number in numbers("971540", linked..at.accounts) {
            let phone = json!({"number": number, "push_name": "Owner"});
            stage.network.post("/phones", &phone).await?;
            node.link(stage, &number).await?;
        }
        linked = at.accounts;
        tokio::time::sleep(plan.rest).await;
        let memory = node.memory().await?;
        let size = at.accounts;
        report.figure(format!("Baileys, {size} sockets: RSS"), memory.rss, "MiB");
        let ratio = at.idle.rss / memory.rss;
        report.figure(format!("{size}: Waypost / Baileys, RSS"), ratio, "");
    }
    node.stop().await
}
