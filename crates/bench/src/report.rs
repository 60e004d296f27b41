//! What a benchmark found, as a table and as JSON.

use crate::machine::Machine;
use anyhow::{Context as _, Result};
use serde::Serialize;
use std::path::Path;
use std::time::Duration;

/// What a figure should be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Aim {
    /// This or more.
    AtLeast(f64),
    /// This or less.
    AtMost(f64),
}

impl Aim {
    fn reached(self, value: f64) -> bool {
        match self {
            Self::AtLeast(least) => value >= least,
            Self::AtMost(most) => value <= most,
        }
    }
}

/// One figure.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Figure {
    what: String,
    value: f64,
    unit: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    aim: Option<Aim>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reached: Option<bool>,
}

/// One benchmark's result.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    name: &'static str,
    title: &'static str,
    quick: bool,
    /// How it was measured, a sentence or two each.
    how: Vec<String>,
    figures: Vec<Figure>,
    machine: Machine,
    pub(crate) took_s: f64,
}

impl Report {
    pub(crate) fn new(name: &'static str, title: &'static str, size: crate::Size) -> Self {
        Self {
            name,
            title,
            quick: size == crate::Size::Quick,
            how: Vec::new(),
            figures: Vec::new(),
            machine: Machine::this(),
            took_s: 0.0,
        }
    }

    /// Says how something was measured.
    pub(crate) fn explain(&mut self, how: impl Into<String>) {
        self.how.push(how.into());
    }

    pub(crate) fn figure(&mut self, what: impl Into<String>, value: f64, unit: &'static str) {
        self.push(what.into(), value, unit, None);
    }

    /// A figure for which there is an aim.
    pub(crate) fn aimed(
        &mut self,
        what: impl Into<String>,
        value: f64,
        unit: &'static str,
        aim: Aim,
    ) {
        self.push(what.into(), value, unit, Some(aim));
    }

    fn push(&mut self, what: String, value: f64, unit: &'static str, aim: Option<Aim>) {
        println!("  {what}: {} {unit}", shown(value));
        self.figures.push(Figure {
            what,
            value,
            unit,
            aim,
            reached: aim.map(|aim| aim.reached(value)),
        });
    }

    /// Prints the table.
    pub(crate) fn print(&self) {
        let longest = self.figures.iter().map(|f| f.what.chars().count()).max();
        let width = longest.unwrap_or_default();
        println!("\n{} ({:.0} s)", self.title, self.took_s);
        for figure in &self.figures {
            let aim = match (figure.aim, figure.reached) {
                (Some(Aim::AtLeast(n)), Some(reached)) => format!("  aim >= {n}{}", mark(reached)),
                (Some(Aim::AtMost(n)), Some(reached)) => format!("  aim <= {n}{}", mark(reached)),
                _ => String::new(),
            };
            let value = shown(figure.value);
            println!(
                "  {:<width$}  {value:>10} {}{aim}",
                figure.what, figure.unit
            );
        }
    }

    /// Writes `<name>.json` into a folder.
    pub(crate) fn write(&self, folder: &Path) -> Result<()> {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("{} cannot be made", folder.display()))?;
        let path = folder.join(format!("{}.json", self.name));
        std::fs::write(&path, serde_json::to_string_pretty(self)?)
            .with_context(|| format!("{} cannot be written", path.display()))
    }
}

fn mark(reached: bool) -> &'static str {
    if reached { "" } else { "  MISSED" }
}

/// Three digits that count.
fn shown(value: f64) -> String {
    match value.abs() {
        a if a >= 100.0 => format!("{value:.0}"),
        a if a >= 10.0 => format!("{value:.1}"),
        a if a >= 1.0 || value == 0.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

/// The duration below which `percent` of them stayed, in milliseconds; zero without any.
pub(crate) fn percentile_ms(durations: &[Duration], percent: f64) -> f64 {
    let mut sorted = durations.to_vec();
    sorted.sort_unstable();
    let last = sorted.len().saturating_sub(1) as f64;
    let rank = (last * percent / 100.0).round() as usize;
    sorted.get(rank).map_or(0.0, |d| d.as_secs_f64() * 1_000.0)
}

/// The one in the middle.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_taken_from_the_sorted_list() {
        let all: Vec<Duration> = (1..=101).rev().map(Duration::from_millis).collect();
        assert_eq!(percentile_ms(&all, 50.0), 51.0);
        assert_eq!(percentile_ms(&all, 99.0), 100.0);
        assert_eq!(percentile_ms(&[], 50.0), 0.0);
    }

    #[test]
    fn the_median_does_not_mind_one_bad_run() {
        assert_eq!(median(&[10.0, 900.0, 11.0]), 11.0);
    }

    #[test]
    fn an_aim_can_be_missed() {
        assert!(Aim::AtLeast(0.5).reached(0.5));
        assert!(!Aim::AtLeast(0.5).reached(0.49));
        assert!(!Aim::AtMost(1.0).reached(1.01));
    }
}
