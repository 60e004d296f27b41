//! Where the channel commits messages before WhatsApp is told.

use super::registry::{Registry, Running};
use crate::clock;
use crate::parts::TextParts;
use crate::parts::again::Aside;
use async_trait::async_trait;
use std::sync::Arc;
use waypost_engine::model::{AccountId, Address, Inbound};
use waypost_store::{Accept, Accepted, Store, StoreError};
use waypost_wa::{CommitError, Inbox, KeysError};

/// Commits to the store and hands what is to be worked on to the account's flow.
pub(super) struct StoreInbox {
    store: Store,
    registry: Arc<Registry>,
    next: Next,
}

/// Who hears of what was committed.
#[derive(Clone)]
struct Next {
    text: Arc<TextParts>,
    aside: Aside,
}

impl StoreInbox {
    pub(super) fn new(
        store: Store,
        registry: Arc<Registry>,
        text: Arc<TextParts>,
        aside: Aside,
    ) -> Self {
        Self {
            store,
            registry,
            next: Next { text, aside },
        }
    }
}

impl Next {
    fn offer(&self, running: &Running, outcomes: Vec<Accepted>) {
        let board = self.text.switchboard();
        let reads_aside = board.reads_own() || board.reads_history();
        for outcome in outcomes {
            match outcome {
                Accepted::New(work) => running.flow.offer(*work),
                Accepted::Repaired(work) => running.flow.repaired(*work),
                Accepted::Stored { message, .. } if reads_aside => self.aside.offer(message),
                Accepted::Stored { .. } | Accepted::Duplicate { .. } => {}
            }
        }
    }
}

#[async_trait]
impl Inbox for StoreInbox {
    async fn commit(&self, account: AccountId, messages: Vec<Inbound>) -> Result<(), CommitError> {
        let Some(running) = self.registry.get(account) else {
            return Err(CommitError::Final("the account is being removed".into()));
        };
        super::crash::point("before_commit_1");
        let chats: Vec<Address> = messages.iter().map(|m| m.chat.clone()).collect();
        let seen = running.gaps.look(&messages);
        let accept = Accept {
            account,
            owner: running.owner,
            now: clock::now(),
            items: super::mutant::acknowledged(messages),
        };
        let (store, next) = (self.store.clone(), self.next.clone());
        let tasks = running.tasks.clone();
        // Whoever calls is dropped when its connection is cut. What is stored by then must be worked on all the
        // same: sent again it counts as a duplicate, and nobody else would hear of it before the next start.
        let committed = tasks.spawn(async move {
            let outcomes = store.accept(accept).await?;
            super::crash::point("after_commit_1");
            running.gaps.accepted(seen, &outcomes);
            next.offer(&running, outcomes);
            running.media.notify_one();
            running.groups.spoke(chats.iter());
            Ok::<(), StoreError>(())
        });
        match committed.await {
            Ok(committed) => committed.map_err(|error| commit_error(&error)),
            Err(fault) => Err(CommitError::Passing(fault.to_string())),
        }
    }

    async fn has(
        &self,
        account: AccountId,
        sender: &Address,
        wire_id: &str,
    ) -> Result<bool, KeysError> {
        self.store
            .has_message(account, sender, wire_id)
            .await
            .map_err(|error| KeysError(error.to_string()))
    }

    async fn frozen(
        &self,
        account: AccountId,
        _chat: &Address,
        wire_id: &str,
    ) -> Result<Option<Vec<u8>>, KeysError> {
        // The wire id is ours and random, so it names one message of the account.
        self.store
            .frozen_payload(account, wire_id)
            .await
            .map_err(|error| KeysError(error.to_string()))
    }
}

fn commit_error(error: &StoreError) -> CommitError {
    match error {
        StoreError::NotOwner | StoreError::Closed | StoreError::Corrupt { .. } => {
            CommitError::Final(error.to_string())
        }
        _ => CommitError::Passing(error.to_string()),
    }
}
