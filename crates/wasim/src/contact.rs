//! A contact as tests and tools hold it.

use crate::clock::unix_seconds;
use crate::content::Outgoing;
use crate::error::{Result, SimError};
use crate::lock::Locked;
use crate::person::{Chat, Person};
use crate::script::Script;
use crate::sending;
use crate::server::receipt_to_account;
use crate::world::World;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use wacore_binary::builder::NodeBuilder;

/// Under which of a person's two addresses a stanza goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UseAddress {
    /// The one that both sides' migration calls for.
    #[default]
    Usual,
    /// The LID.
    Lid,
    /// The phone number.
    Pn,
}

/// Peculiarities of one send.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SendHow {
    /// The address it goes out under.
    pub address: UseAddress,
    /// The first ciphertext is damaged; the linked device must ask again.
    pub undecryptable_first: bool,
    /// A wire id of one's own choice.
    pub id: Option<String>,
    /// Seconds since 1970 that the message claims to be from.
    pub sent_at: Option<u64>,
}

/// Several texts in a row.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Burst {
    /// How many.
    pub count: u32,
    /// Pause between two.
    pub gap: Duration,
    /// The text; `{n}` stands for the number, from 0.
    pub text: String,
}

/// A contact. Cheap to clone.
#[derive(Clone)]
pub struct Contact {
    world: Arc<World>,
    person: Arc<Person>,
}

impl Contact {
    pub(crate) fn new(world: Arc<World>, person: Arc<Person>) -> Self {
        Self { world, person }
    }

    /// The phone number, digits only.
    #[must_use]
    pub fn number(&self) -> &str {
        &self.person.pn
    }

    /// The LID, digits only.
    #[must_use]
    pub fn lid(&self) -> &str {
        &self.person.lid
    }

    /// Sends to an account (or to another contact, whom nobody watches). Returns the wire id.
    ///
    /// # Errors
    /// [`SimError::UnknownNumber`], [`SimError::UnknownMessage`] for references to messages this
    /// app does not know, [`SimError::MailboxFull`].
    pub async fn send(&self, to: &str, what: Outgoing) -> Result<String> {
        self.send_how(to, what, SendHow::default()).await
    }

    /// Sends with peculiarities. Returns the wire id.
    ///
    /// # Errors
    /// As [`Contact::send`].
    pub async fn send_how(&self, to: &str, what: Outgoing, how: SendHow) -> Result<String> {
        let recipient = self.world.person(to)?;
        sending::direct(&self.world, &self.person, &recipient, &what, &how).await
    }

    /// Sends several texts in a row. Returns their wire ids.
    ///
    /// # Errors
    /// As [`Contact::send`].
    pub async fn burst(&self, to: &str, burst: &Burst) -> Result<Vec<String>> {
        let mut ids = Vec::with_capacity(burst.count as usize);
        for n in 0..burst.count {
            if n > 0 && !burst.gap.is_zero() {
                tokio::time::sleep(burst.gap).await;
            }
            let text = burst.text.replace("{n}", &n.to_string());
            ids.push(self.send(to, Outgoing::text(text)).await?);
        }
        Ok(ids)
    }

    /// Shows an account's linked devices that this contact is typing, or has stopped.
    ///
    /// # Errors
    /// [`SimError::UnknownNumber`].
    pub fn typing(&self, to: &str, state: TypingState) -> Result<()> {
        typing(&self.world, &self.person, to, state)
    }

    /// Shows an account's linked devices whether this contact is online.
    ///
    /// # Errors
    /// [`SimError::UnknownNumber`].
    pub fn presence(&self, to: &str, state: PresenceState) -> Result<()> {
        let account = self.world.person(to)?;
        let mut node =
            NodeBuilder::new("presence").attr("from", self.person.jid_for(account.addressing));
        if state == PresenceState::Unavailable {
            node = node
                .attr("type", "unavailable")
                .attr("last", unix_seconds());
        }
        let node = node.build();
        for companion in account.companions() {
            companion.hint(node.clone());
        }
        Ok(())
    }

    /// Marks a received message as read.
    ///
    /// # Errors
    /// [`SimError::UnknownMessage`] when this app never got it.
    pub fn read(&self, id: &str) -> Result<()> {
        let live = self.person.live(self.world.config.seed)?;
        let known = live.memory.locked().get(id);
        let known = known.ok_or_else(|| SimError::UnknownMessage(id.to_owned()))?;
        let account = self.world.directory_by_lid(&known.author)?;
        let group = match known.chat {
            Chat::Group(id) => Some(id),
            Chat::Person(_) => None,
        };
        receipt_to_account(
            &self.world,
            &self.person,
            &account,
            group.as_deref(),
            id,
            Some("read"),
        )
    }

    /// What this contact does by itself from now on.
    pub fn on_message(&self, script: Script) {
        *self.person.script.locked() = script;
    }
}

/// What a typing contact shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TypingState {
    /// Writing text.
    Composing,
    /// Recording a voice note.
    Recording,
    /// Stopped.
    Paused,
}

/// Whether a contact has the app open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PresenceState {
    /// Online.
    Available,
    /// Gone, last seen now.
    Unavailable,
}

pub(crate) fn typing(world: &World, person: &Person, to: &str, state: TypingState) -> Result<()> {
    let account = world.person(to)?;
    let what = match state {
        TypingState::Composing => NodeBuilder::new("composing"),
        TypingState::Recording => NodeBuilder::new("composing").attr("media", "audio"),
        TypingState::Paused => NodeBuilder::new("paused"),
    };
    let node = NodeBuilder::new("chatstate")
        .attr("from", person.jid_for(account.addressing))
        .children([what.build()])
        .build();
    for companion in account.companions() {
        companion.hint(node.clone());
    }
    Ok(())
}
