//! Conversations as people see them: the list, one of them, marking as read.

use super::column::{containing, json_or_null_at, name_or_null_at, parsed_or_null_at, time_at};
use super::events::{About, emit};
use crate::admin::conversations::{
    ConversationFilter, ConversationView, MarkedRead, PREVIEW_CHARS, Party, Preview,
    READ_RECEIPTS_MAX, ReadReceipt, Show,
};
use crate::command::Write;
use crate::db::{Connection, Row, named_params};
use crate::error::StoreError;
use crate::page::{Page, Paged};
use crate::store::Store;
use crate::writer::Tx;
use waypost_engine::model::event::kind;
use waypost_engine::model::{
    AccountId, Address, ContactId, Content, ConversationId, MessageId, Timestamp, WorkspaceId,
};

/// Most conversations that absorbed each other in turn and are followed.
const MERGES_FOLLOWED: usize = 64;

/// The number a contact has now, for a `contact` row named `p`.
pub(super) const PHONE: &str = "(SELECT a.address FROM alias a WHERE a.contact = p.id \
    AND a.valid_to IS NULL AND a.address LIKE '%@s.whatsapp.net' ORDER BY a.id DESC LIMIT 1)";

fn select() -> String {
    format!(
        "SELECT c.id, c.workspace, c.account, c.contact, c.address, c.unread, c.last_at,
            c.created_at, p.name, p.push_name, p.lid, {PHONE} AS phone, g.subject, g.joined,
            m.id AS last, m.direction, m.kind, m.sender_name, o.state, m.content,
            (SELECT value FROM annotation WHERE target = m.id AND kind = 'edit'
                ORDER BY sent_at DESC LIMIT 1) AS edited,
            EXISTS (SELECT 1 FROM annotation WHERE target = m.id AND kind = 'revoke') AS revoked
         FROM conversation c
         LEFT JOIN contact p ON p.id = c.contact
         LEFT JOIN chat_group g ON g.account = c.account AND g.address = c.address
         LEFT JOIN message m ON m.id = c.last_message
         LEFT JOIN outbox o ON o.message = m.id"
    )
}

fn conversation(row: &Row<'_>) -> Result<ConversationView, StoreError> {
    let party = party(row)?;
    Ok(ConversationView {
        id: ConversationId::from_raw(row.get("id")?),
        workspace: WorkspaceId::from_raw(row.get("workspace")?),
        account: AccountId::from_raw(row.get("account")?),
        title: title(row, &party)?,
        party,
        unread: row.get("unread")?,
        last_at: time_at(row, "last_at")?,
        last: preview(row)?,
        created_at: time_at(row, "created_at")?,
    })
}

fn party(row: &Row<'_>) -> Result<Party, StoreError> {
    let contact: Option<i64> = row.get("contact")?;
    let address: Option<Address> = parsed_or_null_at(row, "address")?;
    match (contact, address) {
        (Some(contact), _) => Ok(Party::Contact {
            contact: ContactId::from_raw(contact),
            phone: parsed_or_null_at(row, "phone")?,
            lid: parsed_or_null_at(row, "lid")?,
        }),
        (None, Some(address)) => Ok(Party::Chat {
            address,
            joined: name_or_null_at(row, "joined")?,
        }),
        (None, None) => Err(StoreError::corrupt("a conversation is with nobody")),
    }
}

fn title(row: &Row<'_>, party: &Party) -> Result<String, StoreError> {
    let named = match party {
        Party::Contact { .. } => row
            .get::<_, Option<String>>("name")?
            .or(row.get::<_, Option<String>>("push_name")?),
        Party::Chat { .. } => row.get("subject")?,
    };
    Ok(named.unwrap_or_else(|| match party {
        Party::Contact {
            phone: Some(phone), ..
        } => format!("+{}", phone.user()),
        Party::Contact { lid: Some(lid), .. } => lid.user().to_owned(),
        Party::Contact { contact, .. } => contact.to_string(),
        Party::Chat { address, .. } => address.user().to_owned(),
    }))
}

