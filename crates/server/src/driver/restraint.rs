//! What an account has begun lately and may not begin, written down: a restart neither doubles a
//! day's limit nor forgets a restriction. And what WhatsApp is asked about it.

use super::notes::{self, Note};
use super::outbox::Refusal;
use super::told;
use crate::clock;
use crate::config;
use std::collections::HashMap;
use waypost_engine::flow::caution::{
    ANSWER_WITHIN, Caution, CautionConfig, Chat, Restriction, Source, Used,
};
use waypost_engine::flow::outbox::{Found, Input, NumberCheck, Waiting};
use waypost_engine::model::event::kind;
use waypost_engine::model::{AccountId, ConversationId, Duration, MessageId, Timestamp};
use waypost_store::{OutboxItem, Standing, Store, StoreError};
use waypost_wa::Connection;

/// How often it is written while it changes. A crash forgets at most this much sending.
pub(super) const WRITE_EVERY: Duration = Duration::secs(10);
/// Conversations known to be answered; when there are more they are asked for again.
const HEARD_MAX: usize = 20_000;

/// An account's restraint as the API shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sending {
    /// How much of a day's limits is used.
    pub used: Used,
    /// What WhatsApp refuses.
    pub restriction: Option<Restriction>,
    /// Why sends wait, each with how many, the commonest first.
    pub waiting: Vec<(Waiting, usize)>,
}

/// What was written down, or a fresh account. Something unreadable is a fresh one too.
pub(super) async fn read(store: &Store, account: AccountId) -> Result<Caution, StoreError> {
    if let Some(caution) = notes::read(store, account, Note::Caution).await? {
        return Ok(caution);
    }
    let account = store.account(account).await?;
    Ok(Caution::new(account.created_at))
}

/// Writes it down.
pub(super) async fn write(
    store: &Store,
    account: AccountId,
    caution: &Caution,
) -> Result<(), StoreError> {
    notes::write(store, account, Note::Caution, caution).await
}

/// The limits as set.
pub(super) fn limits(send: &config::Send) -> CautionConfig {
    CautionConfig {
        unasked_per_day: send.unasked_per_day,
        new_chats_per_day: send.new_chats_per_day,
        new_chat_gap: Duration::secs(send.new_chat_gap_s),
        warm_up: send.warm_up,
    }
}

/// Tells answers, unasked messages and new chats apart.
pub(super) struct Standings {
    wanted: Wanted,
    heard: HashMap<ConversationId, Timestamp>,
}

/// Whether anything depends on how the account stands with somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Yes,
    No,
}

impl Standings {
    pub(super) fn new(send: &config::Send) -> Self {
        let unlimited = limits(send).is_off() && send.number_check == NumberCheck::Off;
        Self {
            wanted: if unlimited { Wanted::No } else { Wanted::Yes },
            heard: HashMap::new(),
        }
    }

    /// What each of these sends is to the one who receives it.
    pub(super) async fn of(
        &mut self,
        store: &Store,
        items: &[std::sync::Arc<OutboxItem>],
    ) -> Result<HashMap<MessageId, Chat>, StoreError> {
        if self.wanted == Wanted::No {
            return Ok(HashMap::new());
        }
        let since = clock::now() - ANSWER_WITHIN;
        let people: Vec<&OutboxItem> = items
            .iter()
            .map(|item| &**item)
            .filter(|item: &&OutboxItem| {
                !item.to.is_group() && !self.is_answer(item.conversation, since)
            })
            .collect();
        let mut ask: Vec<ConversationId> = people.iter().map(|item| item.conversation).collect();
        ask.sort_unstable();
        ask.dedup();
        if ask.is_empty() {
            return Ok(HashMap::new());
        }
        let found = store.standings(ask).await?;
        if self.heard.len() > HEARD_MAX {
            self.heard.clear();
        }
        let mut chats = HashMap::new();
        for item in people {
            let standing = found.get(&item.conversation).copied();
            chats.insert(item.message, self.chat(item.conversation, standing, since));
        }
        Ok(chats)
    }

    fn is_answer(&self, conversation: ConversationId, since: Timestamp) -> bool {
        self.heard.get(&conversation).is_some_and(|at| *at >= since)
    }

    fn chat(
        &mut self,
        conversation: ConversationId,
        standing: Option<Standing>,
        since: Timestamp,
    ) -> Chat {
        match standing {
            Some(Standing::Heard(at)) if at >= since => {
                self.heard.insert(conversation, at);
                Chat::Answer
            }
            Some(Standing::Heard(_) | Standing::Known) => Chat::Unasked,
            Some(Standing::Stranger) | None => Chat::New,
        }
    }
}

/// Asks WhatsApp whether the recipient of a send is there.
pub(super) async fn check(connection: Option<Connection>, item: &OutboxItem) -> Input {
    let message = item.message;
    let Some(connection) = connection else {
        return Refusal::passing("the account is not connected").input(message);
    };
    match connection.on_whatsapp(std::slice::from_ref(&item.to)).await {
        Ok(answers) => {
            let found = match answers.first() {
                Some(answer) if answer.exists => Found::There,
                _ => Found::Nobody,
            };
            let result = match found {
                Found::There => "there",
                Found::Nobody => "nobody",
            };
            metrics::counter!("waypost_number_checks_total", "result" => result).increment(1);
            Input::Checked { message, found }
        }
        Err(error) => {
            Refusal::passing(format!("the number could not be checked: {error}")).input(message)
        }
    }
}

/// Asks WhatsApp until when the account may start no new chats. Without an answer what was
/// inferred holds.
pub(super) async fn ask(connection: Option<Connection>) -> Input {
    let Some(connection) = connection else {
        return Input::Tick;
    };
    match connection.new_chats_barred_until().await {
        Ok(until) => Input::Told(until),
        Err(error) => {
            tracing::info!(%error, "WhatsApp does not say how long new chats are barred");
            Input::Tick
        }
    }
}

/// Writes into the event log that new chats wait.
pub(super) async fn tell(
    store: &Store,
    account: AccountId,
    restriction: Restriction,
) -> Result<(), StoreError> {
    tracing::warn!(%account, until = restriction.until.0, "WhatsApp bars new chats");
    metrics::counter!("waypost_send_restrictions_total").increment(1);
    let data = serde_json::json!({
        "new_chats_barred_until": clock::iso(restriction.until),
        "told_by_whatsapp": restriction.source == Source::Told,
    });
    told::tell(store, account, None, kind::ACCOUNT_RESTRICTED, data).await
}
