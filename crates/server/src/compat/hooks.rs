//! Webhooks in other gateways' forms.
//!
//! They are Waypost's webhooks, with its queue, its order per conversation and its days of attempts;
//! only the body is another. An endpoint gets it by what stands before its address ([`Form`]).

use super::front::Front;
use super::inside::Refused;
use crate::webhooks::form::Form;
use serde_json::{Value, json};
use waypost_engine::model::{Event, MessageId};
use waypost_store::admin::conversations::Party;
use waypost_store::{Store, StoreError};

/// Most endpoints looked at for those of an account.
const ENDPOINTS_MAX: usize = 1_000;

/// How another gateway speaks of webhooks.
pub(super) struct Language {
    /// The form of the bodies.
    pub(super) form: Form,
    /// What the gateway is called.
    pub(super) gateway: &'static str,
    /// What it calls an account.
    pub(super) account: &'static str,
    /// Its events and the kinds here that they are made from.
    pub(super) events: &'static [(&'static str, &'static [&'static str])],
    /// The name that stands for all of them.
    pub(super) all: &'static str,
}

/// A webhook that a bot asks for.
pub(super) struct Wish {
    pub(super) url: String,
    pub(super) events: Vec<String>,
}

impl Language {
    /// The kinds that make these events; an event that does not exist here is refused by its name.
    pub(super) fn kinds(&self, events: &[String]) -> Result<Vec<&'static str>, Refused> {
        let mut kinds = Vec::new();
        for event in events {
            match self.events.iter().find(|(name, _)| *name == event.as_str()) {
                _ if event == self.all => {
                    for (_, made_from) in self.events {
                        kinds.extend_from_slice(made_from);
                    }
                }
                Some((_, made_from)) => kinds.extend_from_slice(made_from),
                None => {
                    let known: Vec<&str> = self.events.iter().map(|(name, _)| *name).collect();
                    return Err(Refused::invalid(format!(
                        "the event '{event}' is not among those that Waypost can tell in {}'s \
                         form: {}",
                        self.gateway,
                        known.join(", ")
                    )));
                }
            }
        }
        kinds.sort_unstable();
        kinds.dedup();
        Ok(kinds)
    }

    /// The endpoints of an account that get this form.
    pub(super) async fn endpoints(
        &self,
        front: &Front,
        account: &Value,
    ) -> Result<Vec<Value>, Refused> {
        let all = front.call.all("/webhooks", ENDPOINTS_MAX).await?;
        let ours = |endpoint: &Value| {
            let url = endpoint["url"].as_str().unwrap_or_default();
            endpoint["account"] == account["id"] && Form::split(url).0 == self.form
        };
        Ok(all.into_iter().filter(ours).collect())
    }

    /// The events that an endpoint gets.
    pub(super) fn events_of(&self, endpoint: &Value) -> Vec<&'static str> {
        let kinds = endpoint["kinds"].as_array();
        let has = |kind: &str| kinds.is_some_and(|all| all.iter().any(|one| one == kind));
        let told = self
            .events
            .iter()
            .filter(|(_, made_from)| made_from.iter().all(|kind| has(kind)));
        told.map(|(name, _)| *name).collect()
    }

    /// Makes these the webhooks of an account.
    pub(super) async fn replace(
        &self,
        front: &Front,
        account: &Value,
        wishes: Vec<Wish>,
    ) -> Result<(), Refused> {
        let mut wanted = Vec::with_capacity(wishes.len());
        for wish in &wishes {
            wanted.push((self.form.joined(&wish.url), self.kinds(&wish.events)?));
        }
        let before = if wanted.is_empty() {
            self.endpoints(front, account).await.unwrap_or_default()
        } else {
            self.endpoints(front, account).await?
        };
        for endpoint in before {
            let id = endpoint["id"].as_str().unwrap_or_default();
            front.call.delete(&format!("/webhooks/{id}")).await?;
        }
        for (url, kinds) in wanted {
            let name = account["name"].as_str().unwrap_or_default();
            let body = json!({
                "url": url, "kinds": kinds, "account": account["id"],
                "description": format!("{} {} {name}", self.gateway, self.account),
            });
            front.call.post("/webhooks", body).await?;
        }
        Ok(())
    }
}

/// The account of an event, with what fronts show of one; `None` when it is gone or the event is
/// about none.
///
/// # Errors
/// When the store cannot be read.
pub(super) async fn account_of(store: &Store, event: &Event) -> Result<Option<Value>, StoreError> {
    let Some(id) = event.account else {
        return Ok(None);
    };
    match store.account(id).await {
        Ok(account) => Ok(Some(json!({
            "id": id.to_string(), "name": account.name,
            "phone": account.phone.map(|phone| phone.to_string()),
            "lid": account.lid.map(|lid| lid.to_string()),
        }))),
        Err(StoreError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The message of an event, and the address of its chat; `None` when it was deleted since.
///
/// # Errors
/// When the store cannot be read.
pub(super) async fn message_of(
    store: &Store,
    event: &Event,
) -> Result<Option<(Value, String)>, StoreError> {
    let id = event.data["message"].as_str().unwrap_or_default();
    let Ok(id) = id.parse::<MessageId>() else {
        return Ok(None);
    };
    let message = match store.message(event.workspace, id).await {
        Ok(message) => message,
        Err(StoreError::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let conversation = store
        .conversation(event.workspace, message.conversation)
        .await?;
    let address = match conversation.party {
        Party::Contact { phone, lid, .. } => phone.or(lid),
        Party::Chat { address, .. } => Some(address),
    };
    let address = address.map(|address| address.to_string());
    Ok(Some((
        crate::api::message_shown(message),
        address.unwrap_or_default(),
    )))
}

/// Whether a message was written just now and can be read: history and placeholders are no news.
pub(super) fn is_news(message: &Value) -> bool {
    let origin = message["origin"].as_str();
    matches!(origin, Some("live" | "offline" | "repair")) && message["kind"] != "placeholder"
}
