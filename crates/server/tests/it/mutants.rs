//! The judge is judged: a program that loses, doubles or swaps messages is found out.

use crate::stage::{LIMIT, Plan, Stage, until};
use std::time::Duration;
use wasim::{Judgement, Outgoing};

const OWNER: &str = "971500000001";
const ANA: &str = "971500000002";
/// More than enough for every fourth of them to suffer.
const QUESTIONS: usize = 12;
/// Between two questions; long enough that each is answered before the next.
const PAUSE: Duration = Duration::from_millis(150);

/// Lets a program with this fault answer Ana's questions, and judges it.
async fn judged(mutant: &'static str, shown: usize) -> Judgement {
    let stage = Stage::with(Plan {
        mutant: Some(mutant),
        ..Plan::default()
    })
    .await;
    let linked = stage.link(OWNER).await;
    stage.rule_echo().await;
    let ana = stage.contact(ANA);
    for n in 0..QUESTIONS {
        ana.send(OWNER, Outgoing::text(format!("#{n}")))
            .await
            .unwrap();
        tokio::time::sleep(PAUSE).await;
    }
    until("every answer that comes", async || {
        let seen = stage.apps_show(OWNER);
        if seen.len() == shown {
            Ok(())
        } else {
            Err(seen)
        }
    })
    .await;
    let judge = || {
        stage
            .net
            .with_ledger(|l| l.judge_answers(|text| text.split_once('#').map(|t| t.1.to_owned())))
    };
    until("every question acknowledged", async || {
        let judged = judge();
        if judged.unacked.is_empty() {
            Ok(())
        } else {
            Err(judged)
        }
    })
    .await;
    stage.settled(&linked.id).await;
    assert!(LIMIT > PAUSE * QUESTIONS as u32, "the story fits its limit");
    judge()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_loses_messages_is_found_out() {
    let judged = judged("lose", QUESTIONS - QUESTIONS / 4).await;
    assert_eq!(judged.lost.len(), QUESTIONS / 4, "{judged:?}");
    assert!(judged.duplicated.is_empty() && judged.reordered.is_empty());
    assert!(!judged.is_clean());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_answers_twice_is_found_out() {
    let judged = judged("double", QUESTIONS + QUESTIONS / 4).await;
    assert_eq!(judged.duplicated.len(), QUESTIONS / 4, "{judged:?}");
    assert!(judged.lost.is_empty() && judged.reordered.is_empty());
    assert!(!judged.is_clean());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_swaps_answers_is_found_out() {
    let judged = judged("swap", QUESTIONS).await;
    assert!(!judged.reordered.is_empty(), "{judged:?}");
    assert!(judged.lost.is_empty() && judged.duplicated.is_empty());
    assert!(!judged.is_clean());
}