fn preview(row: &Row<'_>) -> Result<Option<Preview>, StoreError> {
    let Some(message) = row.get::<_, Option<i64>>("last")? else {
        return Ok(None);
    };
    let direction = name_or_null_at(row, "direction")?;
    let direction = direction.ok_or_else(|| StoreError::corrupt("a message has no direction"))?;
    let content: Option<Content> = json_or_null_at(row, "content")?;
    let revoked: bool = row.get("revoked")?;
    let words = match &content {
        _ if revoked => None,
        Some(Content::Reaction { emoji, .. }) => Some(emoji.clone()),
        Some(content) => row
            .get::<_, Option<String>>("edited")?
            .or_else(|| content.words().map(str::to_owned))
            .or_else(|| content.file().and_then(|file| file.file_name.clone())),
        None => None,
    };
    Ok(Some(Preview {
        message: MessageId::from_raw(message),
        direction,
        kind: if revoked {
            "revoke".to_owned()
        } else {
            row.get("kind")?
        },
        text: words.map(|words| words.chars().take(PREVIEW_CHARS).collect()),
        sender_name: row.get("sender_name")?,
        state: name_or_null_at(row, "state")?,
    }))
}

/// The conversation that goes on for this one: itself, or the one that absorbed it.
pub(super) fn current(
    conn: &Connection,
    workspace: WorkspaceId,
    id: ConversationId,
) -> Result<ConversationId, StoreError> {
    let mut at = id.raw();
    for _ in 0..MERGES_FOLLOWED {
        let sql = "SELECT merged_into FROM conversation WHERE id = ?1 AND workspace = ?2";
        let next = conn
            .prepare_cached(sql)?
            .query_and_then((at, workspace.raw()), |row| row.get::<_, Option<i64>>(0))?
            .next()
            .transpose()?;
        match next {
            None => {
                return Err(StoreError::NotFound {
                    what: "conversation",
                });
            }
            Some(None) => return Ok(ConversationId::from_raw(at)),
            Some(Some(next)) => at = next,
        }
    }
    Err(StoreError::corrupt(
        "conversations absorbed each other in a circle",
    ))
}

struct MarkRead {
    workspace: WorkspaceId,
    conversation: ConversationId,
    now: Timestamp,
}

impl Write for MarkRead {
    type Output = MarkedRead;

