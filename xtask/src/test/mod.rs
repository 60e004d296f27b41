//! `cargo xtask test`: every check and test, in order, stopping at the first failure.

mod api_fuzz;
mod report;
mod rust;
mod scratch;
mod stage;
mod steps;
mod web;

use crate::cli::TestArgs;
use crate::parts::{self, Part};
use crate::place::Place;
use anyhow::{Result, bail};
use report::Report;
pub(crate) use rust::{build_as_tested, build_sim_program, build_sim_program_as_tested};
pub(crate) use stage::Stage;
use std::process::ExitCode;
use steps::{STEPS, Step};
pub(crate) use web::build_if_needed as build_dashboard_if_needed;

/// The exit code that says: something is missing on this machine, nothing was run.
const MISSING: u8 = 2;

/// Runs the steps.
///
/// # Errors
/// When a step's name is unknown or something could not be installed. A failing step is not an
/// error of this kind: it is in the table, and in the exit code.
pub(crate) fn run(place: &Place, args: &TestArgs) -> Result<ExitCode> {
    if args.list {
        for step in STEPS {
            println!("{:<12} {}", step.name, step.what);
        }
        return Ok(ExitCode::SUCCESS);
    }
    let steps = chosen(args)?;
    let needed: Vec<Part> = steps.iter().flat_map(|step| step.needs).copied().collect();
    let missing = parts::missing(place, &needed);
    if !missing.is_empty() && !args.install {
        println!("Missing here:\n{}\n", parts::describe(&missing));
        println!("Install all of it with `cargo xtask test --install`.");
        return Ok(ExitCode::from(MISSING));
    }
    parts::install(place, &missing)?;
    Ok(run_steps(place, &steps, &args.filters))
}

fn chosen(args: &TestArgs) -> Result<Vec<&'static Step>> {
    for name in &args.steps {
        if !STEPS.iter().any(|step| step.name == name) {
            let known: Vec<&str> = STEPS.iter().map(|step| step.name).collect();
            bail!("there is no step `{name}`; there are: {}", known.join(", "));
        }
    }
    if !args.filters.is_empty() && args.steps.is_empty() {
        return Ok(STEPS.iter().filter(|step| step.name == "rust").collect());
    }
    let wanted = |step: &&Step| args.steps.is_empty() || args.steps.iter().any(|n| n == step.name);
    Ok(STEPS.iter().filter(wanted).collect())
}

fn run_steps(place: &Place, steps: &[&Step], filters: &[String]) -> ExitCode {
    let mut report = Report::default();
    for step in steps {
        println!("\n== {}: {}", step.name, step.what);
        let result = report.time(step.name, || (step.run)(place, filters));
        if let Err(e) = result {
            report.print(place, steps.len());
            eprintln!("xtask: {} failed: {e:#}", step.name);
            return ExitCode::FAILURE;
        }
    }
    report.print(place, steps.len());
    ExitCode::SUCCESS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(args: &TestArgs) -> Result<Vec<&'static str>> {
        Ok(chosen(args)?.into_iter().map(|step| step.name).collect())
    }

    #[test]
    fn without_names_everything_runs_and_with_names_only_those_in_the_usual_order() -> Result<()> {
        assert_eq!(names(&TestArgs::default())?.len(), STEPS.len());
        let some = TestArgs {
            steps: vec!["tidy".into(), "fmt".into()],
            ..Default::default()
        };
        assert_eq!(names(&some)?, ["fmt", "tidy"]);
        Ok(())
    }

    #[test]
    fn a_filter_alone_runs_the_rust_tests() -> Result<()> {
        let args = TestArgs {
            filters: vec!["crash".into()],
            ..Default::default()
        };
        assert_eq!(names(&args)?, ["rust"]);
        Ok(())
    }

    #[test]
    fn an_unknown_step_is_told_with_those_there_are() {
        let args = TestArgs {
            steps: vec!["tiddy".into()],
            ..Default::default()
        };
        let said = names(&args).map_err(|e| e.to_string());
        assert!(matches!(said, Err(text) if text.contains("tiddy") && text.contains("tidy")));
    }
}
