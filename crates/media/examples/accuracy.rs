//! How well files are read: character error of text recognition and of PDF text, exact cells of tables,
//! and duplicates found among pictures. Reads a folder that `tools/media/make.py` wrote.
//!
//! ```sh
//! cargo run -p waypost-media --example accuracy -- FOLDER [ocr|pdf|tables|pictures] [--verbose] [--judge]
//! ```
//!
//! With `--judge` it fails when an aim is missed.
#![allow(
    clippy::print_stdout,
    reason = "a program that answers on its standard output"
)]

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::error::Error;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use waypost_media::pictures::{Look, SAME_MIN};
use waypost_media::worker::{Workers, WorkersConfig};
use waypost_media::{PictureFacts, Reading};

/// Share of characters of English pictures that may be wrong.
const ENGLISH_WRONG_MAX: f64 = 0.05;
/// Share of cells that may be wrong, in any kind of document.
const CELLS_WRONG_MAX: f64 = 0.0;
/// Precision and recall of duplicates.
const DUPLICATES_MIN: f64 = 0.95;

type Outcome<T> = Result<T, Box<dyn Error>>;

#[derive(Deserialize)]
struct Expected {
    ocr: Vec<Text>,
    pdf_text: Vec<Text>,
    tables: Vec<Tables>,
    pictures: Vec<Picture>,
}

#[derive(Deserialize)]
struct Text {
    file: PathBuf,
    set: String,
    text: String,
}

#[derive(Deserialize)]
struct Tables {
    file: PathBuf,
    kind: String,
    tables: Vec<Vec<Vec<String>>>,
}

#[derive(Deserialize)]
struct Picture {
    file: PathBuf,
    of: String,
    variant: String,
}

/// Errors and what they are counted over.
#[derive(Default)]
struct Rate {
    files: usize,
    wrong: usize,
    all: usize,
    worst: f64,
}

impl Rate {
    fn add(&mut self, wrong: usize, all: usize) {
        self.files += 1;
        self.wrong += wrong;
        self.all += all;
        self.worst = self.worst.max(share(wrong, all));
    }
}

#[allow(clippy::cast_precision_loss, reason = "counts of characters and cells")]
fn share(part: usize, all: usize) -> f64 {
    part as f64 / all.max(1) as f64
}

struct Bench {
    folder: PathBuf,
    workers: Workers,
    plain: Workers,
    verbose: bool,
}

impl Bench {
    fn new(folder: PathBuf, verbose: bool) -> Outcome<Self> {
        let here = std::env::current_exe()?;
        let beside = here
            .parent()
            .and_then(Path::parent)
            .ok_or("this program lies nowhere")?;
        let program = beside.join("waypost-media-worker");
        if !program.exists() {
            return Err(format!(
                "{} is missing: cargo build -p waypost-media",
                program.display()
            )
            .into());
        }
        let config = WorkersConfig::new(program);
        let plain = WorkersConfig {
            ocr: None,
            ..config.clone()
        };
        Ok(Self {
            folder,
            workers: Workers::new(config),
            plain: Workers::new(plain),
            verbose,
        })
    }

