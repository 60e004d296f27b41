//! Messages as people see them, with everything that happened to them.

use super::column::{
    json_at, json_or_null_at, name_at, name_or_null_at, parsed_at, parsed_or_null_at, time_at,
    time_or_null_at,
};
use super::conversations::current;
use crate::admin::conversations::{
    Around, Edited, MediaView, MessagePage, MessageView, Place, Reaction, SendView,
};
use crate::db::{Connection, Row};
use crate::error::StoreError;
use crate::page::Page;
use crate::store::Store;
use std::collections::{HashMap, HashSet};
use waypost_engine::model::{
    AccountId, BlobId, ContactId, Content, ConversationId, MediaState, MessageId, RuleId,
    SendOrigin, Seq, Timestamp, WorkspaceId,
};

/// The columns of [`message`]; `m` is the message.
pub(super) const SELECT: &str = "SELECT m.id, m.account, m.conversation, m.seq, m.direction,
        m.origin, m.wire_id, m.chat, coalesce(s.merged_into, m.sender) AS sender,
        m.sender_address, coalesce(s.name, m.sender_name, s.push_name) AS sender_name,
        m.sent_at, m.received_at, m.content,
        o.state, o.fail, o.attempts, o.last_error, o.server_at, o.delivered_at, o.read_at,
        o.cause,
        d.state AS media_state, d.blob, d.bytes, d.mime, d.reason, f.data AS findings
    FROM message m
    LEFT JOIN contact s ON s.id = m.sender
    LEFT JOIN outbox o ON o.message = m.id
    LEFT JOIN media d ON d.message = m.id
    LEFT JOIN finding f ON f.message = m.id";

pub(super) fn message(row: &Row<'_>) -> Result<MessageView, StoreError> {
    Ok(MessageView {
        id: MessageId::from_raw(row.get("id")?),
        account: AccountId::from_raw(row.get("account")?),
        conversation: ConversationId::from_raw(row.get("conversation")?),
        seq: Seq(row.get("seq")?),
        direction: name_at(row, "direction")?,
        origin: name_at(row, "origin")?,
        wire_id: row.get("wire_id")?,
        chat: parsed_at(row, "chat")?,
        sender: row
            .get::<_, Option<i64>>("sender")?
            .map(ContactId::from_raw),
        sender_address: parsed_or_null_at(row, "sender_address")?,
        sender_name: row.get("sender_name")?,
        sent_at: time_at(row, "sent_at")?,
        received_at: time_at(row, "received_at")?,
        content: without_keys(json_at(row, "content")?),
        send: send(row)?,
        media: media(row)?,
        reactions: Vec::new(),
        edited: None,
        revoked_at: None,
        findings: json_or_null_at(row, "findings")?,
    })
}

/// The content without what opens its file at WhatsApp.
fn without_keys(mut content: Content) -> Content {
    if let Content::Media { file, .. } = &mut content {
        file.pointer = None;
    }
    content
}

fn send(row: &Row<'_>) -> Result<Option<SendView>, StoreError> {
    let Some(state) = name_or_null_at(row, "state")? else {
        return Ok(None);
    };
    Ok(Some(SendView {
        state,
        fail: json_or_null_at(row, "fail")?,
        attempts: row.get("attempts")?,
        last_error: row.get("last_error")?,
        server_at: time_or_null_at(row, "server_at")?,
        delivered_at: time_or_null_at(row, "delivered_at")?,
        read_at: time_or_null_at(row, "read_at")?,
        cause: json_at(row, "cause")?,
        rule_name: None,
    }))
}

fn media(row: &Row<'_>) -> Result<Option<MediaView>, StoreError> {
    let Some(state) = row.get::<_, Option<String>>("media_state")? else {
        return Ok(None);
    };
    let blob: Option<i64> = row.get("blob")?;
    let state = match (state.as_str(), blob) {
        ("pending", _) => MediaState::Pending,
        ("asked_again", _) => MediaState::AskedAgain,
        ("stored", Some(blob)) => MediaState::Stored {
            blob: BlobId::from_raw(blob),
            bytes: row
                .get::<_, Option<i64>>("bytes")?
                .unwrap_or(0)
                .cast_unsigned(),
        },
        ("failed", _) => MediaState::Failed {
            reason: row.get::<_, Option<String>>("reason")?.unwrap_or_default(),
        },
        (other, _) => {
            return Err(StoreError::corrupt(format!(
                "'{other}' is no state of a file"
            )));
        }
    };
    Ok(Some(MediaView {
        state,
        mime: row.get("mime")?,
    }))
}

/// The rule that caused a message, if one did.
fn rule_of(message: &MessageView) -> Option<RuleId> {
    match message.send.as_ref()?.cause {
        SendOrigin::Rule { rule, .. } => Some(rule),
        SendOrigin::Api => None,
    }
}

