//! What is to be sent, and how far each send has come.

use crate::command::{Write, found};
use crate::db::Row;
use crate::error::StoreError;
use crate::seal::{Kind, Sealer};
use crate::sending::{
    Enqueued, IDEMPOTENCY_KEY_MAX, Idempotency, OUTBOX_WAITING_MAX, OutboxItem, Queued, SendStatus,
};
use crate::sql::accounts::{Home, home};
use crate::sql::annotations;
use crate::sql::codec::{ToWord as _, address_at, collect, cut, first, json_at, word_at};
use crate::sql::events::emit;
use crate::sql::identity::{Evidence, Seen, With, conversation, current_conversation, resolve};
use crate::sql::messages::{Place, move_head, stored};
use crate::store::Store;
use crate::writer::Tx;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use waypost_engine::model::event::kind;
use waypost_engine::model::{
    AccountId, Address, ConversationId, Direction, Draft, MessageId, Origin, SendState, Seq,
    Timestamp,
};

/// A send, encoded and sealed.
pub(crate) struct Prepared {
    draft: Draft,
    /// The content and the origin in JSON, for the rows and for their event.
    content: Box<RawValue>,
    cause: Box<RawValue>,
    frozen: Option<Vec<u8>>,
}

impl Prepared {
    pub(crate) fn new(sealer: &Sealer, mut draft: Draft) -> Result<Self, StoreError> {
        let content = to_raw_value(&draft.content)?;
        let cause = to_raw_value(&draft.origin)?;
        let frozen = draft.frozen.take();
        let seal = |payload: Vec<u8>| seal_payload(sealer, draft.account, draft.id, &payload);
        let frozen = frozen.map(seal).transpose()?;
        Ok(Self {
            draft,
            content,
            cause,
            frozen,
        })
    }
}

fn seal_payload(
    sealer: &Sealer,
    account: AccountId,
    message: MessageId,
    payload: &[u8],
) -> Result<Vec<u8>, StoreError> {
    sealer.seal(account, Kind::Frozen, &message.raw().to_be_bytes(), payload)
}

fn open_payload(
    sealer: &Sealer,
    account: AccountId,
    message: MessageId,
    sealed: &[u8],
) -> Result<Vec<u8>, StoreError> {
    sealer.open(account, Kind::Frozen, &message.raw().to_be_bytes(), sealed)
}

/// What the event of a send that was accepted says. Times are UTC milliseconds.
#[derive(Serialize)]
struct Asked<'a> {
    message: MessageId,
    conversation: ConversationId,
    seq: Seq,
    to: &'a Address,
    wire_id: &'a str,
    origin: &'a RawValue,
    content: &'a RawValue,
    state: SendState,
    created_at: Timestamp,
}

/// Writes a send: its message, its place in the outbox, its payload if it has one, the event.
pub(crate) fn insert_send(
    tx: &mut Tx<'_>,
    home: Home,
    send: &Prepared,
    now: Timestamp,
) -> Result<Queued, StoreError> {
    let draft = &send.draft;
    if draft.account != home.account {
        return Err(StoreError::invalid(
            "a send belongs to another account than its cause",
        ));
    }
    let conversation = match draft.conversation {
        Some(conversation) => current_conversation(tx, home, conversation)?,
        None => conversation_to(tx, home, draft, now)?,
    };
    let seq = tx.next_seq(home.account)?;
    let place = Place {
        home,
        conversation,
        sender: None,
        now,
        evidence: Evidence::Fresh,
    };
    tx.prepare(
        "INSERT INTO message (id, account, conversation, seq, direction, origin, wire_id, chat,
           sent_at, received_at, committed_at, kind, content)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9, ?10, ?11, ?12)",
    )?
    .execute((
        draft.id.raw(),
        home.account.raw(),
        conversation.raw(),
        seq.0,
        Direction::Out.word(),
        Origin::Sent.word(),
        &draft.wire_id,
        draft.to.to_string(),
        draft.created_at.0,
        now.0,
        draft.content.kind(),
        send.content.get(),
    ))?;
    tx.prepare(
        "INSERT INTO outbox (message, account, seq, recipient, wire_id, cause, state, attempts,
           next_at, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, 0, ?8)",
    )?
    .execute((
        draft.id.raw(),
        home.account.raw(),
        seq.0,
        draft.to.to_string(),
        &draft.wire_id,
        send.cause.get(),
        SendState::Accepted.word(),
        draft.created_at.0,
    ))?;
    if let Some(blob) = draft.content.file().and_then(|file| file.blob) {
        super::forgetting::note_use(tx, home.account, draft.id, blob)?;
    }
    if let Some(payload) = &send.frozen {
        insert_frozen(tx, draft.id, payload, now)?;
    }
    if !draft.content.is_annotation() {
        move_head(tx, place, draft.id, draft.created_at, 0)?;
    }
    let data = Asked {
        message: draft.id,
        conversation,
        seq,
        to: &draft.to,
        wire_id: &draft.wire_id,
        origin: &send.cause,
        content: &send.content,
        state: SendState::Accepted,
        created_at: draft.created_at,
    };
    emit(tx, place.about(), kind::MESSAGE_ACCEPTED, &data)?;
    annotations::apply(tx, place, draft.id, &draft.content, draft.created_at)?;
    Ok(Queued {
        message: draft.id,
        conversation,
        seq,
    })
}

