//! Phones and contacts.

use super::{Answer, done};
use crate::contact::{PresenceState, TypingState};
use crate::{
    Burst, ContactSpec, HistorySharing, LinkPolicy, Network, Outgoing, PastMessage, PhoneSpec,
    PlaceholderHelp, Script, SendHow,
};
use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::json;
use std::time::Duration;

pub(super) async fn phones(State(network): State<Network>) -> Answer {
    Ok(Json(json!({"phones": network.accounts()})))
}

pub(super) async fn add_phone(
    State(network): State<Network>,
    Json(spec): Json<PhoneSpec>,
) -> Answer {
    let phone = network.add_phone(spec)?;
    Ok(Json(json!({"number": phone.number(), "lid": phone.lid()})))
}

pub(super) async fn devices(State(network): State<Network>, Path(number): Path<String>) -> Answer {
    Ok(Json(
        json!({"devices": network.phone(&number)?.linked_devices()}),
    ))
}

pub(super) async fn unlink(
    State(network): State<Network>,
    Path((number, device)): Path<(String, u16)>,
) -> Answer {
    network.phone(&number)?.unlink(device).await?;
    done()
}

#[derive(Deserialize)]
pub(super) struct Scan {
    qr: String,
    #[serde(default)]
    after_ms: u64,
}

pub(super) async fn scan(
    State(network): State<Network>,
    Path(number): Path<String>,
    Json(scan): Json<Scan>,
) -> Answer {
    tokio::time::sleep(Duration::from_millis(scan.after_ms)).await;
    let device = network.phone(&number)?.scan(&scan.qr).await?;
    Ok(Json(json!({"device": device})))
}

#[derive(Deserialize)]
pub(super) struct Code {
    code: String,
}

pub(super) async fn type_code(
    State(network): State<Network>,
    Path(number): Path<String>,
    Json(typed): Json<Code>,
) -> Answer {
    let device = network.phone(&number)?.type_code(&typed.code).await?;
    Ok(Json(json!({"device": device})))
}

#[derive(Deserialize)]
pub(super) struct ToSend {
    to: String,
    content: Outgoing,
    #[serde(flatten)]
    how: SendHow,
}

pub(super) async fn phone_send(
    State(network): State<Network>,
    Path(number): Path<String>,
    Json(wanted): Json<ToSend>,
) -> Answer {
    let id = network
        .phone(&number)?
        .send(&wanted.to, wanted.content)
        .await?;
    Ok(Json(json!({"id": id})))
}

#[derive(Deserialize)]
pub(super) struct Away {
    for_ms: u64,
}

pub(super) async fn go_offline(
    State(network): State<Network>,
    Path(number): Path<String>,
    Json(away): Json<Away>,
) -> Answer {
    network
        .phone(&number)?
        .go_offline(Duration::from_millis(away.for_ms));
    done()
}

pub(super) async fn go_online(
    State(network): State<Network>,
    Path(number): Path<String>,
) -> Answer {
    network.phone(&number)?.go_online();
    done()
}

pub(super) async fn contacts(State(network): State<Network>) -> Answer {
    Ok(Json(json!({"contacts": network.contacts()})))
}

pub(super) async fn add_contact(
    State(network): State<Network>,
    Json(spec): Json<ContactSpec>,
) -> Answer {
    let contact = network.add_contact(spec)?;
    Ok(Json(
        json!({"number": contact.number(), "lid": contact.lid()}),
    ))
}

pub(super) async fn send(
    State(network): State<Network>,
    Path(number): Path<String>,
    Json(wanted): Json<ToSend>,
) -> Answer {
    let contact = network.contact(&number)?;
    let id = contact
        .send_how(&wanted.to, wanted.content, wanted.how)
        .await?;
    Ok(Json(json!({"id": id})))
}

#[derive(Deserialize)]
pub(super) struct Texts {
    to: String,
    count: u32,
    #[serde(default)]
    gap_ms: u64,
    text: String,
}

pub(super) async fn burst(
    State(network): State<Network>,
    Path(number): Path<String>,
    Json(texts): Json<Texts>,
) -> Answer {
    let burst = Burst {
        count: texts.count,
        gap: Duration::from_millis(texts.gap_ms),
        text: texts.text,
    };
    let ids = network.contact(&number)?.burst(&texts.to, &burst).await?;
    Ok(Json(json!({"ids": ids})))
}

