//! Accepting messages: the first commit.

use crate::accounts::OwnerEpoch;
use crate::command::Write;
use crate::db::{Connection, Row};
use crate::error::StoreError;
use crate::flow::{ACCEPT_ITEMS_MAX, Accept, Accepted, SENDER_NAME_MAX, WIRE_ID_MAX, Work};
use crate::seal::{Kind, Sealer};
use crate::sql::accounts::{Home, home};
use crate::sql::annotations::{self, Author};
use crate::sql::codec::{ToWord as _, address_at, collect, cut, first, json_at, word_at};
use crate::sql::events::{About, emit};
use crate::sql::identity::{Evidence, Seen, With, canonical, conversation, resolve};
use crate::sql::media::add_job;
use crate::store::Store;
use crate::writer::Tx;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use waypost_engine::flow::retry::REPAIR_WAIT;
use waypost_engine::model::event::kind;
use waypost_engine::model::{
    AccountId, Address, ContactId, Content, ConversationId, Direction, Inbound, MessageId, Origin,
    Seq, Timestamp,
};

/// A message on its way in, encoded and sealed.
struct Item {
    id: MessageId,
    inbound: Inbound,
    /// The content in JSON, for the message and for its event.
    content: Box<RawValue>,
    /// `None` when there is nothing raw.
    raw: Option<Vec<u8>>,
}

struct AcceptItems {
    account: AccountId,
    owner: OwnerEpoch,
    now: Timestamp,
    items: Vec<Item>,
}

impl Write for AcceptItems {
    type Output = Vec<Accepted>;
    fn apply(&self, tx: &mut Tx<'_>) -> Result<Vec<Accepted>, StoreError> {
        let home = home(tx, self.account)?;
        if home.owner != self.owner {
            return Err(StoreError::NotOwner);
        }
        self.items
            .iter()
            .map(|item| accept_one(tx, home, item, self.now))
            .collect()
    }
}

/// Where a message belongs and who wrote it, once that is resolved.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) home: Home,
    pub(crate) conversation: ConversationId,
    pub(crate) sender: Option<ContactId>,
    pub(crate) now: Timestamp,
    /// What comes with a history sync is remembered without events: followers would take a
    /// year of old messages for new ones.
    pub(crate) evidence: Evidence,
}

impl Place {
    pub(crate) fn about(self) -> About {
        About {
            workspace: self.home.workspace,
            account: Some(self.home.account),
            conversation: Some(self.conversation),
            at: self.now,
        }
    }

    pub(crate) fn author(self) -> Author {
        Author::of(self.sender)
    }
}

/// A stored message that may be the same one.
struct Candidate {
    id: MessageId,
    seq: Seq,
    kind: String,
}

fn accept_one(
    tx: &mut Tx<'_>,
    home: Home,
    item: &Item,
    now: Timestamp,
) -> Result<Accepted, StoreError> {
    let place = locate(tx, home, &item.inbound, now)?;
    match same_message(tx, place, &item.inbound)? {
        None => insert(tx, place, item),
        Some(stored)
            if stored.kind == Content::Placeholder.kind()
                && item.inbound.content != Content::Placeholder =>
        {
            fill(tx, place, item, &stored)
        }
        Some(stored) => Ok(Accepted::Duplicate { message: stored.id }),
    }
}

fn locate(
    tx: &mut Tx<'_>,
    home: Home,
    inbound: &Inbound,
    now: Timestamp,
) -> Result<Place, StoreError> {
    let evidence = if inbound.origin.is_past() {
        Evidence::Old
    } else {
        Evidence::Fresh
    };
    let chat = [Some(&inbound.chat), inbound.chat_alt.as_ref()]
        .into_iter()
        .flatten();
    let sender = [Some(&inbound.sender), inbound.sender_alt.as_ref()]
        .into_iter()
        .flatten();
    let name = inbound.push_name.as_deref().filter(|_| !inbound.from_me);
    let workspace = home.workspace;
    let (with, sender) = if !inbound.chat.is_person() {
        let seen = Seen::under(sender, name, evidence);
        let who = if inbound.from_me {
            None
        } else {
            Some(resolve(tx, workspace, seen, now)?)
        };
        (With::Chat(&inbound.chat), who)
    } else if inbound.from_me {
        let seen = Seen::under(chat, None, evidence);
        (With::Contact(resolve(tx, workspace, seen, now)?), None)
    } else {
        // In a conversation with one person, chat and sender are that person.
        let seen = Seen::under(sender.chain(chat), name, evidence);
        let who = resolve(tx, workspace, seen, now)?;
        (With::Contact(who), Some(who))
    };
    let conversation = conversation(tx, home, with, now)?;
    Ok(Place {
        home,
        conversation,
        sender,
        now,
        evidence,
    })
}

