//! Who somebody is: contacts, their dated aliases, reversible merges, and the conversation that
//! follows from it. The decisions are the engine's ([`identity::decide`]).

use crate::db::Connection;
use crate::error::StoreError;
use crate::flow::SENDER_NAME_MAX;
use crate::merges::Merged;
use crate::sql::accounts::Home;
use crate::sql::annotations::same_annotation_in;
use crate::sql::codec::{address_or_none_at, cut, first};
use crate::sql::events::{About, emit};
use crate::writer::Tx;
use serde_json::json;
use waypost_engine::model::event::kind;
use waypost_engine::model::identity::{self, Decision, Known};
use waypost_engine::model::{
    AccountId, Address, ContactId, ConversationId, Timestamp, WorkspaceId,
};

/// Longest chain of merges followed; a longer one cannot arise, since every merge moves the
/// aliases to the contact that stays.
const MERGE_CHAIN_MAX: usize = 64;

/// How far what is seen may change who has which number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Evidence {
    /// Seen now: a number can move to somebody else.
    Fresh,
    /// From the past: a number stays with whoever has it now.
    Old,
}

/// Somebody as a stanza names them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen<'a> {
    pub(crate) lid: Option<&'a Address>,
    /// The phone number, or any other address a sender may have.
    pub(crate) number: Option<&'a Address>,
    /// The name they show, when this tells it.
    pub(crate) push_name: Option<&'a str>,
    pub(crate) evidence: Evidence,
}

impl<'a> Seen<'a> {
    /// From whatever addresses a stanza gives for one person.
    pub(crate) fn under(
        addresses: impl IntoIterator<Item = &'a Address>,
        push_name: Option<&'a str>,
        evidence: Evidence,
    ) -> Self {
        let mut seen = Self {
            lid: None,
            number: None,
            push_name,
            evidence,
        };
        for address in addresses {
            let place = if matches!(address, Address::Lid(_)) {
                &mut seen.lid
            } else {
                &mut seen.number
            };
            place.get_or_insert(address);
        }
        seen
    }

    /// The name they show, as it is kept.
    fn name(&self) -> Option<&'a str> {
        self.push_name
            .map(|name| cut(name, SENDER_NAME_MAX))
            .filter(|name| !name.is_empty())
    }
}

struct Found {
    known: Known,
    push_name: Option<String>,
}

fn known(
    tx: &Tx<'_>,
    workspace: WorkspaceId,
    address: Option<&Address>,
) -> Result<Option<Found>, StoreError> {
    let Some(address) = address else {
        return Ok(None);
    };
    let mut statement = tx.prepare(
        "SELECT contact.id, contact.lid, contact.push_name
         FROM alias JOIN contact ON contact.id = alias.contact
         WHERE alias.workspace = ?1 AND alias.address = ?2 AND alias.valid_to IS NULL",
    )?;
    first(
        statement.query((workspace.raw(), address.to_string()))?,
        |row| {
            let contact = ContactId::from_raw(row.get(0)?);
            let known = Known {
                contact,
                lid: address_or_none_at(row, 1)?,
            };
            Ok(Found {
                known,
                push_name: row.get(2)?,
            })
        },
    )
}

/// Whether an address belongs to a contact now.
pub(crate) fn is_known(
    tx: &Tx<'_>,
    workspace: WorkspaceId,
    address: &Address,
) -> Result<bool, StoreError> {
    Ok(known(tx, workspace, Some(address))?.is_some())
}

/// Finds or makes the contact that was seen, and writes what was learned about them.
pub(crate) fn resolve(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    seen: Seen<'_>,
    now: Timestamp,
) -> Result<ContactId, StoreError> {
    let met = tx.people().person(workspace, seen.lid, seen.number);
    if let Some((contact, name)) = met
        && !tells_name(seen, name)
    {
        return Ok(contact);
    }
    look_up(tx, workspace, seen, now)
}

/// Whether the stanza shows another name than the one that is known.
fn tells_name(seen: Seen<'_>, known: Option<&str>) -> bool {
    seen.name().is_some_and(|name| Some(name) != known)
}

