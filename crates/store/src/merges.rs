//! Telling whoever works on conversations that two of them turned out to be one.

use std::sync::{Arc, OnceLock};
use waypost_engine::model::{AccountId, ConversationId};

/// A conversation was poured into another one of its account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Merged {
    /// Whose.
    pub account: AccountId,
    /// The one that ended.
    pub from: ConversationId,
    /// The one that goes on.
    pub into: ConversationId,
}

type Listener = Box<dyn Fn(Merged) + Send + Sync>;

/// Who is told. Nobody, until somebody asks.
#[derive(Clone, Default)]
pub(crate) struct MergeBell(Arc<OnceLock<Listener>>);

impl MergeBell {
    pub(crate) fn listen(&self, listener: Listener) {
        if self.0.set(listener).is_err() {
            tracing::warn!("merges have a listener already; the first one stays");
        }
    }

    pub(crate) fn ring(&self, merges: impl IntoIterator<Item = Merged>) {
        if let Some(listener) = self.0.get() {
            merges.into_iter().for_each(listener);
        }
    }
}
