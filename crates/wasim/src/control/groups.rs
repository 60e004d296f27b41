//! Groups.

use super::{Answer, done};
use crate::group::Group;
use crate::{Network, Outgoing};
use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::{Value, json};

fn shown(group: &Group) -> Value {
    json!({
        "id": group.id(), "address": group.address(), "subject": group.subject(),
        "members": group.members(),
    })
}

pub(super) async fn list(State(network): State<Network>) -> Answer {
    Ok(Json(json!({"groups": network.groups()})))
}

#[derive(Deserialize)]
pub(super) struct NewGroup {
    subject: String,
    creator: String,
    members: Vec<String>,
}

pub(super) async fn create(State(network): State<Network>, Json(new): Json<NewGroup>) -> Answer {
    let members: Vec<&str> = new.members.iter().map(String::as_str).collect();
    let group = network.add_group(&new.subject, &new.creator, &members)?;
    Ok(Json(shown(&group)))
}

pub(super) async fn get(State(network): State<Network>, Path(id): Path<String>) -> Answer {
    Ok(Json(shown(&network.group(&id)?)))
}

#[derive(Deserialize)]
pub(super) struct Said {
    from: String,
    content: Outgoing,
}

pub(super) async fn send(
    State(network): State<Network>,
    Path(id): Path<String>,
    Json(said): Json<Said>,
) -> Answer {
    let id = network.group(&id)?.send(&said.from, said.content).await?;
    Ok(Json(json!({"id": id})))
}

/// A change that a member makes.
#[derive(Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub(super) enum Change {
    Add { by: String, numbers: Vec<String> },
    Remove { by: String, numbers: Vec<String> },
    Promote { by: String, numbers: Vec<String> },
    Subject { by: String, subject: String },
}

pub(super) async fn change(
    State(network): State<Network>,
    Path(id): Path<String>,
    Json(change): Json<Change>,
) -> Answer {
    let group = network.group(&id)?;
    match &change {
        Change::Add { by, numbers } => group.add(by, &strs(numbers))?,
        Change::Remove { by, numbers } => group.remove(by, &strs(numbers))?,
        Change::Promote { by, numbers } => group.promote(by, &strs(numbers))?,
        Change::Subject { by, subject } => group.set_subject(by, subject)?,
    }
    done()
}

fn strs(numbers: &[String]) -> Vec<&str> {
    numbers.iter().map(String::as_str).collect()
}
