//! Misbehaviour.

use super::{Answer, done};
use crate::{FaultPlan, MediaFaults, Network};
use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;

#[derive(Deserialize)]
pub(super) struct Wanted {
    /// Only for this account; for all without a plan of their own when absent.
    account: Option<String>,
    plan: FaultPlan,
}

pub(super) async fn set(State(network): State<Network>, Json(wanted): Json<Wanted>) -> Answer {
    match wanted.account {
        Some(account) => network.set_faults(&account, wanted.plan),
        None => network.set_faults_for_all(wanted.plan),
    }
    done()
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

#[derive(Deserialize)]
pub(super) struct StreamError {
    code: u16,
}

pub(super) async fn stream_error(
    State(network): State<Network>,
    Path(number): Path<String>,
    Json(error): Json<StreamError>,
) -> Answer {
    network.phone(&number)?.stream_error(error.code).await;
    done()
}