    /// What is read in files, in their order, as many at a time as there are cores.
    async fn read_all<'f>(
        &self,
        workers: &Workers,
        files: impl Iterator<Item = &'f PathBuf>,
    ) -> Outcome<Vec<Reading>> {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        stream::iter(files.map(|file| self.read(workers, file)))
            .buffered(cores)
            .try_collect()
            .await
    }

    async fn read(&self, workers: &Workers, file: &Path) -> Outcome<Reading> {
        let bytes = tokio::fs::read(self.folder.join(file)).await?;
        let name = file.to_string_lossy();
        let read = workers.read(bytes.into(), Some(&name)).await;
        Ok(read.map_err(|error| format!("{name}: {error}"))?.0.reading)
    }

    async fn texts(&self, texts: &[Text]) -> Outcome<BTreeMap<String, Rate>> {
        let mut rates: BTreeMap<String, Rate> = BTreeMap::new();
        let files = texts.iter().map(|text| &text.file);
        let readings = self.read_all(&self.workers, files).await?;
        for (text, reading) in texts.iter().zip(readings) {
            let (got, want) = (words(&reading.text), words(&text.text));
            let wrong = distance(&got, &want);
            if self.verbose {
                println!(
                    "{} {wrong}/{}\n  want {}\n  got  {}",
                    text.file.display(),
                    want.len(),
                    show(&want),
                    show(&got)
                );
            }
            rates
                .entry(text.set.clone())
                .or_default()
                .add(wrong, want.len());
        }
        Ok(rates)
    }

    async fn tables(&self, all: &[Tables]) -> Outcome<BTreeMap<String, Rate>> {
        let mut rates: BTreeMap<String, Rate> = BTreeMap::new();
        let files = all.iter().map(|wanted| &wanted.file);
        let readings = self.read_all(&self.plain, files).await?;
        for (wanted, reading) in all.iter().zip(readings) {
            let got: Vec<_> = reading.tables.into_iter().map(|table| table.rows).collect();
            let (wrong, cells) = wrong_cells(&got, &wanted.tables);
            if self.verbose && wrong > 0 {
                println!(
                    "{} {wrong}/{cells}\n  want {:?}\n  got  {got:?}",
                    wanted.file.display(),
                    wanted.tables
                );
            }
            rates
                .entry(wanted.kind.clone())
                .or_default()
                .add(wrong, cells);
        }
        Ok(rates)
    }

    async fn pictures(&self, all: &[Picture]) -> Outcome<Duplicates> {
        let mut looks = Vec::new();
        let files = all.iter().map(|picture| &picture.file);
        let readings = self.read_all(&self.plain, files).await?;
        for (picture, reading) in all.iter().zip(readings) {
            let PictureFacts { look, .. } = reading.picture.ok_or("a picture without facts")?;
            looks.push((
                picture,
                Look::from_hex(&look)
                    .ok_or("a look that is none")?
                    .prepare(),
            ));
        }
        let mut found = Duplicates::default();
        for (base, look) in looks.iter().filter(|(p, _)| p.variant.is_empty()) {
            for (other, other_look) in looks.iter().filter(|(p, _)| p.file != base.file) {
                let likeness = look.likeness(other_look);
                let (same, told) = (other.of == base.of, likeness >= SAME_MIN);
                found.count(same, told, &other.variant);
                if self.verbose && same != told {
                    println!(
                        "{} {} {likeness:.3}",
                        base.file.display(),
                        other.file.display()
                    );
                }
            }
        }
        Ok(found)
    }
}

#[derive(Default)]
struct Duplicates {
    pairs: usize,
    hit: usize,
    missed: usize,
    wrong: usize,
    by_variant: BTreeMap<String, (usize, usize)>,
}

impl Duplicates {
    fn count(&mut self, same: bool, told: bool, variant: &str) {
        self.pairs += 1;
        if same {
            let (hit, all) = self.by_variant.entry(variant.to_owned()).or_default();
            *all += 1;
            *hit += usize::from(told);
        }
        match (same, told) {
            (true, true) => self.hit += 1,
            (true, false) => self.missed += 1,
            (false, true) => self.wrong += 1,
            (false, false) => {}
        }
    }
}

/// Characters with single spaces between words: how lines are broken does not count.
fn words(text: &str) -> Vec<char> {
    text.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .collect()
}

fn show(text: &[char]) -> String {
    text.iter().collect()
}

/// Characters to change, add or leave out (Levenshtein).
fn distance(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let next = (corner + usize::from(x != y))
                .min(row[j] + 1)
                .min(row[j + 1] + 1);
            corner = row[j + 1];
            row[j + 1] = next;
        }
    }
    row[b.len()]
}