/// The stored message with the same wire id, conversation and sender.
fn same_message(
    tx: &Tx<'_>,
    place: Place,
    inbound: &Inbound,
) -> Result<Option<Candidate>, StoreError> {
    let mut statement = tx.prepare(
        "SELECT id, seq, kind, sender FROM message
         WHERE account = ?1 AND wire_id = ?2 AND conversation = ?3",
    )?;
    let mut rows = statement.query((
        place.home.account.raw(),
        &inbound.wire_id,
        place.conversation.raw(),
    ))?;
    while let Some(row) = rows.next()? {
        let wrote = row.get::<_, Option<i64>>(3)?.map(ContactId::from_raw);
        let wrote = wrote
            .map(|contact| canonical(tx.conn(), contact))
            .transpose()?;
        if wrote == place.sender {
            let id = MessageId::from_raw(row.get(0)?);
            return Ok(Some(Candidate {
                id,
                seq: Seq(row.get(1)?),
                kind: row.get(2)?,
            }));
        }
    }
    Ok(None)
}

/// Whether a message is to be worked on: history and own messages are only stored.
fn is_work(inbound: &Inbound) -> bool {
    inbound.origin.may_act() && !inbound.from_me
}

/// When work on a message may begin: at once, but a placeholder is first given time to be filled.
fn begins(inbound: &Inbound, now: Timestamp) -> Timestamp {
    match inbound.content {
        Content::Placeholder => now + REPAIR_WAIT,
        _ => Timestamp(0),
    }
}

fn direction(inbound: &Inbound) -> Direction {
    if inbound.from_me {
        Direction::Out
    } else {
        Direction::In
    }
}

fn insert(tx: &mut Tx<'_>, place: Place, item: &Item) -> Result<Accepted, StoreError> {
    let seq = tx.next_seq(place.home.account)?;
    let inbound = &item.inbound;
    tx.prepare(
        "INSERT INTO message (id, account, conversation, seq, direction, origin, wire_id, chat,
           sender, sender_address, sender_name, sent_at, received_at, committed_at, kind, content, raw)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
    )?
    .execute(crate::db::params![
        item.id.raw(),
        place.home.account.raw(),
        place.conversation.raw(),
        seq.0,
        direction(inbound).word(),
        inbound.origin.word(),
        inbound.wire_id,
        inbound.chat.to_string(),
        place.sender.map(ContactId::raw),
        (!inbound.from_me).then(|| inbound.sender.to_string()),
        sender_name(inbound),
        inbound.sent_at.0,
        inbound.received_at.0,
        place.now.0,
        inbound.content.kind(),
        item.content.get(),
        item.raw,
    ])?;
    move_head(tx, place, item.id, inbound.sent_at, unread(inbound))?;
    settle(tx, place, item, (item.id, seq), kind::MESSAGE_RECEIVED)?;
    if is_work(inbound) {
        return Ok(Accepted::New(Box::new(work(place, item, item.id, seq))));
    }
    Ok(Accepted::Stored {
        message: item.id,
        conversation: place.conversation,
        seq,
    })
}

/// Fills a placeholder with what its retry brought. It keeps its place in the order.
fn fill(
    tx: &mut Tx<'_>,
    place: Place,
    item: &Item,
    stored: &Candidate,
) -> Result<Accepted, StoreError> {
    let inbound = &item.inbound;
    tx.prepare(
        "UPDATE message SET origin = ?2, kind = ?3, content = ?4, raw = ?5,
           sender_name = coalesce(?6, sender_name), committed_at = ?7,
           sent_at = CASE WHEN ?8 < sent_at THEN ?8 ELSE sent_at END
         WHERE id = ?1",
    )?
    .execute((
        stored.id.raw(),
        inbound.origin.word(),
        inbound.content.kind(),
        item.content.get(),
        &item.raw,
        sender_name(inbound),
        place.now.0,
        inbound.sent_at.0,
    ))?;
    settle(
        tx,
        place,
        item,
        (stored.id, stored.seq),
        kind::MESSAGE_REPAIRED,
    )?;
    if is_work(inbound) {
        return Ok(Accepted::Repaired(Box::new(work(
            place, item, stored.id, stored.seq,
        ))));
    }
    let (message, seq) = (stored.id, stored.seq);
    Ok(Accepted::Stored {
        message,
        conversation: place.conversation,
        seq,
    })
}