fn conversation_to(
    tx: &mut Tx<'_>,
    home: Home,
    draft: &Draft,
    now: Timestamp,
) -> Result<ConversationId, StoreError> {
    if !draft.to.is_person() {
        return conversation(tx, home, With::Chat(&draft.to), now);
    }
    let seen = Seen::under([&draft.to], None, Evidence::Fresh);
    let contact = resolve(tx, home.workspace, seen, now)?;
    conversation(tx, home, With::Contact(contact), now)
}

fn insert_frozen(
    tx: &mut Tx<'_>,
    message: MessageId,
    payload: &[u8],
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.prepare(
        "INSERT INTO frozen (message, payload, at) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
    )?
    .execute((message.raw(), payload, now.0))?;
    Ok(())
}

struct Enqueue {
    send: Prepared,
    idempotency: Option<Idempotency>,
    now: Timestamp,
}

impl Write for Enqueue {
    type Output = Enqueued;
    fn apply(&self, tx: &mut Tx<'_>) -> Result<Enqueued, StoreError> {
        if let Some(before) = self
            .idempotency
            .as_ref()
            .map(|key| used(tx, key))
            .transpose()?
            .flatten()
        {
            return Ok(before);
        }
        let home = home(tx, self.send.draft.account)?;
        refuse_when_full(tx, home.account)?;
        let queued = insert_send(tx, home, &self.send, self.now)?;
        if let Some(Idempotency {
            workspace,
            key,
            request_hash,
        }) = &self.idempotency
        {
            tx.prepare(
                "INSERT INTO idempotency
                   (workspace, key, request_hash, message, conversation, seq, created_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute((
                workspace.raw(),
                key,
                request_hash,
                queued.message.raw(),
                queued.conversation.raw(),
                queued.seq.0,
                self.now.0,
            ))?;
        }
        Ok(Enqueued::New(queued))
    }
}

/// Counts no further than the limit, so that a long queue does not make sending slower.
fn refuse_when_full(tx: &Tx<'_>, account: AccountId) -> Result<(), StoreError> {
    let waiting: i64 = tx
        .prepare(
            "SELECT count(*) FROM (SELECT 1 FROM outbox
             WHERE account = ?1 AND state = 'accepted' LIMIT ?2) AS waiting",
        )?
        .query_row((account.raw(), OUTBOX_WAITING_MAX), |row| row.get(0))?;
    if waiting < OUTBOX_WAITING_MAX {
        return Ok(());
    }
    Err(StoreError::conflict(format!(
        "{OUTBOX_WAITING_MAX} messages of this account wait to be sent; wait until some have left"
    )))
}

fn used(tx: &Tx<'_>, idempotency: &Idempotency) -> Result<Option<Enqueued>, StoreError> {
    let mut statement = tx.prepare(
        "SELECT request_hash, message, conversation, seq FROM idempotency
         WHERE workspace = ?1 AND key = ?2",
    )?;
    first(
        statement.query((idempotency.workspace.raw(), &idempotency.key))?,
        |row| {
            if row.get::<_, Vec<u8>>(0)? != idempotency.request_hash {
                return Ok(Enqueued::KeyReused);
            }
            Ok(Enqueued::Replayed(Queued {
                message: MessageId::from_raw(row.get(1)?),
                conversation: ConversationId::from_raw(row.get(2)?),
                seq: Seq(row.get(3)?),
            }))
        },
    )
}

struct Freeze {
    message: MessageId,
    payload: Vec<u8>,
    now: Timestamp,
}

impl Write for Freeze {
    /// The sealed payload that counts: the first one.
    type Output = Vec<u8>;
    fn apply(&self, tx: &mut Tx<'_>) -> Result<Vec<u8>, StoreError> {
        insert_frozen(tx, self.message, &self.payload, self.now)?;
        Ok(tx
            .prepare("SELECT payload FROM frozen WHERE message = ?1")?
            .query_row([self.message.raw()], |row| row.get(0))?)
    }
}

struct AttemptFailed {
    message: MessageId,
    error: String,
    next_at: Timestamp,
}

impl Write for AttemptFailed {
    type Output = ();
    fn apply(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let changed = tx
            .prepare(
                "UPDATE outbox SET attempts = attempts + 1, last_error = ?2, next_at = ?3
                 WHERE message = ?1",
            )?
            .execute((self.message.raw(), &self.error, self.next_at.0))?;
        found(changed, "send")
    }
}

/// The columns of [`item_at`].
pub(crate) const ITEM: &str = "SELECT o.message, o.account, m.conversation, o.seq, o.recipient,
       o.wire_id, m.content, o.attempts, o.next_at, o.created_at, o.state, o.last_error, f.payload
     FROM outbox o JOIN message m ON m.id = o.message LEFT JOIN frozen f ON f.message = o.message";

/// An item with its payload still sealed.
pub(crate) fn item_at(row: &Row<'_>) -> Result<OutboxItem, StoreError> {
    Ok(OutboxItem {
        message: MessageId::from_raw(row.get(0)?),
        account: AccountId::from_raw(row.get(1)?),
        conversation: ConversationId::from_raw(row.get(2)?),
        seq: Seq(row.get(3)?),
        to: address_at(row, 4)?,
        wire_id: row.get(5)?,
        content: json_at(row, 6)?,
        attempts: row.get(7)?,
        next_at: Timestamp(row.get(8)?),
        created_at: Timestamp(row.get(9)?),
        state: word_at(row, 10)?,
        last_error: row.get(11)?,
        frozen: row.get(12)?,
    })
}

/// Opens an item's payload.
pub(crate) fn opened(sealer: &Sealer, mut item: OutboxItem) -> Result<OutboxItem, StoreError> {
    if let Some(sealed) = item.frozen.take() {
        item.frozen = Some(open_payload(sealer, item.account, item.message, &sealed)?);
    }
    Ok(item)
}

impl Store {
    /// Puts a send into the outbox. With an idempotency key, a repeated request returns what the
    /// first one made, and another request under the same key is refused.
    /// [`StoreError::Conflict`] when [`OUTBOX_WAITING_MAX`] sends wait already.
    pub async fn enqueue(
        &self,
        draft: Draft,
        idempotency: Option<Idempotency>,
        now: Timestamp,
    ) -> Result<Enqueued, StoreError> {
        if let Some(Idempotency { key, .. }) = &idempotency
            && (key.is_empty() || key.len() > IDEMPOTENCY_KEY_MAX)
        {
            return Err(StoreError::invalid(format!(
                "an idempotency key has 1 to {IDEMPOTENCY_KEY_MAX} bytes; send a shorter one"
            )));
        }
        let send = Prepared::new(&self.shared.sealer, draft)?;
        self.write(Enqueue {
            send,
            idempotency,
            now,
        })
        .await
    }