#[derive(Deserialize)]
pub(super) struct Typing {
    to: String,
    state: TypingState,
}

pub(super) async fn typing(
    State(network): State<Network>,
    Path(number): Path<String>,
    Json(typing): Json<Typing>,
) -> Answer {
    network.contact(&number)?.typing(&typing.to, typing.state)?;
    done()
}

#[derive(Deserialize)]
pub(super) struct Shown {
    to: String,
    state: PresenceState,
}

pub(super) async fn presence(
    State(network): State<Network>,
    Path(number): Path<String>,
    Json(shown): Json<Shown>,
) -> Answer {
    network.contact(&number)?.presence(&shown.to, shown.state)?;
    done()
}

#[derive(Deserialize)]
pub(super) struct Opened {
    id: String,
}

pub(super) async fn read(
    State(network): State<Network>,
    Path(number): Path<String>,
    Json(opened): Json<Opened>,
) -> Answer {
    network.contact(&number)?.read(&opened.id)?;
    done()
}

#[derive(Deserialize)]
pub(super) struct History {
    messages: Vec<PastMessage>,
}

pub(super) async fn set_history(
    State(network): State<Network>,
    Path(number): Path<String>,
    Json(history): Json<History>,
) -> Answer {
    network.phone(&number)?.set_history(history.messages)?;
    done()
}

#[derive(Deserialize)]
pub(super) struct Sharing {
    sharing: HistorySharing,
}

pub(super) async fn set_history_sharing(
    State(network): State<Network>,
    Path(number): Path<String>,
    Json(wanted): Json<Sharing>,
) -> Answer {
    network.phone(&number)?.set_history_sharing(wanted.sharing);
    done()
}

#[derive(Deserialize)]
pub(super) struct Policy {
    policy: LinkPolicy,
}

pub(super) async fn set_link_policy(
    State(network): State<Network>,
    Path(number): Path<String>,
    Json(wanted): Json<Policy>,
) -> Answer {
    network.phone(&number)?.set_link_policy(wanted.policy);
    done()
}

#[derive(Deserialize)]
pub(super) struct Help {
    help: PlaceholderHelp,
}

pub(super) async fn set_placeholder_help(
    State(network): State<Network>,
    Path(number): Path<String>,
    Json(wanted): Json<Help>,
) -> Answer {
    network.phone(&number)?.set_placeholder_help(wanted.help);
    done()
}

/// Messages by their wire ids.
#[derive(Deserialize)]
pub(super) struct Messages {
    ids: Vec<String>,
}

pub(super) async fn lose_waiting(
    State(network): State<Network>,
    Path(number): Path<String>,
    Json(lost): Json<Messages>,
) -> Answer {
    let ids: Vec<&str> = lost.ids.iter().map(String::as_str).collect();
    network.phone(&number)?.lose_waiting(&ids);
    done()
}

pub(super) async fn forget(
    State(network): State<Network>,
    Path(number): Path<String>,
    Json(forgotten): Json<Messages>,
) -> Answer {
    let phone = network.phone(&number)?;
    for id in &forgotten.ids {
        phone.forget(id)?;
    }
    done()
}

/// What a contact does by itself.
#[derive(Deserialize)]
#[serde(tag = "script", rename_all = "snake_case")]
pub(super) enum Behaviour {
    Ignore,
    Read,
    Echo,
    Answer { text: String },
    Slowly { text: String, after_ms: u64 },
}

pub(super) async fn script(
    State(network): State<Network>,
    Path(number): Path<String>,
    Json(behaviour): Json<Behaviour>,
) -> Answer {
    network.contact(&number)?.on_message(match behaviour {
        Behaviour::Ignore => Script::Ignore,
        Behaviour::Read => Script::Read,
        Behaviour::Echo => Script::Echo,
        Behaviour::Answer { text } => Script::Answer(text),
        Behaviour::Slowly { text, after_ms } => {
            Script::Slowly(text, Duration::from_millis(after_ms))
        }
    });
    done()
}