/// What follows from a message's content, whether it is new or was filled: work, media,
/// reactions and edits, the event.
fn settle(
    tx: &mut Tx<'_>,
    place: Place,
    item: &Item,
    (message, seq): (MessageId, Seq),
    event: &str,
) -> Result<(), StoreError> {
    let inbound = &item.inbound;
    if is_work(inbound) {
        let begins = begins(inbound, place.now);
        add_pending(tx, place.home.account, seq, message, begins)?;
    }
    if let Some(pointer) = inbound
        .content
        .file()
        .and_then(|file| file.pointer.as_ref())
    {
        add_job(tx, place, message, inbound.content.kind(), pointer)?;
    }
    let said = Said {
        message,
        conversation: place.conversation,
        seq,
        direction: direction(inbound),
        origin: inbound.origin,
        wire_id: &inbound.wire_id,
        chat: &inbound.chat,
        sender: place.sender,
        sender_name: sender_name(inbound),
        sent_at: inbound.sent_at,
        received_at: inbound.received_at,
        content: &item.content,
    };
    if place.evidence == Evidence::Fresh {
        emit(tx, place.about(), event, &said)?;
    }
    annotations::apply(tx, place, message, &inbound.content, inbound.sent_at)?;
    annotations::adopt(tx, place, message, &inbound.wire_id)
}

/// A message as its event tells it. Times are UTC milliseconds.
#[derive(Serialize)]
struct Said<'a> {
    message: MessageId,
    conversation: ConversationId,
    seq: Seq,
    direction: Direction,
    origin: Origin,
    wire_id: &'a str,
    chat: &'a Address,
    sender: Option<ContactId>,
    sender_name: Option<&'a str>,
    sent_at: Timestamp,
    received_at: Timestamp,
    content: &'a RawValue,
}

fn sender_name(inbound: &Inbound) -> Option<&str> {
    inbound
        .push_name
        .as_deref()
        .map(|name| cut(name, SENDER_NAME_MAX))
}

fn unread(inbound: &Inbound) -> i64 {
    let counts = inbound.origin.may_act() && !inbound.from_me && !inbound.content.is_annotation();
    i64::from(counts)
}

/// Adds a message to "accepted, not done", or lets it begin afresh.
pub(crate) fn add_pending(
    tx: &mut Tx<'_>,
    account: AccountId,
    seq: Seq,
    message: MessageId,
    begins: Timestamp,
) -> Result<(), StoreError> {
    tx.prepare(
        "INSERT INTO pending (account, seq, message, attempt, next_at) VALUES (?1, ?2, ?3, 0, ?4)
         ON CONFLICT (account, seq) DO UPDATE SET attempt = 0, next_at = excluded.next_at",
    )?
    .execute((account.raw(), seq.0, message.raw(), begins.0))?;
    Ok(())
}

/// Makes a message the newest of its conversation, unless a later one is there already.
pub(crate) fn move_head(
    tx: &mut Tx<'_>,
    place: Place,
    message: MessageId,
    sent_at: Timestamp,
    unread: i64,
) -> Result<(), StoreError> {
    tx.prepare(
        "UPDATE conversation SET
           last_message = CASE WHEN ?3 >= last_at THEN ?2 ELSE last_message END,
           last_at = CASE WHEN ?3 >= last_at THEN ?3 ELSE last_at END, unread = unread + ?4
         WHERE id = ?1",
    )?
    .execute((place.conversation.raw(), message.raw(), sent_at.0, unread))?;
    Ok(())
}

fn work(place: Place, item: &Item, message: MessageId, seq: Seq) -> Work {
    let inbound = &item.inbound;
    Work {
        message,
        account: place.home.account,
        conversation: place.conversation,
        seq,
        attempt: 0,
        origin: inbound.origin,
        content: inbound.content.clone(),
        chat: inbound.chat.clone(),
        is_group: inbound.chat.is_group(),
        sender: place.sender,
        sender_name: sender_name(inbound).map(str::to_owned),
        sent_at: inbound.sent_at,
        received_at: inbound.received_at,
        next_at: begins(inbound, place.now),
    }
}

/// The columns of [`work_at`], from `pending` joined with `message`.
pub(crate) const WORK: &str = "SELECT m.id, m.account, m.conversation, m.seq, p.attempt, m.origin,
       m.content, m.chat, m.sender, m.sender_name, m.sent_at, m.received_at, p.next_at
     FROM pending p JOIN message m ON m.id = p.message";

