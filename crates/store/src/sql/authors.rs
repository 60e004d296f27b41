//! Who wrote a message, for reactions, edits, deletions and replies that refer to it.

use super::codec::first;
use crate::error::StoreError;
use crate::store::Store;
use waypost_engine::model::{AccountId, Address};

/// Who wrote a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Author {
    /// The account itself.
    Own,
    /// Somebody else.
    Other(Address),
}

impl Store {
    /// Whether the account has a message of this sender with this wire id, and more of it than a
    /// placeholder. The account's own messages are known by the id alone.
    pub async fn has_message(
        &self,
        account: AccountId,
        sender: &Address,
        wire_id: &str,
    ) -> Result<bool, StoreError> {
        let (sender, wire_id) = (sender.to_string(), wire_id.to_owned());
        self.read(move |conn| {
            let mut statement = conn.prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM message AS m
                 WHERE m.account = ?1 AND m.wire_id = ?2 AND m.kind <> 'placeholder'
                   AND (m.sender IS NULL OR m.sender_address = ?3 OR EXISTS (
                     SELECT 1 FROM alias WHERE contact = m.sender AND address = ?3)))",
            )?;
            Ok(statement.query_row((account.raw(), wire_id, sender), |row| row.get(0))?)
        })
        .await
    }

    /// Who wrote the newest message of the account with this wire id; `None` when it is unknown.
    pub async fn author(
        &self,
        account: AccountId,
        wire_id: &str,
    ) -> Result<Option<Author>, StoreError> {
        let wire_id = wire_id.to_owned();
        self.read(move |conn| {
            let mut statement = conn.prepare_cached(
                "SELECT direction, coalesce(sender_address, chat) FROM message
                 WHERE account = ?1 AND wire_id = ?2 ORDER BY seq DESC LIMIT 1",
            )?;
            first(statement.query((account.raw(), wire_id))?, |row| {
                let (direction, address): (String, String) = (row.get(0)?, row.get(1)?);
                if direction == "out" {
                    return Ok(Author::Own);
                }
                let address = address
                    .parse::<Address>()
                    .map_err(|_| StoreError::corrupt("the sender of a message"))?;
                Ok(Author::Other(address))
            })
        })
        .await
    }
}