    /// Commits sends apart from what caused them: a deliberate fault.
    #[cfg(feature = "fault-injection")]
    pub(crate) async fn send_apart(
        &self,
        sends: Vec<Prepared>,
        now: Timestamp,
    ) -> Result<crate::flow::Completed, StoreError> {
        let mut queued = Vec::new();
        for send in sends {
            if let Enqueued::New(one) = self
                .write(Enqueue {
                    send,
                    idempotency: None,
                    now,
                })
                .await?
            {
                queued.push(one);
            }
        }
        Ok(crate::flow::Completed::Done { sends: queued })
    }

    /// Sends the server has not accepted yet, by their place in the account's order, after
    /// `after`: so each conversation's are in order too. Held ones are left out.
    pub async fn outbox_due(
        &self,
        account: AccountId,
        after: Seq,
        limit: usize,
    ) -> Result<Vec<OutboxItem>, StoreError> {
        let store = self.clone();
        self.read(move |conn| {
            let sql = format!(
                "{ITEM} WHERE o.account = ?1 AND o.state = 'accepted' AND o.seq > ?2
                 ORDER BY o.seq LIMIT ?3"
            );
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let mut statement = conn.prepare_cached(&sql)?;
            collect(statement.query((account.raw(), after.0, limit))?, |row| {
                opened(&store.shared.sealer, item_at(row)?)
            })
        })
        .await
    }

