//! How an account stands with the people it writes to.

use super::codec::first;
use crate::error::StoreError;
use crate::flow::ANSWERS_READ_MAX;
use crate::sending::Standing;
use crate::sql::codec::json_at;
use crate::store::Store;
use std::collections::HashMap;
use waypost_engine::model::{AccountId, ConversationId, Duration, SendOrigin, Timestamp};

/// Clocks that are set by more than this make older commits look too old to be looked at.
const CLOCK_STEPS_MAX: Duration = Duration::mins(5);

impl Store {
    /// When rules answered in the account's conversations at `since` or later, newest first. Only the
    /// newest [`ANSWERS_READ_MAX`] messages of the account are looked through.
    pub async fn rule_answers_since(
        &self,
        account: AccountId,
        since: Timestamp,
    ) -> Result<Vec<(ConversationId, Timestamp)>, StoreError> {
        self.read(move |conn| {
            let mut statement = conn.prepare_cached(
                "SELECT m.committed_at, m.conversation, o.cause FROM message m
                 LEFT JOIN outbox o ON o.message = m.id
                 WHERE m.account = ?1 ORDER BY m.seq DESC LIMIT ?2",
            )?;
            let mut rows = statement.query((account.raw(), ANSWERS_READ_MAX))?;
            let mut answers = Vec::new();
            while let Some(row) = rows.next()? {
                let at = Timestamp(row.get(0)?);
                // Commits are in the order of time, but for a clock that was set.
                if at < since - CLOCK_STEPS_MAX {
                    break;
                }
                let is_send = row.get::<_, Option<String>>(2)?.is_some();
                if is_send && at >= since && matches!(json_at(&row, 2)?, SendOrigin::Rule { .. }) {
                    answers.push((ConversationId::from_raw(row.get(1)?), at));
                }
            }
            Ok(answers)
        })
        .await
    }

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
