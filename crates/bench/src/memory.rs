//! What is still in memory after many people wrote once, and after a rest.

use crate::load::{Load, pairs};
use crate::report::Report;
use crate::stage::{Stage, numbers};
use crate::{Setting, Size};
use anyhow::Result;
use std::time::Duration;

/// How many, how much.
struct Plan {
    accounts: usize,
    contacts: usize,
    /// Time to come to rest before memory is read.
    rest: Duration,
}

impl Plan {
    fn of(size: Size) -> Self {
        size.pick(
            Self {
                accounts: 40,
                contacts: 500,
                rest: Duration::from_secs(60),
            },
            Self {
                accounts: 2,
                contacts: 3,
                rest: Duration::from_secs(1),
            },
        )
    }
}

/// Runs it.
///
/// # Errors
/// When a program does not start, an account does not come online or a message is lost.
pub(crate) async fn run(setting: &Setting) -> Result<Report> {
    let plan = Plan::of(setting.size());
    let mut report = Report::new("memory", "Memory after work", setting.size());
    report.explain(format!(
        "{} accounts; each of {} contacts writes once to each of them: a new conversation with a new \
         Signal session every time, which is what a session costs most. Memory is read when all is \
         stored and acknowledged, again {} s later, and {} s after a restart.",
        plan.accounts,
        plan.contacts,
        plan.rest.as_secs(),
        plan.rest.as_secs(),
    ));
    let stage = Stage::start(setting).await?;
    let contacts = numbers("971520", 0..plan.contacts);
    stage.contacts(&contacts).await?;
    let accounts = stage.link(&numbers("971500", 0..plan.accounts)).await?;
    let before = stage.waypost.memory()?.rss;
    report.figure("linked, before any message: RSS", before, "MiB");
    let load = Load::on(&stage.network);
    load.introduce(&pairs(&accounts, &contacts)).await?;
    let after = stage.waypost.memory()?.rss;
    grown(&mut report, "after work", (before, after), &plan);
    tokio::time::sleep(plan.rest).await;
    let rested = stage.waypost.memory()?.rss;
    grown(&mut report, "after a rest", (before, rested), &plan);
    let (stage, _) = stage.restart(plan.accounts).await?;
    tokio::time::sleep(plan.rest).await;
    let restarted = stage.waypost.memory()?.rss;
    report.figure("after a restart: RSS", restarted, "MiB");
    report.figure("after work / after a restart", after / restarted, "");
    stage.stop().await?;
    Ok(report)
}

/// What is there, and how much of it each conversation brought.
fn grown(report: &mut Report, when: &str, (before, now): (f64, f64), plan: &Plan) {
    let conversations = (plan.accounts * plan.contacts) as f64;
    report.figure(format!("{when}: RSS"), now, "MiB");
    let each = (now - before) * 1024.0 / conversations;
    report.figure(format!("{when}: each conversation"), each, "KiB");
}