pub(crate) fn work_at(row: &Row<'_>) -> Result<Work, StoreError> {
    let chat = address_at(row, 7)?;
    Ok(Work {
        message: MessageId::from_raw(row.get(0)?),
        account: AccountId::from_raw(row.get(1)?),
        conversation: ConversationId::from_raw(row.get(2)?),
        seq: Seq(row.get(3)?),
        attempt: row.get(4)?,
        origin: word_at(row, 5)?,
        content: json_at(row, 6)?,
        is_group: chat.is_group(),
        chat,
        sender: row.get::<_, Option<i64>>(8)?.map(ContactId::from_raw),
        sender_name: row.get(9)?,
        sent_at: Timestamp(row.get(10)?),
        received_at: Timestamp(row.get(11)?),
        next_at: Timestamp(row.get(12)?),
    })
}

/// A message's account, conversation, place and direction.
pub(crate) struct Stored {
    pub(crate) account: AccountId,
    pub(crate) conversation: ConversationId,
    pub(crate) seq: Seq,
    pub(crate) direction: Direction,
}

pub(crate) fn stored(conn: &Connection, message: MessageId) -> Result<Stored, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT account, conversation, seq, direction FROM message WHERE id = ?1",
    )?;
    let found = first(statement.query([message.raw()])?, |row| {
        Ok(Stored {
            account: AccountId::from_raw(row.get(0)?),
            conversation: ConversationId::from_raw(row.get(1)?),
            seq: Seq(row.get(2)?),
            direction: word_at(row, 3)?,
        })
    })?;
    found.ok_or(StoreError::NotFound { what: "message" })
}

fn prepare(
    sealer: &Sealer,
    account: AccountId,
    id: MessageId,
    inbound: Inbound,
) -> Result<Item, StoreError> {
    if inbound.wire_id.is_empty() || inbound.wire_id.len() > WIRE_ID_MAX {
        return Err(StoreError::invalid(format!(
            "a message's wire id has 1 to {WIRE_ID_MAX} bytes; this one has {}",
            inbound.wire_id.len()
        )));
    }
    let content = to_raw_value(&inbound.content)?;
    let raw = match inbound.raw.as_slice() {
        [] => None,
        raw => Some(sealer.seal(account, Kind::RawMessage, inbound.wire_id.as_bytes(), raw)?),
    };
    Ok(Item {
        id,
        inbound,
        content,
        raw,
    })
}

impl Store {
    /// Commits messages a channel hands over: resolves who and where, drops what was stored
    /// before, fills placeholders. Acknowledge them upstream only after this returned.
    ///
    /// One outcome per item, in their order. More than [`ACCEPT_ITEMS_MAX`] items are committed
    /// in several transactions; after an error, hand all of them over again.
    /// [`StoreError::NotOwner`] when another process has taken the account.
    pub async fn accept(&self, accept: Accept) -> Result<Vec<Accepted>, StoreError> {
        let Accept {
            account,
            owner,
            now,
            items,
        } = accept;
        let mut outcomes = Vec::with_capacity(items.len());
        let mut items = items.into_iter();
        loop {
            let some: Vec<Item> = items
                .by_ref()
                .take(ACCEPT_ITEMS_MAX)
                .map(|inbound| prepare(&self.shared.sealer, account, self.next_id(now), inbound))
                .collect::<Result<_, _>>()?;
            if some.is_empty() {
                return Ok(outcomes);
            }
            outcomes.extend(
                self.write(AcceptItems {
                    account,
                    owner,
                    now,
                    items: some,
                })
                .await?,
            );
        }
    }

    /// Messages that are accepted and not done, by their place, after `after`.
    pub async fn unfinished(
        &self,
        account: AccountId,
        after: Seq,
        limit: usize,
    ) -> Result<Vec<Work>, StoreError> {
        self.read(move |conn| {
            let sql = format!("{WORK} WHERE p.account = ?1 AND p.seq > ?2 ORDER BY p.seq LIMIT ?3");
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            collect(
                conn.prepare_cached(&sql)?
                    .query((account.raw(), after.0, limit))?,
                work_at,
            )
        })
        .await
    }

    /// The raw protobuf of a message; `None` when there is none.
    pub async fn raw_message(&self, message: MessageId) -> Result<Option<Vec<u8>>, StoreError> {
        let store = self.clone();
        self.read(move |conn| {
            let mut statement =
                conn.prepare_cached("SELECT account, wire_id, raw FROM message WHERE id = ?1")?;
            let found = first(statement.query([message.raw()])?, |row| {
                let account = AccountId::from_raw(row.get(0)?);
                Ok((
                    account,
                    row.get::<_, String>(1)?,
                    row.get::<_, Option<Vec<u8>>>(2)?,
                ))
            })?;
            let (account, wire_id, raw) = found.ok_or(StoreError::NotFound { what: "message" })?;
            let sealer = &store.shared.sealer;
            raw.map(|raw| sealer.open(account, Kind::RawMessage, wire_id.as_bytes(), &raw))
                .transpose()
        })
        .await
    }
}