/// Cells that are not exactly as wanted, a missing or additional cell counting as one; and all wanted.
fn wrong_cells(got: &[Vec<Vec<String>>], want: &[Vec<Vec<String>>]) -> (usize, usize) {
    let all = want.iter().flatten().map(Vec::len).sum();
    let (mut wrong, none) = (0, Vec::new());
    for t in 0..got.len().max(want.len()) {
        let (g, w) = (got.get(t).unwrap_or(&none), want.get(t).unwrap_or(&none));
        for r in 0..g.len().max(w.len()) {
            let (g, w) = (g.get(r), w.get(r));
            let (g, w) = (
                g.map_or(&[][..], Vec::as_slice),
                w.map_or(&[][..], Vec::as_slice),
            );
            wrong += (0..g.len().max(w.len()))
                .filter(|c| g.get(*c) != w.get(*c))
                .count();
        }
    }
    (wrong, all)
}

/// What was missed.
#[derive(Default)]
struct Judge(Vec<String>);

impl Judge {
    fn most(&mut self, rates: &BTreeMap<String, Rate>, of: &str, most: f64) {
        for (set, rate) in rates.iter().filter(|(set, _)| set.contains(of)) {
            let wrong = share(rate.wrong, rate.all);
            if wrong > most {
                self.0
                    .push(format!("{set}: {wrong:.4} wrong, {most} allowed"));
            }
        }
    }

    fn least(&mut self, what: &str, found: f64) {
        if found < DUPLICATES_MIN {
            self.0.push(format!(
                "{what} of duplicates: {found:.4}, {DUPLICATES_MIN} wanted"
            ));
        }
    }
}

fn print(title: &str, rates: &BTreeMap<String, Rate>, unit: &str) {
    println!("\n{title}");
    for (set, rate) in rates {
        let files = rate.files;
        println!(
            "| {set} | {files} | {} | {} | {:.4} | {:.4} |",
            rate.all,
            rate.wrong,
            share(rate.wrong, rate.all),
            rate.worst
        );
    }
    println!("(files, {unit}, wrong, share wrong, worst file)");
}

#[tokio::main]
async fn main() -> Outcome<()> {
    let mut arguments = std::env::args_os().skip(1);
    let folder = PathBuf::from(
        arguments
            .next()
            .ok_or("name the folder that make.py wrote")?,
    );
    let only: Vec<String> = arguments
        .map(|a| a.to_string_lossy().into_owned())
        .collect();
    let wants =
        |part: &str| only.iter().all(|a| a.starts_with("--")) || only.iter().any(|a| a == part);
    let expected: Expected = serde_json::from_slice(&std::fs::read(folder.join("expected.json"))?)?;
    let bench = Bench::new(folder, only.iter().any(|a| a == "--verbose"))?;
    let mut judge = Judge::default();
    if wants("ocr") {
        let rates = bench.texts(&expected.ocr).await?;
        print("Text in pictures", &rates, "characters");
        judge.most(&rates, "english", ENGLISH_WRONG_MAX);
    }
    if wants("pdf") {
        print(
            "Text of PDF",
            &bench.texts(&expected.pdf_text).await?,
            "characters",
        );
    }
    if wants("tables") {
        let rates = bench.tables(&expected.tables).await?;
        print("Cells of tables", &rates, "cells");
        judge.most(&rates, "", CELLS_WRONG_MAX);
    }
    if wants("pictures") {
        let Duplicates {
            pairs,
            hit,
            missed,
            wrong,
            by_variant,
        } = bench.pictures(&expected.pictures).await?;
        println!(
            "\nDuplicates: {pairs} pairs, {} of them the same",
            hit + missed
        );
        let (precision, recall) = (share(hit, hit + wrong), share(hit, hit + missed));
        println!("precision {precision:.4}, recall {recall:.4}");
        judge.least("precision", precision);
        judge.least("recall", recall);
        for (variant, (hit, all)) in by_variant {
            println!("| {variant} | {hit} of {all} |");
        }
    }
    if only.iter().any(|a| a == "--judge") && !judge.0.is_empty() {
        return Err(judge.0.join("; ").into());
    }
    Ok(())
}
