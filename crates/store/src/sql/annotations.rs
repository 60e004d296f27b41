//! Reactions, edits and deletions: messages that change another one. They may arrive before it.

use crate::error::StoreError;
use crate::flow::WIRE_ID_MAX;
use crate::sql::codec::{collect, first};
use crate::sql::events::emit;
use crate::sql::identity::{Evidence, canonical};
use crate::sql::messages::Place;
use crate::writer::Tx;
use serde::Serialize;
use waypost_engine::model::event::kind;
use waypost_engine::model::{ContactId, Content, MessageId, Timestamp};

/// Who reacted, edited or deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Author {
    /// The account itself.
    Account,
    /// Somebody else.
    Contact(ContactId),
}

impl Author {
    pub(crate) fn of(sender: Option<ContactId>) -> Self {
        sender.map_or(Self::Account, Self::Contact)
    }

    fn raw(self) -> i64 {
        match self {
            Self::Account => 0,
            Self::Contact(contact) => contact.raw(),
        }
    }

    fn from_raw(raw: i64) -> Self {
        if raw == 0 {
            Self::Account
        } else {
            Self::Contact(ContactId::from_raw(raw))
        }
    }

    /// Who that is after merges.
    fn now(self, tx: &Tx<'_>) -> Result<Self, StoreError> {
        match self {
            Self::Account => Ok(self),
            Self::Contact(contact) => canonical(tx.conn(), contact).map(Self::Contact),
        }
    }
}

struct Change<'a> {
    target: &'a str,
    kind: &'static str,
    value: &'a str,
}

fn change(content: &Content) -> Option<Change<'_>> {
    let (target, value) = match content {
        Content::Reaction { target, emoji } => (target, emoji.as_str()),
        Content::Edit { target, body } => (target, body.as_str()),
        Content::Revoke { target } => (target, ""),
        _ => return None,
    };
    // No message has a longer id, so there is none that this could change.
    if target.len() > WIRE_ID_MAX {
        return None;
    }
    Some(Change {
        target,
        kind: content.kind(),
        value,
    })
}

/// What the event of a change says.
#[derive(Serialize)]
struct Changed<'a> {
    message: MessageId,
    change: &'a str,
    value: &'a str,
    by: Option<ContactId>,
    at: Timestamp,
}

/// Applies what `message` says about another message, if it says anything. Anybody may react;
/// only the author of a message may edit or delete it.
pub(crate) fn apply(
    tx: &mut Tx<'_>,
    place: Place,
    message: MessageId,
    content: &Content,
    sent_at: Timestamp,
) -> Result<(), StoreError> {
    let Some(change) = change(content) else {
        return Ok(());
    };
    let target = find_target(tx, place, &change)?;
    let newest = tx
        .prepare(
            "INSERT INTO annotation
               (account, target_wire, author, kind, conversation, target, value, sent_at, message)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
             ON CONFLICT (account, target_wire, author, kind, conversation) DO UPDATE
             SET target = excluded.target, value = excluded.value,
               sent_at = excluded.sent_at, message = excluded.message
             WHERE excluded.sent_at >= annotation.sent_at",
        )?
        .execute((
            place.home.account.raw(),
            change.target,
            place.author().raw(),
            change.kind,
            place.conversation.raw(),
            target.map(MessageId::raw),
            change.value,
            sent_at.0,
            message.raw(),
        ))?;
    match target {
        Some(target) if newest == 1 => tell(
            tx,
            place,
            target,
            (change.kind, change.value),
            place.author(),
            sent_at,
        ),
        _ => Ok(()),
    }
}

/// Gives a message that has just been stored the changes that came before it.
pub(crate) fn adopt(
    tx: &mut Tx<'_>,
    place: Place,
    message: MessageId,
    wire_id: &str,
) -> Result<(), StoreError> {
    let mut statement = tx.prepare(
        "SELECT author, kind, value, sent_at FROM annotation
         WHERE account = ?1 AND target_wire = ?2 AND conversation = ?3 AND target IS NULL",
    )?;
    let key = (place.home.account.raw(), wire_id, place.conversation.raw());
    let waiting = collect(statement.query(key)?, |row| {
        let author = Author::from_raw(row.get(0)?);
        let (kind, value): (String, String) = (row.get(1)?, row.get(2)?);
        Ok((author, kind, value, Timestamp(row.get(3)?)))
    })?;
    for (author, kind, value, at) in waiting {
        if kind != REACTION && author.now(tx)? != place.author() {
            continue;
        }
        tx.prepare(
            "UPDATE annotation SET target = ?6 WHERE account = ?1 AND target_wire = ?2
             AND conversation = ?3 AND author = ?4 AND kind = ?5",
        )?
        .execute((key.0, key.1, key.2, author.raw(), &kind, message.raw()))?;
        tell(tx, place, message, (&kind, &value), author, at)?;
    }
    Ok(())
}

/// A query for what already stands in the conversation that `parameter` names, and would be
/// doubled by moving a row of `annotation` there.
pub(crate) fn same_annotation_in(parameter: &str) -> String {
    format!(
        "SELECT 1 FROM annotation there WHERE there.account = annotation.account
           AND there.target_wire = annotation.target_wire AND there.author = annotation.author
           AND there.kind = annotation.kind AND there.conversation = {parameter}"
    )
}

const REACTION: &str = "reaction";

fn find_target(
    tx: &Tx<'_>,
    place: Place,
    change: &Change<'_>,
) -> Result<Option<MessageId>, StoreError> {
    let mut statement = tx.prepare(
        "SELECT id, sender FROM message
         WHERE account = ?1 AND wire_id = ?2 AND conversation = ?3 ORDER BY seq LIMIT 1",
    )?;
    let key = (
        place.home.account.raw(),
        change.target,
        place.conversation.raw(),
    );
    let found = first(statement.query(key)?, |row| {
        let sender = row.get::<_, Option<i64>>(1)?.map(ContactId::from_raw);
        Ok((MessageId::from_raw(row.get(0)?), Author::of(sender)))
    })?;
    let Some((target, wrote)) = found else {
        return Ok(None);
    };
    let may = change.kind == REACTION || wrote.now(tx)? == place.author();
    Ok(may.then_some(target))
}

fn tell(
    tx: &mut Tx<'_>,
    place: Place,
    message: MessageId,
    (change, value): (&str, &str),
    author: Author,
    at: Timestamp,
) -> Result<(), StoreError> {
    if place.evidence == Evidence::Old {
        return Ok(());
    }
    let by = match author {
        Author::Account => None,
        Author::Contact(contact) => Some(contact),
    };
    let data = Changed {
        message,
        change,
        value,
        by,
        at,
    };
    emit(tx, place.about(), kind::MESSAGE_CHANGED, &data)?;
    Ok(())
}