/// Adds the names of the rules that caused messages.
fn name_rules(conn: &Connection, messages: &mut [MessageView]) -> Result<(), StoreError> {
    let rules: HashSet<i64> = messages
        .iter()
        .filter_map(rule_of)
        .map(RuleId::raw)
        .collect();
    if rules.is_empty() {
        return Ok(());
    }
    let wanted = serde_json::to_string(&rules)?;
    let listed = conn.dialect().integers_in_json("?1");
    let sql = format!("SELECT id, name FROM reply_rule WHERE id IN ({listed})");
    let names: HashMap<i64, String> = conn
        .prepare_cached(&sql)?
        .query_map([wanted], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    for message in messages {
        let name = rule_of(message).and_then(|rule| names.get(&rule.raw()));
        if let Some(send) = &mut message.send {
            send.rule_name = name.cloned();
        }
    }
    Ok(())
}

/// Adds reactions, edits, deletions and names of rules to the messages they belong to.
pub(super) fn annotate(conn: &Connection, messages: &mut [MessageView]) -> Result<(), StoreError> {
    name_rules(conn, messages)?;
    let places: HashMap<i64, usize> = messages
        .iter()
        .enumerate()
        .map(|(at, message)| (message.id.raw(), at))
        .collect();
    let targets = serde_json::to_string(&places.keys().collect::<Vec<_>>())?;
    let listed = conn.dialect().integers_in_json("?1");
    let mut statement = conn.prepare_cached(&format!(
        "SELECT n.target, n.kind, n.value, n.sent_at, coalesce(c.merged_into, n.author) AS author
         FROM annotation n LEFT JOIN contact c ON c.id = n.author
         WHERE n.target IN ({listed}) ORDER BY n.sent_at, n.message"
    ))?;
    let mut rows = statement.query([targets])?;
    while let Some(row) = rows.next()? {
        let target: i64 = row.get("target")?;
        let at = time_at(&row, "sent_at")?;
        let value: String = row.get("value")?;
        let Some(message) = places.get(&target).and_then(|at| messages.get_mut(*at)) else {
            continue;
        };
        match row.get::<_, String>("kind")?.as_str() {
            "edit" => message.edited = Some(Edited { body: value, at }),
            "revoke" => message.revoked_at = Some(at),
            "reaction" => react(message, row.get("author")?, value, at),
            other => {
                return Err(StoreError::corrupt(format!(
                    "'{other}' is no kind of annotation"
                )));
            }
        }
    }
    Ok(())
}

/// One reaction per person counts, the newest; an empty one takes it back.
fn react(message: &mut MessageView, author: i64, emoji: String, at: Timestamp) {
    let contact = (author != 0).then(|| ContactId::from_raw(author));
    message
        .reactions
        .retain(|reaction| reaction.contact != contact);
    if !emoji.is_empty() {
        message.reactions.push(Reaction { contact, emoji, at });
    }
}

fn place(message: &MessageView) -> Place {
    Place {
        sent_at: message.sent_at,
        seq: message.seq,
    }
}

/// Messages that stand for themselves; reactions, edits and deletions show at their targets.
const SHOWN: &str = "m.conversation = ?1 AND m.kind NOT IN ('reaction', 'edit', 'revoke')";

fn read_page(
    conn: &Connection,
    conversation: ConversationId,
    around: Around,
    page: &Page,
) -> Result<MessagePage, StoreError> {
    let (compare, order, from) = match around {
        Around::Newest => (
            "<",
            "DESC",
            Place {
                sent_at: Timestamp(i64::MAX),
                seq: Seq(i64::MAX),
            },
        ),
        Around::Before(place) => ("<", "DESC", place),
        Around::After(place) => (">", "ASC", place),
    };
    let sql = format!(
        "{SELECT} WHERE {SHOWN} AND (m.sent_at, m.seq) {compare} (?2, ?3)
         ORDER BY m.sent_at {order}, m.seq {order} LIMIT ?4"
    );
    let found: Result<Vec<_>, StoreError> = conn
        .prepare_cached(&sql)?
        .query_and_then(
            (conversation.raw(), from.sent_at.0, from.seq.0, page.fetch()),
            message,
        )?
        .collect();
    let cut = page.cut(found?, |message| [message.seq.0]);
    let (mut messages, more) = (cut.items, cut.next.is_some());
    let is_forward = matches!(around, Around::After(_));
    if !is_forward {
        messages.reverse();
    }
    annotate(conn, &mut messages)?;
    let older = messages.first().map(place).filter(|_| is_forward || more);
    let newer = messages.last().map(place).or(match around {
        Around::After(place) => Some(place),
        Around::Newest | Around::Before(_) => None,
    });
    Ok(MessagePage {
        messages,
        older,
        newer,
    })
}

impl Store {
    /// Messages of a conversation, oldest first, as many as `page.limit` says (its cursor is not
    /// used; go on with [`MessagePage::older`] and [`MessagePage::newer`]).
    pub async fn messages(
        &self,
        workspace: WorkspaceId,
        conversation: ConversationId,
        around: Around,
        limit: u16,
    ) -> Result<MessagePage, StoreError> {
        self.read(move |conn| {
            let snapshot = conn.snapshot()?;
            let conversation = current(&snapshot, workspace, conversation)?;
            read_page(&snapshot, conversation, around, &Page::first(limit))
        })
        .await
    }

    /// One message.
    pub async fn message(
        &self,
        workspace: WorkspaceId,
        id: MessageId,
    ) -> Result<MessageView, StoreError> {
        self.read(move |conn| {
            let sql = format!(
                "{SELECT} JOIN account a ON a.id = m.account WHERE m.id = ?1 AND a.workspace = ?2"
            );
            let found = conn
                .prepare_cached(&sql)?
                .query_and_then((id.raw(), workspace.raw()), message)?
                .next()
                .unwrap_or(Err(StoreError::NotFound { what: "message" }))?;
            let mut found = [found];
            annotate(conn, &mut found)?;
            let [found] = found;
            Ok(found)
        })
        .await
    }
}
