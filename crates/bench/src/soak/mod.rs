//! The soak run: many accounts through days of traffic and faults, compressed. It fails when a message
//! is lost, doubled or out of order, when memory grows, or when an account does not come back.
//!
//! - [`rhythm`]: what is said and when.
//! - [`faults`]: what goes wrong and when.
//! - [`run`]: lets both happen to the real programs, and notes what is seen.
//! - [`judge`]: what must hold.

mod chance;
mod faults;
mod judge;
mod rhythm;
mod run;

use crate::Setting;
use crate::machine::Machine;
use anyhow::{Context as _, Result, bail};
use judge::Notes;
use serde_json::json;
use std::fmt::Write as _;

/// How much and how long.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct SoakArgs {
    /// How many accounts.
    #[arg(long, default_value_t = 200)]
    accounts: usize,
    /// How long the traffic runs, in minutes.
    #[arg(long, default_value_t = 60.0)]
    minutes: f64,
    /// Whose traffic and faults.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Runs it.
///
/// # Errors
/// When a promise is broken; the report names which. Or when a program does not start.
pub(crate) async fn run(setting: &Setting, args: &SoakArgs) -> Result<()> {
    let notes = run::run(setting, args).await?;
    let broken = judge::judge(&notes);
    let text = report(args, &notes, &broken);
    println!("{text}");
    write(setting, args, &notes, &broken, &text)?;
    if !broken.is_empty() {
        bail!(
            "the soak run broke {} promises:\n{}",
            broken.len(),
            broken.join("\n")
        );
    }
    Ok(())
}

fn write(
    setting: &Setting,
    args: &SoakArgs,
    notes: &Notes,
    broken: &[String],
    text: &str,
) -> Result<()> {
    let folder = &setting.results;
    std::fs::create_dir_all(folder)
        .with_context(|| format!("{} cannot be made", folder.display()))?;
    let all = json!({
        "accounts": args.accounts, "minutes": args.minutes, "seed": args.seed, "broken": broken,
        "availability": judge::mean(notes, judge::Seen::availability),
        "availability_left": judge::mean(notes, judge::Seen::availability_left),
        "trends": notes.memory.iter().map(|m| judge::trend(m)).collect::<Vec<_>>(),
        "notes": notes, "machine": Machine::this(),
    });
    for (name, text) in [
        ("soak.json", serde_json::to_string_pretty(&all)?),
        ("soak.md", text.to_owned()),
    ] {
        let path = folder.join(name);
        std::fs::write(&path, text)
            .with_context(|| format!("{} cannot be written", path.display()))?;
        println!("wrote {}", path.display());
    }
    Ok(())
}

/// The report that people read, in Markdown.
fn report(args: &SoakArgs, notes: &Notes, broken: &[String]) -> String {
    let mut text = String::new();
    let mut line = |words: String| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{words}");
    };
    line(format!(
        "{} accounts for {:.0} minutes, seed {}: {}.\n",
        args.accounts,
        notes.minutes,
        args.seed,
        if broken.is_empty() {
            "every promise kept"
        } else {
            "NOT clean"
        },
    ));
    for sentence in broken {
        line(format!("- {sentence}"));
    }
    if let Some(kept) = &notes.kept {
        line(format!("\nData and log are in {}.\n", kept.display()));
    }
    let ledger = &notes.ledger;
    line("| what | |\n|---|---|".to_owned());
    line(format!(
        "| messages answered | {} of {} |",
        ledger.answered, ledger.expected
    ));
    line(format!(
        "| lost, doubled, out of order, made up | {}, {}, {}, {} |",
        ledger.lost, ledger.doubled, ledger.reordered, ledger.unexpected
    ));
    let missing: u64 = notes.accounts.values().map(|seen| seen.missing).sum();
    line(format!(
        "| messages that the accounts call missing | {missing} |"
    ));
    let percent = |of: fn(&judge::Seen) -> f64| judge::mean(notes, of) * 100.0;
    line(format!(
        "| availability, mean of the accounts | {:.2} % |",
        percent(judge::Seen::availability)
    ));
    line(format!(
        "| the same of the time that faults leave | {:.2} % |",
        percent(judge::Seen::availability_left)
    ));
    let worst = notes.accounts.iter();
    let worst = worst.min_by(|a, b| a.1.availability_left().total_cmp(&b.1.availability_left()));
    if let Some((account, seen)) = worst {
        line(format!(
            "| the worst account ({account}) | {:.2} % |",
            seen.availability_left() * 100.0
        ));
    }
    for (life, samples) in (1..).zip(&notes.memory) {
        if let Some(trend) = judge::trend(samples) {
            line(format!(
                "| memory of life {life}, second half | {:.0} MiB, {:+.1} MiB an hour, last quarter {:.3} of the one before |",
                trend.middle, trend.slope_per_hour, trend.ratio
            ));
        }
    }
    line("\n| fault | struck |\n|---|---|".to_owned());
    for (fault, count) in &notes.faults {
        line(format!("| {fault} | {count} |"));
    }
    text
}
