//! `waypost read`: what would be read of a file, without a server.

use super::output::Output;
use crate::config::Config;
use crate::reading::workers_config;
use anyhow::{Context as _, Result};
use clap::Args;
use serde_json::{Value, json};
use std::path::PathBuf;
use waypost_media::worker::{Answer, Workers};
use waypost_media::{Format, Kind, Reading, Table};

/// Rows of a table that people are shown; `--json` has all.
const ROWS_SHOWN: usize = 20;

/// What to read.
#[derive(Debug, Args)]
pub(super) struct ReadArgs {
    /// A picture, PDF, XLSX, CSV, DOCX, text or voice note.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

pub(super) async fn run(config: &Config, args: ReadArgs, output: Output) -> Result<()> {
    let shown = args.file.display().to_string();
    let bytes = tokio::fs::read(&args.file)
        .await
        .with_context(|| format!("{shown} cannot be read"))?;
    let name = args
        .file
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    let workers = Workers::new(workers_config(&config.media));
    let format = Format::guess(&bytes, name.as_deref());
    let (answer, _) = if format.kind() == Some(Kind::Audio) {
        workers.sound(bytes.into()).await
    } else {
        workers.read(bytes.into(), name.as_deref()).await
    }
    .with_context(|| shown)?;
    match output {
        Output::Json => output.raw(&for_programs(&answer).to_string()),
        Output::Text => output.raw(&for_people(&answer)),
    }
}

fn for_programs(answer: &Answer) -> Value {
    let Reading {
        kind,
        text,
        tables,
        truncated,
        picture,
        confidence,
    } = &answer.reading;
    json!({
        "kind": kind,
        "text": text,
        "tables": tables,
        "truncated": truncated,
        "confidence": confidence,
        "picture": picture.as_ref().map(|p| json!({ "width": p.width, "height": p.height })),
        "sound_ms": answer.sound_ms,
        "walls": answer.walls,
    })
}

fn for_people(answer: &Answer) -> String {
    let mut out = Vec::new();
    let reading = &answer.reading;
    if let Some(picture) = &reading.picture {
        out.push(format!(
            "picture, {} x {} points",
            picture.width, picture.height
        ));
    }
    if let Some(ms) = answer.sound_ms {
        out.push(format!(
            "sound, {}.{} s; the server sends it to the speech service of its settings, if there is one",
            ms / 1_000,
            ms % 1_000 / 100
        ));
    }
    if !reading.text.is_empty() {
        out.push(reading.text.clone());
    } else if reading.kind == Some(Kind::Picture) {
        out.push("no text in it".into());
    }
    out.extend(reading.tables.iter().map(table));
    if reading.truncated {
        out.push("there is more in it than is read".into());
    }
    out.join("\n\n")
}

fn table(table: &Table) -> String {
    let rows = table.rows.iter().take(ROWS_SHOWN);
    let lines: Vec<String> = rows.map(|row| row.join(" | ")).collect();
    let more = table.rows.len().saturating_sub(ROWS_SHOWN);
    let tail = if more > 0 {
        format!("\n… {more} more rows")
    } else {
        String::new()
    };
    format!("{}\n{}{tail}", table.name, lines.join("\n"))
}
