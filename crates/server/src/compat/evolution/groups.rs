//! Groups: which there are, and who is in them.

use super::super::inside::Refused;
use super::{Answer, Front};
use crate::api::AppState;
use axum::extract::{Path, Query};
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

/// Most groups that one call lists.
const GROUPS_MAX: usize = 1_000;

pub(super) fn routes() -> Router<AppState> {
    Router::new()
        .route("/group/fetchAllGroups/{instance}", get(all))
        .route("/group/findGroupInfos/{instance}", get(one))
        .route("/group/participants/{instance}", get(participants))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Which {
    group_jid: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct How {
    get_participants: Option<String>,
}

fn members(group: &Value) -> Value {
    let members = group["members"].as_array().into_iter().flatten();
    let shown = members.map(|member| {
        let role = match member["role"].as_str() {
            Some("admin") => json!("admin"),
            Some("owner") => json!("superadmin"),
            _ => Value::Null,
        };
        let address = member["address"].as_str().unwrap_or_default();
        json!({"id": super::shape::jid(address), "admin": role})
    });
    shown.collect()
}

fn shown(group: &Value) -> Value {
    json!({
        "id": group["address"], "subject": group["subject"], "desc": group["description"],
        "size": group["member_count"], "pictureUrl": null,
    })
}

async fn group(front: &Front, name: &str, jid: &str) -> Result<Value, Refused> {
    let account = front.instance(name).await?;
    let id = account["id"].as_str().unwrap_or_default();
    front.call.get(&format!("/groups/{id}:{jid}")).await
}

async fn all(front: Front, Path(name): Path<String>, Query(how): Query<How>) -> Answer {
    let with_members = match how.get_participants.as_deref() {
        Some("true") => true,
        Some("false") => false,
        _ => {
            return Err(Refused::invalid(
                "getParticipants is missing; say true or false",
            ));
        }
    };
    let account = front.instance(&name).await?;
    let id = account["id"].as_str().unwrap_or_default();
    let path = format!("/groups?account={id}");
    let mut listed = Vec::new();
    for one in front.call.all(&path, GROUPS_MAX).await? {
        let mut described = shown(&one);
        if with_members {
            let path = format!("/groups/{}", one["id"].as_str().unwrap_or_default());
            described["participants"] = members(&front.call.get(&path).await?);
        }
        listed.push(described);
    }
    Ok(Json(Value::Array(listed)))
}

async fn one(front: Front, Path(name): Path<String>, Query(which): Query<Which>) -> Answer {
    let group = group(&front, &name, &which.group_jid).await?;
    let mut described = shown(&group);
    described["participants"] = members(&group);
    Ok(Json(described))
}

async fn participants(
    front: Front,
    Path(name): Path<String>,
    Query(which): Query<Which>,
) -> Answer {
    let group = group(&front, &name, &which.group_jid).await?;
    Ok(Json(json!({"participants": members(&group)})))
}
