//! The judge.

use super::{Answer, done};
use crate::Network;
use axum::Json;
use axum::extract::{Query, State};
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize)]
pub(super) struct Which {
    account: Option<String>,
}

pub(super) async fn counts(State(network): State<Network>, Query(which): Query<Which>) -> Answer {
    let counts = network.with_ledger(|ledger| match &which.account {
        Some(account) => ledger.counts(account),
        None => ledger.totals(),
    });
    Ok(Json(json!(counts)))
}

pub(super) async fn clear(State(network): State<Network>) -> Answer {
    network.clear_ledger();
    done()
}

#[derive(Deserialize)]
pub(super) struct Mark {
    /// What stands before a token in a text; the token ends at the next white space.
    #[serde(default = "hash")]
    mark: String,
}

fn hash() -> String {
    "#".into()
}

/// The token that a text carries: what stands after the mark.
fn token(text: &str, mark: &str) -> Option<String> {
    let (_, rest) = text.split_once(mark)?;
    let token = rest.split_whitespace().next()?;
    Some(token.to_owned())
}

/// Judges a run in which every message that carries a token deserved exactly one answer that
/// carries the same token.
pub(super) async fn judgement(State(network): State<Network>, Query(mark): Query<Mark>) -> Answer {
    let judged = network.with_ledger(|ledger| ledger.judge_answers(|text| token(text, &mark.mark)));
    let ms = |percent: f64| {
        judged
            .latency_percentile(percent)
            .map(|d| d.as_secs_f64() * 1_000.0)
    };
    Ok(Json(json!({
        "clean": judged.is_clean(),
        "expected": judged.expected,
        "answered": judged.answered,
        "lost": judged.lost,
        "duplicated": judged.duplicated,
        "reordered": judged.reordered,
        "unexpected": judged.unexpected,
        "resent_raw": judged.resent_raw,
        "unacked": judged.unacked,
        "truncated": judged.truncated,
        "latency_ms": {"p50": ms(50.0), "p99": ms(99.0)},
    })))
}

#[cfg(test)]
mod tests {
    use super::token;

    #[test]
    fn a_token_is_what_follows_the_mark() {
        assert_eq!(token("echo: hello #17 there", "#").as_deref(), Some("17"));
        assert_eq!(token("hello", "#"), None);
        assert_eq!(token("hello #", "#"), None);
    }
}
