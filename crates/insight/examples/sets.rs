//! How right intents are on a public set, as `waypost eval --train` says it, without the rest of the program.
//!
//! `cargo run --release -p waypost-insight --example sets -- data_full.json oos`, or with the examples, the label
//! for what is out of scope (`-` for none), and a test part in a file of its own.
#![allow(clippy::print_stdout, clippy::disallowed_methods)]

use std::error::Error;
use std::time::Instant;
use waypost_insight::eval::datasets::Dataset;
use waypost_insight::eval::training::train_and_judge;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let path = args.next().ok_or("name a file of examples")?;
    let outside = args.next().unwrap_or_else(|| "-".to_owned());
    let mut set = Dataset::read(&std::fs::read_to_string(path)?)?;
    if let Some(test) = args.next() {
        let read = Dataset::read(&std::fs::read_to_string(test)?)?;
        set.test = if read.test.is_empty() {
            read.train
        } else {
            read.test
        };
    }
    let started = Instant::now();
    let mut microseconds = || u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    let report = train_and_judge(&set.with_test(), &outside, &mut microseconds)?;
    println!("{}", serde_json::to_string(&report)?);
    Ok(())
}
