//! The states of a send. They only move forward, and each change writes its event.

use crate::command::Write;
use crate::db::Row;
use crate::error::StoreError;
use crate::sending::{Confirmation, Moved, RECEIPT_IDS_MAX, Receipt};
use crate::sql::accounts::{Home, home};
use crate::sql::codec::{ToWord as _, address_at, first, to_json, word_at};
use crate::sql::dead_letters::{Letter, bury_letter, resolve_replayed};
use crate::sql::events::{About, emit};
use crate::sql::identity::{Evidence, Seen, find_by_address, resolve};
use crate::store::Store;
use crate::writer::Tx;
use serde_json::json;
use waypost_engine::model::event::kind;
use waypost_engine::model::{
    AccountId, Address, ConversationId, Direction, FailReason, MessageId, SendState, Timestamp,
};

/// A send as its state machine sees it.
struct Sent {
    message: MessageId,
    account: AccountId,
    conversation: ConversationId,
    wire_id: String,
    recipient: Address,
    state: SendState,
}

const SENT: &str = "SELECT o.message, o.account, m.conversation, o.wire_id, o.recipient, o.state
     FROM message m JOIN outbox o ON o.message = m.id";

fn sent_at(row: &Row<'_>) -> Result<Sent, StoreError> {
    Ok(Sent {
        message: MessageId::from_raw(row.get(0)?),
        account: AccountId::from_raw(row.get(1)?),
        conversation: ConversationId::from_raw(row.get(2)?),
        wire_id: row.get(3)?,
        recipient: address_at(row, 4)?,
        state: word_at(row, 5)?,
    })
}

fn by_message(tx: &Tx<'_>, message: MessageId) -> Result<Option<Sent>, StoreError> {
    let sql = format!("{SENT} WHERE m.id = ?1");
    first(tx.prepare(&sql)?.query([message.raw()])?, sent_at)
}

fn by_wire_id(tx: &Tx<'_>, account: AccountId, wire: &str) -> Result<Option<Sent>, StoreError> {
    let sql = format!("{SENT} WHERE m.account = ?1 AND m.wire_id = ?2 AND m.direction = 'out'");
    first(tx.prepare(&sql)?.query((account.raw(), wire))?, sent_at)
}

/// Moves a send to `to`, with the time and the event.
fn move_to(
    tx: &mut Tx<'_>,
    sent: &Sent,
    to: SendState,
    fail: Option<&FailReason>,
    now: Timestamp,
) -> Result<Moved, StoreError> {
    let reached = |least: SendState| (to >= least && to <= SendState::Read).then_some(now.0);
    tx.prepare(
        "UPDATE outbox SET state = ?2, fail = ?3,
           server_at = coalesce(server_at, ?4), delivered_at = coalesce(delivered_at, ?5),
           read_at = coalesce(read_at, ?6), failed_at = ?7
         WHERE message = ?1",
    )?
    .execute((
        sent.message.raw(),
        to.word(),
        fail.map(to_json).transpose()?,
        reached(SendState::Server),
        reached(SendState::Delivered),
        reached(SendState::Read),
        (to == SendState::Failed).then_some(now.0),
    ))?;
    let workspace = home(tx, sent.account)?.workspace;
    let about = About {
        workspace,
        account: Some(sent.account),
        conversation: Some(sent.conversation),
        at: now,
    };
    let data = json!({
        "message": sent.message, "conversation": sent.conversation, "wire_id": sent.wire_id,
        "from": sent.state, "state": to, "failure": fail, "at": now,
    });
    emit(tx, about, kind::MESSAGE_STATE, &data)?;
    Ok(Moved::To(to))
}

/// Not final yet: waiting, or held for a person.
fn is_open(state: SendState) -> bool {
    matches!(state, SendState::Accepted | SendState::Held)
}

struct ServerAccepted {
    account: AccountId,
    wire_id: String,
    now: Timestamp,
}

impl Write for ServerAccepted {
    type Output = Moved;
    fn apply(&self, tx: &mut Tx<'_>) -> Result<Moved, StoreError> {
        let Some(sent) = by_wire_id(tx, self.account, &self.wire_id)? else {
            return Ok(Moved::Unknown);
        };
        if !is_open(sent.state) {
            return Ok(Moved::Already(sent.state));
        }
        resolve_replayed(tx, sent.message, self.now)?;
        move_to(tx, &sent, SendState::Server, None, self.now)
    }
}

struct SendFailed {
    message: MessageId,
    reason: FailReason,
    now: Timestamp,
}

