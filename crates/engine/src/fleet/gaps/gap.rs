//! What is known of one hole.

use crate::model::{Address, Duration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// A message by its place: enough to ask a phone for those before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The person or group, as the message's stanza wrote it.
    pub chat: Address,
    /// Its wire id.
    pub wire_id: String,
    /// Written by the account itself.
    pub from_me: bool,
    /// When it was sent, as its sender's side says. WhatsApp tells whole seconds.
    pub sent_at: Timestamp,
}

/// What names a message that was never stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reference {
    /// Somebody answered it.
    Quoted,
    /// Somebody reacted to it.
    Reacted,
    /// Its author changed it.
    Edited,
    /// Its author deleted it for everyone.
    Deleted,
    /// It was read on the account's phone.
    ReadElsewhere,
}

impl Reference {
    /// How old the message may be at most; `None` when it may be of any age. WhatsApp lets people
    /// edit for 15 minutes and delete for everyone for two days and a half; both with some slack.
    #[must_use]
    pub const fn reach(self) -> Option<Duration> {
        match self {
            Self::Edited => Some(Duration::mins(20)),
            Self::Deleted => Some(Duration::hours(72)),
            Self::Quoted | Self::Reacted | Self::ReadElsewhere => None,
        }
    }
}

/// How a hole was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GapKind {
    /// WhatsApp announced more messages kept while we were away than it delivered.
    Announced,
    /// A message came that nobody could decrypt, and its repair never did.
    Unreadable,
    /// A message was answered that is not here.
    Quoted,
    /// A message was reacted to that is not here.
    Reacted,
    /// A message was changed that is not here.
    Edited,
    /// A message was deleted that is not here.
    Deleted,
    /// A message was read on the phone that is not here.
    ReadElsewhere,
    /// The phone, asked for something else, gave messages that should have come long ago.
    Recalled,
    /// The history that the phone gives at linking did not come, or not all of it. How many messages
    /// that are nobody knows.
    History,
}

impl GapKind {
    /// The name it is stored and counted under.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Announced => "announced",
            Self::Unreadable => "unreadable",
            Self::Quoted => "quoted",
            Self::Reacted => "reacted",
            Self::Edited => "edited",
            Self::Deleted => "deleted",
            Self::ReadElsewhere => "read_elsewhere",
            Self::Recalled => "recalled",
            Self::History => "history",
        }
    }
}

impl From<Reference> for GapKind {
    fn from(reference: Reference) -> Self {
        match reference {
            Reference::Quoted => Self::Quoted,
            Reference::Reacted => Self::Reacted,
            Reference::Edited => Self::Edited,
            Reference::Deleted => Self::Deleted,
            Reference::ReadElsewhere => Self::ReadElsewhere,
        }
    }
}

/// How a hole stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GapState {
    /// It may close by itself in a moment; nobody is told yet.
    Suspected,
    /// Messages are missing, and asked for.
    Open,
    /// A message is named that may be from before the link. It does not count as missing, and is
    /// asked for.
    Doubtful,
    /// All of it came after all.
    Filled,
    /// Messages are missing, and the phone did not have them or never answered.
    Lost,
}

impl GapState {
    /// Whether its messages count as missing.
    #[must_use]
    pub const fn counts(self) -> bool {
        matches!(self, Self::Open | Self::Lost)
    }

    /// The name it is stored under.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Suspected => "suspected",
            Self::Open => "open",
            Self::Doubtful => "doubtful",
            Self::Filled => "filled",
            Self::Lost => "lost",
        }
    }
}

/// One hole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// Names it within its account.
    pub key: String,
    /// How it was found.
    pub kind: GapKind,
    /// How it stands.
    pub state: GapState,
    /// The chat, if it is known.
    pub chat: Option<Address>,
    /// The message, if it is one that is known by name.
    pub wire_id: Option<String>,
    /// The message that told of it, behind which it lies.
    pub told_by: Option<Mark>,
    /// What is missing was sent then or later.
    pub since: Timestamp,
    /// And not after.
    pub until: Timestamp,
    /// When it was noticed.
    pub found_at: Timestamp,
    /// When all of it was here.
    pub filled_at: Option<Timestamp>,
    /// How many messages were missing; 0 for [`GapKind::History`], where that is not known.
    pub expected: u32,
    /// How many of them came after all.
    pub filled: u32,
    /// How many rounds of asking brought nothing.
    pub attempts: u32,
    /// When to ask next, while it is to be asked.
    pub next_at: Timestamp,
    /// Before which messages to ask in this round.
    #[serde(skip)]
    pub(super) todo: VecDeque<Mark>,
    /// Pages asked in this round.
    #[serde(skip)]
    pub(super) pages: u32,
    /// Chats that were asked from behind the hole: nothing more is to be had there.
    #[serde(skip)]
    pub(super) behind: Vec<Address>,
}

impl Gap {
    /// How many messages are missing still; those of a doubtful one do not count.
    #[must_use]
    pub const fn missing(&self) -> u32 {
        if self.state.counts() {
            self.expected.saturating_sub(self.filled)
        } else {
            0
        }
    }

    /// When the phone is asked next; `None` when it is not asked any more.
    #[must_use]
    pub fn next_attempt_at(&self) -> Option<Timestamp> {
        let attempts_max = match self.state {
            GapState::Open => super::ATTEMPTS_MAX,
            GapState::Doubtful => super::DOUBTFUL_ATTEMPTS_MAX,
            GapState::Suspected | GapState::Filled | GapState::Lost => 0,
        };
        (self.attempts < attempts_max).then_some(self.next_at)
    }

    /// Whether as many messages came as were missing.
    pub(super) fn has_all(&self) -> bool {
        self.kind != GapKind::History && self.filled >= self.expected
    }

    /// Whether it is known which message is missing.
    pub(super) const fn is_about_one(&self) -> bool {
        self.wire_id.is_some()
    }

    /// Whether a message that came late may be one of those that are missing. WhatsApp's times are
    /// whole seconds.
    pub(super) fn takes(&self, mark: &Mark) -> bool {
        match &self.wire_id {
            Some(wire_id) => *wire_id == mark.wire_id,
            None => {
                !self.has_all()
                    && mark.sent_at.as_secs() >= self.since.as_secs()
                    && mark.sent_at.as_secs() <= self.until.as_secs()
            }
        }
    }
}

/// A hole that is filled as soon as it is known: the phone gave messages that nobody had missed.
pub(super) fn recalled(messages: &[Mark], linked_at: Timestamp, now: Timestamp) -> Option<Gap> {
    let late: Vec<&Mark> = messages.iter().filter(|m| m.sent_at >= linked_at).collect();
    let since = late.iter().map(|mark| mark.sent_at).min()?;
    let until = late.iter().map(|mark| mark.sent_at).max()?;
    let count = u32::try_from(late.len()).unwrap_or(u32::MAX);
    let chat: Option<Address> = late.first().map(|mark| mark.chat.clone());
    Some(Gap {
        key: format!("recalled:{}:{}", now.0, late.first()?.wire_id),
        kind: GapKind::Recalled,
        state: GapState::Filled,
        chat,
        wire_id: None,
        told_by: None,
        since,
        until,
        found_at: now,
        filled_at: Some(now),
        expected: count,
        filled: count,
        attempts: 0,
        next_at: now,
        todo: VecDeque::new(),
        pages: 0,
        behind: Vec::new(),
    })
}
