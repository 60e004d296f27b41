//! Where messages are stored, whichever way they came, and who hears of it.

use super::registry::Running;
use crate::clock;
use crate::parts::TextParts;
use crate::parts::again::Aside;
use std::sync::Arc;
use waypost_engine::model::{AccountId, Address, Inbound};
use waypost_store::{Accept, Accepted, Store, StoreError};

/// Why messages were not stored.
#[derive(Debug, thiserror::Error)]
pub(super) enum TakeError {
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Storing them ended without a result: the account stops, or there is a bug.
    #[error("storing broke off: {0}")]
    BrokeOff(#[from] tokio::task::JoinError),
}

/// What became of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// It was not here, or not with its content.
    Stored,
    /// It was here.
    Known,
}

/// Stores messages and tells the account's loops.
#[derive(Clone)]
pub(super) struct Reception {
    store: Store,
    text: Arc<TextParts>,
    aside: Aside,
}

impl Reception {
    pub(super) fn new(store: Store, text: Arc<TextParts>, aside: Aside) -> Self {
        Self { store, text, aside }
    }

    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    /// Stores messages, and says of each in its order what became of it.
    ///
    /// Whoever calls may be dropped meanwhile, as when its connection is cut. What is stored by then is worked
    /// on all the same: sent again it counts as a double, and nobody else would hear of it before the next start.
    pub(super) async fn take(
        &self,
        running: Arc<Running>,
        account: AccountId,
        messages: Vec<Inbound>,
    ) -> Result<Vec<Taken>, TakeError> {
        let this = self.clone();
        let tasks = running.tasks.clone();
        let storing = tasks.spawn(async move {
            let spoken = messages.iter().filter(|m| !m.origin.is_past());
            let chats: Vec<Address> = spoken.map(|m| m.chat.clone()).collect();
            let seen = running.gaps.look(&messages);
            let board = this.text.switchboard();
            let aside = messages.iter().map(|m| board.reads_aside(m.origin));
            let aside: Vec<bool> = aside.collect();
            let accept = Accept {
                account,
                owner: running.owner,
                now: clock::now(),
                items: messages,
            };
            let outcomes = this.store.accept(accept).await?;
            super::crash::point("after_commit_1");
            running.gaps.accepted(seen, &outcomes);
            let taken = this.hand_over(&running, outcomes, &aside);
            running.media.notify_one();
            running.groups.spoke(chats.iter());
            Ok(taken)
        });
        storing.await?
    }

    /// `aside` says of each message whether it is read beside the flow.
    fn hand_over(&self, running: &Running, outcomes: Vec<Accepted>, aside: &[bool]) -> Vec<Taken> {
        let hand_over = |(outcome, &aside)| {
            match outcome {
                Accepted::New(work) => running.flow.offer(*work),
                Accepted::Repaired(work) => running.flow.repaired(*work),
                Accepted::Stored { message, .. } if aside => self.aside.offer(message),
                Accepted::Stored { .. } => {}
                Accepted::Duplicate { .. } => return Taken::Known,
            }
            Taken::Stored
        };
        outcomes.into_iter().zip(aside).map(hand_over).collect()
    }
}
