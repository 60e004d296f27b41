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
use crate::service::Service;
use anyhow::{Result, bail};
use report::{Begun, Report};
pub(crate) use rust::{build_as_tested, build_sim_program, build_sim_program_as_tested};
pub(crate) use stage::Stage;
use std::process::ExitCode;
use steps::{STEPS, Step, Work};
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
    let mut report = Report::begin();
    let mut beside = None;
    let in_turn = steps
        .iter()
        .try_for_each(|step| run_step(place, step, filters, &mut report, &mut beside));
    // Also after a failure: what it started must not be left behind.
    let done = in_turn.and(join(beside, &mut report));
    report.print(place, steps.len());
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failed { step, why }) => {
            eprintln!("xtask: {step} failed: {why:#}");
            ExitCode::FAILURE
        }
    }
}

/// A step that goes on beside the others.
struct Beside {
    step: &'static str,
    begun: Begun,
    service: Service,
}

/// Which step failed, and why.
struct Failed {
    step: &'static str,
    why: anyhow::Error,
}

fn run_step(
    place: &Place,
    step: &Step,
    filters: &[String],
    report: &mut Report,
    beside: &mut Option<Beside>,
) -> Result<(), Failed> {
    if !matches!(step.work, Work::InTurn(_)) {
        join(beside.take(), report)?;
    }
    println!("\n== {}: {}", step.name, step.what);
    let begun = Begun::now();
    let result = match step.work {
        Work::InTurn(run) => run(place, filters),
        Work::Alone(run) => run(place),
        Work::Beside(begin) => match begin(place) {
            Err(why) => Err(why),
            Ok(service) => {
                println!("It goes on beside the next steps.");
                let step = step.name;
                *beside = Some(Beside {
                    step,
                    begun,
                    service,
                });
                return Ok(());
            }
        },
    };
    note(report, step.name, begun, result)
}

/// Waits for the step that goes on beside the others.
fn join(beside: Option<Beside>, report: &mut Report) -> Result<(), Failed> {
    let Some(Beside {
        step,
        begun,
        service,
    }) = beside
    else {
        return Ok(());
    };
    println!("\n== {step}: what it said");
    note(report, step, begun, service.finish())
}

fn note(
    report: &mut Report,
    step: &'static str,
    begun: Begun,
    result: Result<()>,
) -> Result<(), Failed> {
    report.add(step, begun, result.is_ok());
    result.map_err(|why| Failed { step, why })
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
