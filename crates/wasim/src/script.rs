//! What a contact does by itself when a message arrives.

use crate::content::Outgoing;
use crate::person::Incoming;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A function from a message to its answer.
pub type Answerer = dyn Fn(&Incoming) -> Option<Outgoing> + Send + Sync;

/// A contact's standing behaviour.
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum Script {
    /// Lets messages arrive and does nothing.
    #[default]
    Ignore,
    /// Marks every message as read.
    Read,
    /// Sends the same text back.
    Echo,
    /// Sends this text; `{text}` stands for what was said.
    Answer(String),
    /// Shows typing for so long, then sends the text.
    Slowly(String, Duration),
    /// Whatever the function returns.
    Custom(Arc<Answerer>),
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ignore => f.write_str("Ignore"),
            Self::Read => f.write_str("Read"),
            Self::Echo => f.write_str("Echo"),
            Self::Answer(text) => f.debug_tuple("Answer").field(text).finish(),
            Self::Slowly(text, wait) => f.debug_tuple("Slowly").field(text).field(wait).finish(),
            Self::Custom(_) => f.write_str("Custom"),
        }
    }
}

/// What a script wants done.
#[derive(Debug)]
pub(crate) enum Act {
    Nothing,
    Read,
    Send(Outgoing),
    TypeThenSend(Outgoing, Duration),
}

impl Script {
    /// Decides on a message that arrived. Kinds without text are never echoed.
    pub(crate) fn react(&self, incoming: &Incoming) -> Act {
        let said = &incoming.described.text;
        match self {
            Self::Ignore => Act::Nothing,
            Self::Read => Act::Read,
            Self::Echo if said.is_empty() => Act::Nothing,
            Self::Echo => Act::Send(Outgoing::text(said.clone())),
            Self::Answer(text) => Act::Send(Outgoing::text(text.replace("{text}", said))),
            Self::Slowly(text, wait) => {
                Act::TypeThenSend(Outgoing::text(text.replace("{text}", said)), *wait)
            }
            Self::Custom(answer) => answer(incoming).map_or(Act::Nothing, Act::Send),
        }
    }
}
