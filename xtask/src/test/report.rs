//! What was run and how long it took.

use super::rust;
use crate::place::Place;
use std::time::{Duration, Instant};

/// The steps so far.
#[derive(Debug)]
pub(super) struct Report {
    begun: Begun,
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    name: &'static str,
    took: Duration,
    passed: bool,
}

/// When something began.
#[derive(Debug, Clone, Copy)]
pub(super) struct Begun(Instant);

impl Begun {
    pub(super) fn now() -> Self {
        #[expect(clippy::disallowed_methods, reason = "times the steps for the table")]
        Self(Instant::now())
    }
}

impl Report {
    /// Of a run that begins now.
    pub(super) fn begin() -> Self {
        Self {
            begun: Begun::now(),
            rows: Vec::new(),
        }
    }

    /// Notes how a step went that ends now.
    pub(super) fn add(&mut self, name: &'static str, begun: Begun, passed: bool) {
        let took = begun.0.elapsed();
        self.rows.push(Row { name, took, passed });
    }

    /// Prints the table, with the count of the Rust tests if they were among the steps.
    pub(super) fn print(&self, place: &Place, planned: usize) {
        println!("\n{}", self.table(planned, self.begun.0.elapsed()));
        if self.rows.iter().any(|row| row.name == "rust")
            && let Some(counts) = rust::counts(place)
        {
            println!("{counts}");
        }
    }

    fn table(&self, planned: usize, total: Duration) -> String {
        let mut text = format!("{:<12} {:>9}  result\n", "step", "time");
        for row in &self.rows {
            let result = if row.passed { "passed" } else { "FAILED" };
            text += &format!("{:<12} {:>9}  {result}\n", row.name, shown(row.took));
        }
        let passed = self.rows.iter().filter(|row| row.passed).count();
        let failed = self.rows.len() - passed;
        text += &format!(
            "{:<12} {:>9}  {passed} steps passed, {failed} failed",
            "all",
            shown(total)
        );
        let left = planned.saturating_sub(self.rows.len());
        if left > 0 {
            text += &format!(", {left} not reached");
        }
        text
    }
}

fn shown(took: Duration) -> String {
    let seconds = took.as_secs();
    if seconds < 60 {
        format!("{:.1} s", took.as_secs_f64())
    } else {
        format!("{} m {:02} s", seconds / 60, seconds % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_tells_what_failed_and_what_was_not_reached() {
        let mut report = Report::begin();
        report.add("fmt", Begun::now(), true);
        report.add("tidy", Begun::now(), false);
        let table = report.table(5, Duration::from_secs(75));
        assert!(table.contains("1 m 15 s"), "{table}");
        assert!(
            table.contains("tidy") && table.contains("FAILED"),
            "{table}"
        );
        assert!(
            table.ends_with("1 steps passed, 1 failed, 3 not reached"),
            "{table}"
        );
    }

    #[test]
    fn long_steps_are_shown_in_minutes() {
        assert_eq!(shown(Duration::from_millis(1_240)), "1.2 s");
        assert_eq!(shown(Duration::from_secs(605)), "10 m 05 s");
    }
}
