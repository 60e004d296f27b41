//! Where the channel commits messages before WhatsApp is told.

use super::reception::{Reception, TakeError};
use super::registry::Registry;
use async_trait::async_trait;
use std::sync::Arc;
use waypost_engine::model::{AccountId, Address, Inbound};
use waypost_store::StoreError;
use waypost_wa::{CommitError, Inbox, KeysError};

/// Commits to the store and hands what is to be worked on to the account's flow.
pub(super) struct StoreInbox {
    registry: Arc<Registry>,
    reception: Reception,
}

impl StoreInbox {
    pub(super) fn new(registry: Arc<Registry>, reception: Reception) -> Self {
        Self {
            registry,
            reception,
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
        let messages = super::mutant::acknowledged(messages);
        match self.reception.take(running, account, messages).await {
            Ok(_) => Ok(()),
            Err(TakeError::Store(error)) => Err(commit_error(&error)),
            Err(fault @ TakeError::BrokeOff(_)) => Err(CommitError::Passing(fault.to_string())),
        }
    }

    async fn has(
        &self,
        account: AccountId,
        sender: &Address,
        wire_id: &str,
    ) -> Result<bool, KeysError> {
        self.reception
            .store()
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
        self.reception
            .store()
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