    fn apply(&self, tx: &mut Tx<'_>) -> Result<MarkedRead, StoreError> {
        let id = current(tx.conn(), self.workspace, self.conversation)?;
        let (account, unread): (i64, i64) = tx
            .prepare("SELECT account, unread FROM conversation WHERE id = ?1")?
            .query_row([id.raw()], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let account = AccountId::from_raw(account);
        if unread == 0 {
            return Ok(MarkedRead {
                account,
                receipts: Vec::new(),
            });
        }
        let receipts = tx
            .prepare(
                "SELECT wire_id, chat, sender_address FROM message
                 WHERE conversation = ?1 AND direction = 'in'
                    AND kind NOT IN ('reaction', 'edit', 'revoke')
                    AND origin IN ('live', 'offline', 'repair')
                 ORDER BY sent_at DESC, seq DESC LIMIT ?2",
            )?
            .query_and_then((id.raw(), unread.min(READ_RECEIPTS_MAX)), receipt)?
            .collect::<Result<Vec<_>, _>>()?;
        tx.prepare("UPDATE conversation SET unread = 0 WHERE id = ?1")?
            .execute([id.raw()])?;
        let about = About {
            workspace: self.workspace,
            account: Some(account),
            conversation: Some(id),
            at: self.now,
        };
        emit(
            tx,
            about,
            kind::CONVERSATION_READ,
            &serde_json::json!({ "conversation": id }),
        )?;
        Ok(MarkedRead { account, receipts })
    }
}

fn receipt(row: &Row<'_>) -> Result<ReadReceipt, StoreError> {
    let address = parsed_or_null_at(row, "chat")?;
    Ok(ReadReceipt {
        wire_id: row.get("wire_id")?,
        chat: address.ok_or_else(|| StoreError::corrupt("a message has no chat"))?,
        sender: parsed_or_null_at(row, "sender_address")?,
    })
}

impl Store {
    /// Conversations, the one with the newest message first. Ones that were absorbed by a merge
    /// are not listed.
    pub async fn conversations(
        &self,
        filter: ConversationFilter,
        page: Page,
    ) -> Result<Paged<ConversationView>, StoreError> {
        self.read(move |conn| {
            let [last_at, id] = page.after()?.unwrap_or([i64::MAX, i64::MAX]);
            let sql = format!(
                "{} WHERE c.workspace = :workspace AND c.merged_into IS NULL
                    AND (c.last_at, c.id) < (:last_at, :id)
                    AND (c.account = :account OR :account IS NULL)
                    AND (NOT :unread OR c.unread > 0)
                    AND (p.name LIKE :text ESCAPE '\\' OR p.push_name LIKE :text ESCAPE '\\'
                        OR :text IS NULL
                        OR g.subject LIKE :text ESCAPE '\\' OR c.address LIKE :text ESCAPE '\\'
                        OR EXISTS (SELECT 1 FROM alias a WHERE a.contact = c.contact
                            AND a.valid_to IS NULL AND a.address LIKE :text ESCAPE '\\'))
                 ORDER BY c.last_at DESC, c.id DESC LIMIT :rows",
                select()
            );
            let found: Result<Vec<_>, StoreError> = conn
                .prepare_cached(&sql)?
                .query_and_then(
                    named_params! {
                        ":workspace": filter.workspace.raw(), ":last_at": last_at, ":id": id,
                        ":account": filter.account.map(AccountId::raw),
                        ":unread": filter.show == Show::Unread,
                        ":text": filter.text.as_deref().map(containing), ":rows": page.fetch(),
                    },
                    conversation,
                )?
                .collect();
            Ok(page.cut(found?, |conversation| {
                [conversation.last_at.0, conversation.id.raw()]
            }))
        })
        .await
    }

    /// One conversation; for one that was absorbed by a merge, the one that goes on.
    pub async fn conversation(
        &self,
        workspace: WorkspaceId,
        id: ConversationId,
    ) -> Result<ConversationView, StoreError> {
        self.read(move |conn| {
            let id = current(conn, workspace, id)?;
            conn.prepare_cached(&format!("{} WHERE c.id = ?1", select()))?
                .query_and_then([id.raw()], conversation)?
                .next()
                .unwrap_or(Err(StoreError::NotFound {
                    what: "conversation",
                }))
        })
        .await
    }

    /// The account's conversation with an address: a LID, a number somebody has now, or a group's.
    pub async fn conversation_at(
        &self,
        account: AccountId,
        address: Address,
    ) -> Result<Option<ConversationId>, StoreError> {
        self.read(move |conn| {
            let found = conn
                .prepare_cached(
                    "SELECT id FROM conversation
                     WHERE account = :account AND address = :address AND merged_into IS NULL
                     UNION ALL
                     SELECT c.id FROM account o
                     JOIN alias a ON a.workspace = o.workspace AND a.address = :address
                        AND a.valid_to IS NULL
                     JOIN conversation c ON c.account = o.id AND c.contact = a.contact
                        AND c.merged_into IS NULL
                     WHERE o.id = :account LIMIT 1",
                )?
                .query_and_then(
                    named_params! {
                        ":account": account.raw(), ":address": address.to_string(),
                    },
                    |row| row.get(0),
                )?
                .next()
                .transpose()?;
            Ok(found.map(ConversationId::from_raw))
        })
        .await
    }

    /// Marks a conversation as read, and names the messages that were unread (the newest
    /// [`READ_RECEIPTS_MAX`]) so that receipts can be sent for them.
    pub async fn mark_read(
        &self,
        workspace: WorkspaceId,
        conversation: ConversationId,
        now: Timestamp,
    ) -> Result<MarkedRead, StoreError> {
        self.write(MarkRead {
            workspace,
            conversation,
            now,
        })
        .await
    }
}
