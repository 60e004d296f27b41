//! Misbehaviour.

use super::{Answer, done};
use crate::{FaultPlan, MediaFaults, Network, StreamError};
use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize)]
pub(super) struct Wanted {
    /// Only for this account; for all without a plan of their own when absent.
    account: Option<String>,
    #[serde(flatten)]
    what: What,
}

/// A plan in full, or the one that a seed stands for.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum What {
    Plan(Box<FaultPlan>),
    Seed(u64),
}

pub(super) async fn set(State(network): State<Network>, Json(wanted): Json<Wanted>) -> Answer {
    let plan = match wanted.what {
        What::Plan(plan) => *plan,
        What::Seed(seed) => FaultPlan::seeded(seed),
    };
    let answer = json!({"plan": plan});
    match wanted.account {
        Some(account) => network.set_faults(&account, plan),
        None => network.set_faults_for_all(plan),
    }
    Ok(Json(answer))
}

pub(super) async fn clear(State(network): State<Network>) -> Answer {
    network.clear_faults();
    done()
}

pub(super) async fn set_media(
    State(network): State<Network>,
    Json(faults): Json<MediaFaults>,
) -> Answer {
    network.set_media_faults(faults);
    done()
}

pub(super) async fn kick(State(network): State<Network>, Path(number): Path<String>) -> Answer {
    network.phone(&number)?.kick();
    done()
}

pub(super) async fn stream_error(
    State(network): State<Network>,
    Path(number): Path<String>,
    Json(error): Json<StreamError>,
) -> Answer {
    network.phone(&number)?.stream_error(error).await;
    done()
}
