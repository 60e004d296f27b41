//! `waypost eval`: how right the analysis is, on labelled messages, without a server.

use super::output::Output;
use crate::config::Config;
use crate::insight::{ZONE_DEFAULT, analyzer, now, zone};
use crate::models::Models;
use anyhow::{Context, Result, anyhow};
use clap::Args;
use serde_json::Value;
use std::path::{Path, PathBuf};
use waypost_insight::eval::datasets::Dataset;
use waypost_insight::eval::switches;
use waypost_insight::eval::training::train_and_judge;
use waypost_insight::eval::{Listing, evaluate, read};
use waypost_insight::intent::UNCLEAR;

/// What to measure.
#[derive(Debug, Args)]
pub(super) struct EvalArgs {
    /// Labelled messages, one JSON object a line; with --train, the test part of the set.
    #[arg(value_name = "FILE", required_unless_present = "train")]
    file: Option<PathBuf>,
    /// Train on a labelled set of intents and judge on its test part: JSON lines, JSON splits, or CSV.
    #[arg(long, value_name = "FILE")]
    train: Option<PathBuf>,
    /// FILE holds labelled conversations: measure how well switches of topic are found.
    #[arg(long, conflicts_with = "train")]
    switches: bool,
    /// The label of messages that belong to no intent.
    #[arg(long, value_name = "NAME")]
    oos_label: Option<String>,
    /// List the answers that were not the expected ones.
    #[arg(long)]
    misses: bool,
}

pub(super) fn run(config: &Config, args: &EvalArgs, output: Output) -> Result<()> {
    let started = crate::clock::monotonic();
    let mut microseconds = || u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    let report = match &args.train {
        Some(train) => trained(train, args, &mut microseconds)?,
        None => measured(config, args, &mut microseconds)?,
    };
    output.show(&report, for_people)
}

fn measured(
    config: &Config,
    args: &EvalArgs,
    microseconds: &mut dyn FnMut() -> u64,
) -> Result<Value> {
    let path = args
        .file
        .as_deref()
        .context("name a file of labelled messages")?;
    let analyzer = analyzer(&Models::new(config)).map_err(|e| anyhow!("{e}"))?;
    let default = now(zone(ZONE_DEFAULT).context("the time zones are missing on this machine")?);
    if args.switches {
        let conversations =
            switches::read(&contents(path)?).with_context(|| path.display().to_string())?;
        let mut report = switches::evaluate(analyzer, &conversations, &default);
        if !args.misses {
            report.misses.clear();
        }
        return Ok(serde_json::to_value(report)?);
    }
    let cases =
        read(&contents(path)?, &zone, &default).with_context(|| path.display().to_string())?;
    let listing = if args.misses {
        Listing::Misses
    } else {
        Listing::Figures
    };
    let report = evaluate(
        analyzer,
        &cases,
        args.oos_label.as_deref(),
        listing,
        microseconds,
    );
    Ok(serde_json::to_value(report)?)
}

fn trained(train: &Path, args: &EvalArgs, microseconds: &mut dyn FnMut() -> u64) -> Result<Value> {
    let mut set = Dataset::read(&contents(train)?).with_context(|| train.display().to_string())?;
    if let Some(test) = &args.file {
        let read = Dataset::read(&contents(test)?).with_context(|| test.display().to_string())?;
        set.test = [read.train, read.validation, read.test].concat();
    }
    let label = args.oos_label.as_deref().unwrap_or(UNCLEAR);
    let report = train_and_judge(&set.with_test(), label, microseconds)?;
    Ok(serde_json::to_value(report)?)
}

fn contents(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))
}

/// The figures as aligned lines.
fn for_people(report: &Value) -> String {
    let mut lines = Vec::new();
    flatten(report, "", &mut lines);
    lines.join("\n")
}

fn flatten(value: &Value, name: &str, lines: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (key, field) in fields {
                let name = if name.is_empty() {
                    key.clone()
                } else {
                    format!("{name}.{key}")
                };
                flatten(field, &name, lines);
            }
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            lines.extend(items.iter().map(Value::to_string));
        }
        Value::Number(number) if number.is_f64() => {
            lines.push(format!(
                "{name:<48} {:.4}",
                number.as_f64().unwrap_or_default()
            ));
        }
        other => lines.push(format!("{name:<48} {other}")),
    }
}
