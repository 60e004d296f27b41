//! `waypost analyze`: what a message means, without a server.

use super::output::Output;
use crate::config::Config;
use crate::insight::{ZONE_DEFAULT, analyzer, now, zone};
use crate::models::Models;
use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use jiff::Zoned;
use serde::Deserialize;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use waypost_insight::eval::place_in_time;
use waypost_insight::{Analysis, Analyzer, Input};

/// Bytes of one line of JSON at most.
const LINE_BYTES_MAX: usize = 4 * 1_024 * 1_024;

/// What to analyse.
#[derive(Debug, Args)]
pub(super) struct AnalyzeArgs {
    /// The message.
    #[arg(required_unless_present = "jsonl", conflicts_with = "jsonl")]
    text: Option<String>,
    /// Read one {"text", "at", "timezone", "locale"} a line from a file, or from the input with `-`.
    #[arg(long, value_name = "FILE")]
    jsonl: Option<PathBuf>,
    /// When the message was written, in ISO 8601; now when absent.
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// The contact's time zone.
    #[arg(long, value_name = "ZONE", default_value = ZONE_DEFAULT)]
    timezone: String,
    /// The contact's locale, such as en-GB: its country's phone numbers are read.
    #[arg(long)]
    locale: Option<String>,
}

#[derive(Deserialize)]
struct Line {
    text: String,
    at: Option<String>,
    timezone: Option<String>,
    locale: Option<String>,
}

pub(super) fn run(config: &Config, args: &AnalyzeArgs, output: Output) -> Result<()> {
    let default = now(zone(&args.timezone)
        .with_context(|| format!("there is no time zone '{}'", args.timezone))?);
    let default = place_in_time(args.at.as_deref(), None, &zone, &default)
        .with_context(|| "the time could not be read; write it like 2026-02-23T10:00")?;
    let analyzer = analyzer(&Models::new(config)).map_err(|e| anyhow!("{e}"))?;
    match &args.jsonl {
        Some(path) => lines(analyzer, path, args, &default, output),
        None => {
            let text = args.text.as_deref().unwrap_or_default();
            let found = analyze(analyzer, text, &default, args.locale.as_deref());
            show(&found, output)
        }
    }
}

fn lines(
    analyzer: &Analyzer,
    path: &PathBuf,
    args: &AnalyzeArgs,
    default: &Zoned,
    output: Output,
) -> Result<()> {
    let mut reader: Box<dyn BufRead> = if path.as_os_str() == "-" {
        Box::new(std::io::stdin().lock())
    } else {
        let file = std::fs::File::open(path)
            .with_context(|| format!("{} cannot be opened", path.display()))?;
        Box::new(BufReader::new(file))
    };
    let mut number = 0;
    let mut line = String::new();
    loop {
        line.clear();
        number += 1;
        let mut limited = std::io::Read::take(&mut reader, LINE_BYTES_MAX as u64);
        if limited
            .read_line(&mut line)
            .with_context(|| format!("line {number} cannot be read"))?
            == 0
        {
            return Ok(());
        }
        if line.len() >= LINE_BYTES_MAX {
            bail!("line {number} is longer than {LINE_BYTES_MAX} bytes");
        }
        if line.trim().is_empty() {
            continue;
        }
        let message: Line = serde_json::from_str(&line)
            .with_context(|| format!("line {number} is no {{\"text\"}}"))?;
        let at = place_in_time(
            message.at.as_deref(),
            message.timezone.as_deref(),
            &zone,
            default,
        )
        .with_context(|| format!("line {number} has a time or zone that cannot be read"))?;
        let locale = message.locale.as_deref().or(args.locale.as_deref());
        show(&analyze(analyzer, &message.text, &at, locale), output)?;
    }
}

fn analyze(analyzer: &Analyzer, text: &str, at: &Zoned, locale: Option<&str>) -> Analysis {
    let input = Input { text, at, locale };
    analyzer.analyze(&input).in_characters(text)
}

fn show(analysis: &Analysis, output: Output) -> Result<()> {
    match output {
        Output::Json => output.raw(&serde_json::to_string(analysis)?),
        Output::Text => output.raw(&for_people(analysis)),
    }
}

fn for_people(analysis: &Analysis) -> String {
    let mut text = format!(
        "intent     {} ({:.2})\nsentiment  {:?} ({:+.2})\nurgency    {:?}\nlanguage   {}",
        analysis.intent.name,
        analysis.intent.confidence,
        analysis.sentiment.label,
        analysis.sentiment.score,
        analysis.urgency,
        analysis.language,
    );
    for entity in &analysis.entities {
        text.push_str(&format!(
            "\n{:<14} {}  ({:.2}, '{}')",
            entity.kind.name(),
            entity.value,
            entity.confidence,
            entity.text
        ));
    }
    text
}
