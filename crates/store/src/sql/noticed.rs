//! What the channel notices besides messages: names, what was read on the phone, groups left.

use crate::admin::contacts::Noticed;
use crate::admin::conversations::ReadElsewhere;
use crate::admin::groups::Joined;
use crate::command::Write;
use crate::error::StoreError;
use crate::sending::RECEIPT_IDS_MAX;
use crate::sql::accounts::{Home, home};
use crate::sql::column::name_of;
use crate::sql::events::{About, emit};
use crate::sql::identity::{Evidence, Seen, find_by_address, is_known, resolve};
use crate::store::Store;
use crate::writer::Tx;
use waypost_engine::model::event::kind;
use waypost_engine::model::{AccountId, Address, ConversationId, Timestamp};

/// Incoming messages that count as unread, as [`super::messages`] counts them.
const COUNTS: &str = "direction = 'in' AND kind NOT IN ('reaction', 'edit', 'revoke')
    AND origin IN ('live', 'offline', 'repair')";

struct ContactSeen {
    account: AccountId,
    addresses: Vec<Address>,
    push_name: Option<String>,
    now: Timestamp,
}

impl Write for ContactSeen {
    type Output = Noticed;

    fn apply(&self, tx: &mut Tx<'_>) -> Result<Noticed, StoreError> {
        let workspace = home(tx, self.account)?.workspace;
        for address in &self.addresses {
            if is_known(tx, workspace, address)? {
                let name = self.push_name.as_deref();
                let seen = Seen::under(&self.addresses, name, Evidence::Fresh);
                resolve(tx, workspace, seen, self.now)?;
                return Ok(Noticed::Contact);
            }
        }
        Ok(Noticed::Stranger)
    }
}

struct ReadOnPhone {
    account: AccountId,
    chat: Address,
    wire_ids: Vec<String>,
    now: Timestamp,
}

/// A message's place in its conversation, as it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Spot {
    sent_at: i64,
    seq: i64,
    conversation: i64,
}

impl ReadOnPhone {
    /// The newest of the named messages in this conversation; in any, when none is given.
    fn newest(
        &self,
        tx: &Tx<'_>,
        within: Option<ConversationId>,
    ) -> Result<Option<Spot>, StoreError> {
        let mut newest = None;
        for wire_id in self.wire_ids.iter().take(RECEIPT_IDS_MAX) {
            let mut statement = tx.prepare(
                "SELECT sent_at, seq, conversation FROM message
                 WHERE account = ?1 AND wire_id = ?2 AND direction = 'in'
                 ORDER BY sent_at DESC, seq DESC",
            )?;
            let spots = statement.query_map((self.account.raw(), wire_id), |row| {
                Ok(Spot {
                    sent_at: row.get(0)?,
                    seq: row.get(1)?,
                    conversation: row.get(2)?,
                })
            })?;
            for spot in spots {
                let spot: Spot = spot?;
                if within.is_none_or(|within| within.raw() == spot.conversation) {
                    newest = newest.max(Some(spot));
                }
            }
        }
        Ok(newest)
    }

    /// The newest of the named messages. The protocol library tells of a person's chat only that it
    /// is one of the account's own; then the ids alone have to do.
    fn spot(&self, tx: &Tx<'_>, home: Home) -> Result<Option<Spot>, StoreError> {
        if let Some(there) = find_by_address(tx, home, &self.chat)?
            && let Some(spot) = self.newest(tx, Some(there))?
        {
            return Ok(Some(spot));
        }
        self.newest(tx, None)
    }
}

impl Write for ReadOnPhone {
    type Output = ReadElsewhere;

    fn apply(&self, tx: &mut Tx<'_>) -> Result<ReadElsewhere, StoreError> {
        let home = home(tx, self.account)?;
        let Some(spot) = self.spot(tx, home)? else {
            return Ok(ReadElsewhere::Unknown);
        };
        let conversation = ConversationId::from_raw(spot.conversation);
        let later: i64 = tx
            .prepare(&format!(
                "SELECT count(*) FROM message WHERE conversation = ?1 AND {COUNTS}
                    AND (sent_at, seq) > (?2, ?3)"
            ))?
            .query_row((spot.conversation, spot.sent_at, spot.seq), |row| {
                row.get(0)
            })?;
        let changed = tx
            .prepare("UPDATE conversation SET unread = ?2 WHERE id = ?1 AND unread > ?2")?
            .execute((spot.conversation, later))?;
        if changed == 0 {
            return Ok(ReadElsewhere::Already);
        }
        let about = About {
            workspace: home.workspace,
            account: Some(self.account),
            conversation: Some(conversation),
            at: self.now,
        };
        let data = serde_json::json!({ "conversation": conversation, "unread": later });
        emit(tx, about, kind::CONVERSATION_READ, &data)?;
        Ok(ReadElsewhere::Marked { unread: later })
    }
}

struct LeaveGroup {
    account: AccountId,
    address: Address,
    now: Timestamp,
}

impl Write for LeaveGroup {
    type Output = ();

    fn apply(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        tx.prepare(
            "UPDATE chat_group SET joined = ?3, updated_at = ?4
             WHERE account = ?1 AND address = ?2 AND joined <> ?3",
        )?
        .execute((
            self.account.raw(),
            self.address.to_string(),
            name_of(&Joined::Left)?,
            self.now.0,
        ))?;
        Ok(())
    }
}

impl Store {
    /// Notes another address or the chosen name of somebody who is a contact already. Of a
    /// stranger nothing is kept: they become a contact with their first message, which names them.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] without the account.
    pub async fn contact_seen(
        &self,
        account: AccountId,
        addresses: Vec<Address>,
        push_name: Option<String>,
        now: Timestamp,
    ) -> Result<Noticed, StoreError> {
        self.write(ContactSeen {
            account,
            addresses,
            push_name,
            now,
        })
        .await
    }

    /// The account's owner read these messages on another device: they and what came before them
    /// are read here too, and an event says so. The first [`RECEIPT_IDS_MAX`] ids count.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] without the account.
    pub async fn read_elsewhere(
        &self,
        account: AccountId,
        chat: Address,
        wire_ids: Vec<String>,
        now: Timestamp,
    ) -> Result<ReadElsewhere, StoreError> {
        self.write(ReadOnPhone {
            account,
            chat,
            wire_ids,
            now,
        })
        .await
    }

    /// The account is not in this group any more. What is known of it stays; an unknown group
    /// stays unknown.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn leave_group(
        &self,
        account: AccountId,
        address: Address,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(LeaveGroup {
            account,
            address,
            now,
        })
        .await
    }
}
