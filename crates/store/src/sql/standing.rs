//! How an account stands with the people it writes to.

use super::codec::first;
use crate::error::StoreError;
use crate::sending::Standing;
use crate::store::Store;
use std::collections::HashMap;
use waypost_engine::model::{ConversationId, Timestamp};

impl Store {
    /// How the account stands in each of these conversations. Sends that WhatsApp has not accepted
    /// do not count as words.
    pub async fn standings(
        &self,
        conversations: Vec<ConversationId>,
    ) -> Result<HashMap<ConversationId, Standing>, StoreError> {
        self.read(move |conn| {
            let mut heard = conn.prepare_cached(
                "SELECT sent_at FROM message WHERE conversation = ?1 AND direction = 'in'
                 ORDER BY sent_at DESC, seq DESC LIMIT 1",
            )?;
            let mut said = conn.prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM message AS m
                 LEFT JOIN outbox AS o ON o.message = m.id
                 WHERE m.conversation = ?1 AND m.direction = 'out'
                   AND (o.message IS NULL OR o.state IN ('server', 'delivered', 'read')))",
            )?;
            let mut standings = HashMap::new();
            for conversation in conversations {
                let id = [conversation.raw()];
                let newest = first(heard.query(id)?, |row| Ok(Timestamp(row.get(0)?)))?;
                let standing = match newest {
                    Some(at) => Standing::Heard(at),
                    None if said.query_row(id, |row| row.get(0))? => Standing::Known,
                    None => Standing::Stranger,
                };
                standings.insert(conversation, standing);
            }
            Ok(standings)
        })
        .await
    }
}