impl Write for SendFailed {
    type Output = Moved;
    fn apply(&self, tx: &mut Tx<'_>) -> Result<Moved, StoreError> {
        let Some(sent) = by_message(tx, self.message)? else {
            return Ok(Moved::Unknown);
        };
        if !is_open(sent.state) {
            return Ok(Moved::Already(sent.state));
        }
        if let FailReason::Exhausted { error } | FailReason::Media { error } = &self.reason {
            let letter = Letter {
                message: sent.message,
                account: sent.account,
                conversation: sent.conversation,
                direction: Direction::Out,
                stage: "send",
                error,
            };
            bury_letter(tx, &letter, self.now)?;
        }
        move_to(tx, &sent, SendState::Failed, Some(&self.reason), self.now)
    }
}

struct Release {
    message: MessageId,
    now: Timestamp,
}

impl Write for Release {
    type Output = Moved;
    fn apply(&self, tx: &mut Tx<'_>) -> Result<Moved, StoreError> {
        match by_message(tx, self.message)? {
            None => Ok(Moved::Unknown),
            Some(sent) if sent.state == SendState::Held => {
                move_to(tx, &sent, SendState::Accepted, None, self.now)
            }
            Some(sent) => Ok(Moved::Already(sent.state)),
        }
    }
}

struct Receipts(Confirmation);

impl Write for Receipts {
    type Output = Vec<MessageId>;
    fn apply(&self, tx: &mut Tx<'_>) -> Result<Vec<MessageId>, StoreError> {
        let Confirmation {
            account,
            chat,
            chat_alt,
            at,
            ..
        } = &self.0;
        let home = home(tx, *account)?;
        if let Some(alt) = chat_alt.as_ref().filter(|_| chat.is_person()) {
            let seen = Seen::under([chat, alt], None, Evidence::Fresh);
            resolve(tx, home.workspace, seen, *at)?;
        }
        let conversation = find_by_address(tx, home, chat)?;
        let mut moved = Vec::new();
        for wire_id in self.0.wire_ids.iter().take(RECEIPT_IDS_MAX) {
            if let Some(message) = self.confirm(tx, home, conversation, wire_id)? {
                moved.push(message);
            }
        }
        Ok(moved)
    }
}

impl Receipts {
    /// Moves one send forward. Only its own conversation can confirm it.
    fn confirm(
        &self,
        tx: &mut Tx<'_>,
        home: Home,
        conversation: Option<ConversationId>,
        wire_id: &str,
    ) -> Result<Option<MessageId>, StoreError> {
        let Some(sent) = by_wire_id(tx, home.account, wire_id)? else {
            return Ok(None);
        };
        let theirs = sent.recipient == self.0.chat || conversation == Some(sent.conversation);
        let to = match self.0.receipt {
            Receipt::Delivered => SendState::Delivered,
            Receipt::Read => SendState::Read,
        };
        let forward = is_open(sent.state) || (sent.state < to && sent.state != SendState::Failed);
        if !theirs || !forward {
            return Ok(None);
        }
        move_to(tx, &sent, to, None, self.0.at)?;
        Ok(Some(sent.message))
    }
}

impl Store {
    /// WhatsApp's server accepted a send: from here on it is final.
    pub async fn server_accepted(
        &self,
        account: AccountId,
        wire_id: &str,
        now: Timestamp,
    ) -> Result<Moved, StoreError> {
        self.write(ServerAccepted {
            account,
            wire_id: wire_id.to_owned(),
            now,
        })
        .await
    }

    /// A send was refused or given up. One that was tried in vain also becomes a dead letter.
    pub async fn send_failed(
        &self,
        message: MessageId,
        reason: FailReason,
        now: Timestamp,
    ) -> Result<Moved, StoreError> {
        self.write(SendFailed {
            message,
            reason,
            now,
        })
        .await
    }

    /// A person takes a send back that is still waiting or held. The caller makes sure that it
    /// is not under way.
    pub async fn cancel(&self, message: MessageId, now: Timestamp) -> Result<Moved, StoreError> {
        self.send_failed(message, FailReason::Cancelled, now).await
    }

    /// A person lets a held send go out.
    pub async fn release(&self, message: MessageId, now: Timestamp) -> Result<Moved, StoreError> {
        self.write(Release { message, now }).await
    }

    /// A recipient confirmed messages. Returns those whose state moved; it only moves forward,
    /// and only the message's own conversation can move it.
    pub async fn receipt(&self, confirmation: Confirmation) -> Result<Vec<MessageId>, StoreError> {
        self.write(Receipts(confirmation)).await
    }
}