fn look_up(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    seen: Seen<'_>,
    now: Timestamp,
) -> Result<ContactId, StoreError> {
    let by_lid = known(tx, workspace, seen.lid)?;
    let by_number = known(tx, workspace, seen.number)?;
    let knows = |found: &Option<Found>| found.as_ref().map(|found| found.known.clone());
    let decision = identity::decide(
        seen.lid,
        seen.number,
        knows(&by_lid).as_ref(),
        knows(&by_number).as_ref(),
    );
    let is_known = matches!(decision, Decision::Known(_));
    let contact = match decision {
        Decision::Known(contact) => contact,
        Decision::Create => create(tx, workspace, [seen.lid, seen.number], now)?,
        Decision::AddAlias { contact, alias } => {
            add_alias(tx, workspace, contact, &alias, now)?;
            contact
        }
        // A person said that they are two; nothing a stanza says changes that.
        Decision::Merge { into, from } if was_undone(tx, into, from)? => into,
        Decision::Merge { into, from } => {
            merge(tx, workspace, into, from, now)?;
            into
        }
        Decision::MoveNumber { to, number, .. } => {
            let to = match to {
                Some(to) => to,
                None => create(tx, workspace, [seen.lid, None], now)?,
            };
            if seen.evidence == Evidence::Fresh {
                move_number(tx, workspace, to, &number, now)?;
            }
            to
        }
    };
    let before = [by_lid, by_number]
        .into_iter()
        .flatten()
        .find(|f| f.known.contact == contact)
        .and_then(|found| found.push_name);
    if let Some(name) = seen.name().filter(|_| tells_name(seen, before.as_deref())) {
        rename(tx, contact, name, now)?;
    } else if is_known {
        let addresses = (seen.lid, seen.number);
        tx.people().met(workspace, addresses, contact, before);
    }
    Ok(contact)
}

fn create(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    addresses: [Option<&Address>; 2],
    now: Timestamp,
) -> Result<ContactId, StoreError> {
    let id = ContactId::from_raw(tx.next_raw_id(now));
    tx.prepare(
        "INSERT INTO contact (id, workspace, created_at, updated_at) VALUES (?1, ?2, ?3, ?3)",
    )?
    .execute((id.raw(), workspace.raw(), now.0))?;
    for address in addresses.into_iter().flatten() {
        add_alias(tx, workspace, id, address, now)?;
    }
    Ok(id)
}

fn add_alias(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    contact: ContactId,
    address: &Address,
    now: Timestamp,
) -> Result<(), StoreError> {
    let text = address.to_string();
    tx.prepare(
        "INSERT INTO alias (workspace, address, contact, valid_from) VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute((workspace.raw(), &text, contact.raw(), now.0))?;
    if matches!(address, Address::Lid(_)) {
        tx.prepare("UPDATE contact SET lid = ?2, updated_at = ?3 WHERE id = ?1")?
            .execute((contact.raw(), &text, now.0))?;
    }
    Ok(())
}

fn move_number(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    to: ContactId,
    number: &Address,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.people().forget();
    tx.prepare(
        "UPDATE alias SET valid_to = ?3 WHERE workspace = ?1 AND address = ?2 AND valid_to IS NULL",
    )?
    .execute((workspace.raw(), number.to_string(), now.0))?;
    add_alias(tx, workspace, to, number, now)
}

fn rename(
    tx: &mut Tx<'_>,
    contact: ContactId,
    name: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.people().renamed(contact, name);
    tx.prepare("UPDATE contact SET push_name = ?2, updated_at = ?3 WHERE id = ?1")?
        .execute((contact.raw(), name, now.0))?;
    Ok(())
}

/// The contact that goes on for this one: itself, or whoever absorbed it.
pub(crate) fn canonical(conn: &Connection, contact: ContactId) -> Result<ContactId, StoreError> {
    let mut at = contact.raw();
    for _ in 0..MERGE_CHAIN_MAX {
        let mut statement = conn.prepare_cached("SELECT merged_into FROM contact WHERE id = ?1")?;
        let next = first(statement.query([at])?, |row| {
            Ok(row.get::<_, Option<i64>>(0)?)
        })?
        .flatten();
        match next {
            Some(next) => at = next,
            None => return Ok(ContactId::from_raw(at)),
        }
    }
    Err(StoreError::corrupt("contacts are merged in a circle"))
}

/// Whether a person took back the merge of these two.
fn was_undone(tx: &Tx<'_>, into: ContactId, from: ContactId) -> Result<bool, StoreError> {
    let mut statement = tx.prepare(
        "SELECT EXISTS (SELECT 1 FROM merge WHERE into_contact = ?1 AND from_contact = ?2
         AND undone_at IS NOT NULL)",
    )?;
    Ok(statement.query_row((into.raw(), from.raw()), |row| row.get(0))?)
}