    /// One send of the outbox, whatever its state.
    pub async fn outbox_item(&self, message: MessageId) -> Result<OutboxItem, StoreError> {
        let store = self.clone();
        self.read(move |conn| {
            let sql = format!("{ITEM} WHERE o.message = ?1");
            let item = first(conn.prepare_cached(&sql)?.query([message.raw()])?, item_at)?;
            opened(
                &store.shared.sealer,
                item.ok_or(StoreError::NotFound { what: "send" })?,
            )
        })
        .await
    }

    /// How far a send has come.
    pub async fn send_status(&self, message: MessageId) -> Result<SendStatus, StoreError> {
        self.read(move |conn| {
            let mut statement = conn.prepare_cached(
                "SELECT state, fail, attempts, last_error, next_at FROM outbox WHERE message = ?1",
            )?;
            let status = first(statement.query([message.raw()])?, |row| {
                let fail = match row.get_ref(1)? {
                    crate::db::ValueRef::Null => None,
                    _ => Some(json_at(row, 1)?),
                };
                Ok(SendStatus {
                    message,
                    state: word_at(row, 0)?,
                    fail,
                    attempts: row.get(2)?,
                    last_error: row.get(3)?,
                    next_at: Timestamp(row.get(4)?),
                })
            })?;
            status.ok_or(StoreError::NotFound { what: "send" })
        })
        .await
    }

    /// Freezes what will be sent, before the first attempt. The first payload counts: the one
    /// returned is the one to send, on this and every later attempt.
    pub async fn freeze(
        &self,
        message: MessageId,
        payload: &[u8],
        now: Timestamp,
    ) -> Result<Vec<u8>, StoreError> {
        let account = self
            .read(move |conn| Ok(stored(conn, message)?.account))
            .await?;
        let sealer = &self.shared.sealer;
        let payload = seal_payload(sealer, account, message, payload)?;
        let counts = self
            .write(Freeze {
                message,
                payload,
                now,
            })
            .await?;
        open_payload(sealer, account, message, &counts)
    }

    /// The payload sent under a wire id, for a retry request; `None` when it is unknown or older
    /// than [`crate::sending::FROZEN_KEPT`]. Reading does not remove it.
    pub async fn frozen_payload(
        &self,
        account: AccountId,
        wire_id: &str,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let (store, wire_id) = (self.clone(), wire_id.to_owned());
        self.read(move |conn| {
            let mut statement = conn.prepare_cached(
                "SELECT f.message, f.payload FROM message m JOIN frozen f ON f.message = m.id
                 WHERE m.account = ?1 AND m.wire_id = ?2 AND m.direction = 'out'",
            )?;
            let found = first(statement.query((account.raw(), wire_id))?, |row| {
                Ok((MessageId::from_raw(row.get(0)?), row.get::<_, Vec<u8>>(1)?))
            })?;
            let open = |(message, sealed): (_, Vec<u8>)| {
                open_payload(&store.shared.sealer, account, message, &sealed)
            };
            found.map(open).transpose()
        })
        .await
    }

    /// Remembers that an attempt to send failed, and when to try again.
    pub async fn attempt_failed(
        &self,
        message: MessageId,
        error: &str,
        next_at: Timestamp,
    ) -> Result<(), StoreError> {
        let error = cut(error, crate::dead_letters::ERROR_MAX).to_owned();
        self.write(AttemptFailed {
            message,
            error,
            next_at,
        })
        .await
    }
}