/// Merges `from` into `into`, keeping a record of everything moved. No message changes its
/// place in the account's order: only the labels change.
fn merge(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    into: ContactId,
    from: ContactId,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.people().forget();
    let merge = tx.next_raw_id(now);
    tx.prepare(
        "INSERT INTO merge (id, workspace, into_contact, from_contact, at)
         VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute((merge, workspace.raw(), into.raw(), from.raw(), now.0))?;
    tx.prepare(
        "INSERT INTO merge_alias (merge, alias) SELECT CAST(?1 AS BIGINT), id FROM alias WHERE contact = ?2",
    )?
    .execute((merge, from.raw()))?;
    tx.prepare("UPDATE alias SET contact = ?1 WHERE contact = ?2")?
        .execute((into.raw(), from.raw()))?;
    tx.prepare("UPDATE contact SET merged_into = ?1, updated_at = ?3 WHERE id = ?2")?
        .execute((into.raw(), from.raw(), now.0))?;
    let conversations: Vec<(i64, i64, Option<i64>)> = tx
        .prepare(
            "SELECT old.account, old.id, kept.id FROM conversation old
             LEFT JOIN conversation kept ON kept.account = old.account AND kept.contact = ?1
               AND kept.merged_into IS NULL
             WHERE old.contact = ?2 AND old.merged_into IS NULL",
        )?
        .query_map((into.raw(), from.raw()), |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?
        .collect::<Result<_, _>>()?;
    for (account, conversation, kept) in conversations {
        tx.prepare(
            "INSERT INTO merge_conversation (merge, conversation, kept) VALUES (?1, ?2, ?3)",
        )?
        .execute((merge, conversation, kept))?;
        match kept {
            None => {
                tx.prepare("UPDATE conversation SET contact = ?2 WHERE id = ?1")?
                    .execute((conversation, into.raw()))?;
            }
            Some(kept) => {
                pour(tx, merge, conversation, kept)?;
                tx.merged(Merged {
                    account: AccountId::from_raw(account),
                    from: ConversationId::from_raw(conversation),
                    into: ConversationId::from_raw(kept),
                });
            }
        }
    }
    let about = About {
        workspace,
        account: None,
        conversation: None,
        at: now,
    };
    let data = json!({ "merge": merge.to_string(), "into": into, "from": from });
    emit(tx, about, kind::CONTACT_MERGED, &data)?;
    Ok(())
}

/// Moves one conversation's messages into another.
fn pour(tx: &mut Tx<'_>, merge: i64, from: i64, into: i64) -> Result<(), StoreError> {
    tx.prepare(
        "INSERT INTO merge_message (merge, message, conversation)
         SELECT CAST(?1 AS BIGINT), id, conversation FROM message WHERE conversation = ?2",
    )?
    .execute((merge, from))?;
    super::threads::pour(tx, from, into)?;
    tx.prepare("UPDATE message SET conversation = ?2 WHERE conversation = ?1")?
        .execute((from, into))?;
    tx.prepare(
        "UPDATE dead_letter SET conversation = ?2 WHERE message IN
         (SELECT message FROM merge_message WHERE merge = ?1)",
    )?
    .execute((merge, into))?;
    tx.prepare(&format!(
        "UPDATE annotation SET conversation = ?2 WHERE conversation = ?1 AND account =
         (SELECT account FROM conversation WHERE id = ?1) AND NOT EXISTS ({})",
        same_annotation_in("?2")
    ))?
    .execute((from, into))?;
    tx.prepare(
        "UPDATE conversation AS kept SET unread = kept.unread + old.unread,
           last_message = CASE WHEN old.last_at > kept.last_at
             THEN old.last_message ELSE kept.last_message END,
           last_at = CASE WHEN old.last_at > kept.last_at
             THEN old.last_at ELSE kept.last_at END
         FROM conversation AS old WHERE kept.id = ?2 AND old.id = ?1",
    )?
    .execute((from, into))?;
    tx.prepare("UPDATE conversation SET merged_into = ?2, unread = 0 WHERE id = ?1")?
        .execute((from, into))?;
    Ok(())
}

/// What a conversation is with.
#[derive(Debug, Clone, Copy)]
pub(crate) enum With<'a> {
    Contact(ContactId),
    /// A group, or any other chat that is no person.
    Chat(&'a Address),
}

/// Finds or makes the account's conversation.
pub(crate) fn conversation(
    tx: &mut Tx<'_>,
    home: Home,
    with: With<'_>,
    now: Timestamp,
) -> Result<ConversationId, StoreError> {
    if let With::Contact(contact) = with
        && let Some(id) = tx.people().conversation(home.account, contact)
    {
        return Ok(id);
    }
    let id = match find_conversation(tx.conn(), home, with)? {
        Some(id) => id,
        None => begin(tx, home, with, now)?,
    };
    if let With::Contact(contact) = with {
        tx.people().talked(home.account, contact, id);
    }
    Ok(id)
}

fn begin(
    tx: &mut Tx<'_>,
    home: Home,
    with: With<'_>,
    now: Timestamp,
) -> Result<ConversationId, StoreError> {
    let (contact, address) = match with {
        With::Contact(contact) => (Some(contact.raw()), None),
        With::Chat(address) => (None, Some(address.to_string())),
    };
    let id = tx.next_raw_id(now);
    tx.prepare(
        "INSERT INTO conversation (id, workspace, account, contact, address, last_at, unread, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, 0, 0, ?6)",
    )?
    .execute((id, home.workspace.raw(), home.account.raw(), contact, address, now.0))?;
    Ok(ConversationId::from_raw(id))
}

fn find_conversation(
    conn: &Connection,
    home: Home,
    with: With<'_>,
) -> Result<Option<ConversationId>, StoreError> {
    let id = |row: &crate::db::Row<'_>| Ok(ConversationId::from_raw(row.get(0)?));
    match with {
        With::Contact(contact) => {
            let mut statement = conn.prepare_cached(
                "SELECT id FROM conversation WHERE account = ?1 AND contact = ?2
                 AND merged_into IS NULL",
            )?;
            first(statement.query((home.account.raw(), contact.raw()))?, id)
        }
        With::Chat(address) => {
            let mut statement = conn.prepare_cached(
                "SELECT id FROM conversation WHERE account = ?1 AND address = ?2",
            )?;
            first(
                statement.query((home.account.raw(), address.to_string()))?,
                id,
            )
        }
    }
}

/// The conversation an address stands for, if there is one; nothing is learned or made.
pub(crate) fn find_by_address(
    tx: &Tx<'_>,
    home: Home,
    chat: &Address,
) -> Result<Option<ConversationId>, StoreError> {
    if !chat.is_person() {
        return find_conversation(tx.conn(), home, With::Chat(chat));
    }
    match known(tx, home.workspace, Some(chat))? {
        Some(found) => find_conversation(tx.conn(), home, With::Contact(found.known.contact)),
        None => Ok(None),
    }
}

/// The conversation that goes on for this one, after merges.
pub(crate) fn current_conversation(
    tx: &Tx<'_>,
    home: Home,
    id: ConversationId,
) -> Result<ConversationId, StoreError> {
    let mut at = id.raw();
    for _ in 0..MERGE_CHAIN_MAX {
        let mut statement =
            tx.prepare("SELECT merged_into FROM conversation WHERE id = ?1 AND account = ?2")?;
        let next = first(statement.query((at, home.account.raw()))?, |row| {
            Ok(row.get::<_, Option<i64>>(0)?)
        })?;
        match next {
            None => {
                return Err(StoreError::NotFound {
                    what: "conversation of this account",
                });
            }
            Some(None) => return Ok(ConversationId::from_raw(at)),
            Some(Some(next)) => at = next,
        }
    }
    Err(StoreError::corrupt("conversations are merged in a circle"))
}
