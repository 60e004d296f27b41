//! Accounts: made, named, owned, moved through their states, deleted.

use crate::accounts::{ACCOUNT_NAME_MAX, AccountPatch, NewAccount, OwnerEpoch, StateSet};
use crate::command::{Write, found};
use crate::db::{Connection, Row};
use crate::error::StoreError;
use crate::page::{Page, Paged};
use crate::seal::{KeyOwner, WrappedKey};
use crate::sql::codec::{
    ToWord as _, address_or_none_at, collect, first, json_at, to_json, word_at,
};
use crate::sql::events::{About, emit};
use crate::store::{Store, put_key};
use crate::writer::Tx;
use serde_json::json;
use waypost_engine::model::account::HISTORY_MAX;
use waypost_engine::model::event::kind;
use waypost_engine::model::{
    Account, AccountId, AccountState, Address, Reason, StateChange, Timestamp, WorkspaceId,
};

const COLUMNS: &str =
    "id, workspace, name, phone, lid, role, priority, state, reason, state_at, created_at";

fn account_at(row: &Row<'_>) -> Result<Account, StoreError> {
    Ok(Account {
        id: AccountId::from_raw(row.get(0)?),
        workspace: WorkspaceId::from_raw(row.get(1)?),
        name: row.get(2)?,
        phone: address_or_none_at(row, 3)?,
        lid: address_or_none_at(row, 4)?,
        role: word_at(row, 5)?,
        priority: row.get(6)?,
        state: word_at(row, 7)?,
        reason: json_at(row, 8)?,
        state_at: Timestamp(row.get(9)?),
        created_at: Timestamp(row.get(10)?),
    })
}

pub(super) fn account_by_id(conn: &Connection, id: AccountId) -> Result<Account, StoreError> {
    let mut statement =
        conn.prepare_cached(&format!("SELECT {COLUMNS} FROM account WHERE id = ?1"))?;
    first(statement.query([id.raw()])?, account_at)?.ok_or(StoreError::NotFound { what: "account" })
}

/// What a command on the message path needs to know of its account.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Home {
    pub(crate) account: AccountId,
    pub(crate) workspace: WorkspaceId,
    pub(crate) owner: OwnerEpoch,
}

/// The account's workspace and present owner.
pub(crate) fn home(tx: &Tx<'_>, account: AccountId) -> Result<Home, StoreError> {
    let mut statement = tx.prepare("SELECT workspace, owner_epoch FROM account WHERE id = ?1")?;
    let found = first(statement.query([account.raw()])?, |row| {
        let workspace = WorkspaceId::from_raw(row.get(0)?);
        Ok(Home {
            account,
            workspace,
            owner: OwnerEpoch(row.get(1)?),
        })
    })?;
    found.ok_or(StoreError::NotFound { what: "account" })
}

fn check_name(name: &str) -> Result<(), StoreError> {
    let length = name.chars().count();
    if name.trim().is_empty() || length > ACCOUNT_NAME_MAX || name.chars().any(char::is_control) {
        return Err(StoreError::invalid(format!(
            "an account's name has 1 to {ACCOUNT_NAME_MAX} characters on one line; choose another"
        )));
    }
    Ok(())
}

/// Names the constraint an account's name can break.
fn name_taken(error: crate::db::Error, name: &str) -> StoreError {
    match StoreError::from(error) {
        StoreError::Conflict { .. } => StoreError::conflict(format!(
            "there is an account called '{name}' already; choose another name"
        )),
        other => other,
    }
}

pub(super) struct CreateAccount {
    pub(super) id: AccountId,
    new: NewAccount,
    reason: String,
    pub(super) key: WrappedKey,
}

impl CreateAccount {
    /// With an id and a data key; the key works once it is installed.
    pub(super) fn prepared(store: &Store, new: NewAccount) -> Result<Self, StoreError> {
        check_name(&new.name)?;
        let id: AccountId = store.next_id(new.now);
        Ok(Self {
            id,
            new,
            reason: to_json(&Reason::Created)?,
            key: store.shared.sealer.new_key(id.into())?,
        })
    }
}

impl Write for CreateAccount {
    type Output = Account;
    fn apply(&self, tx: &mut Tx<'_>) -> Result<Account, StoreError> {
        let new = &self.new;
        tx.prepare(&format!(
            "INSERT INTO account ({COLUMNS}, owner_epoch)
             VALUES (?1, ?2, ?3, ?4, NULL, ?5, ?6, ?7, ?8, ?9, ?9, 0)"
        ))?
        .execute((
            self.id.raw(),
            new.workspace.raw(),
            &new.name,
            new.phone.as_ref().map(ToString::to_string),
            new.role.word(),
            new.priority,
            AccountState::New.word(),
            &self.reason,
            new.now.0,
        ))
        .map_err(|error| name_taken(error, &new.name))?;
        put_key(tx.conn(), &self.key)?;
        let account = account_by_id(tx.conn(), self.id)?;
        tell_state(tx, &account, AccountState::New)?;
        Ok(account)
    }
}

/// Writes the event of an account's state.
fn tell_state(tx: &mut Tx<'_>, account: &Account, from: AccountState) -> Result<(), StoreError> {
    let about = About {
        workspace: account.workspace,
        account: Some(account.id),
        conversation: None,
        at: account.state_at,
    };
    let data = json!({
        "account": account.id, "name": account.name, "from": from, "to": account.state,
        "reason": account.reason, "text": account.reason.explain(), "at": account.state_at,
    });
    emit(tx, about, kind::ACCOUNT_STATE, &data)?;
    Ok(())
}

pub(super) struct SetState {
    pub(super) id: AccountId,
    pub(super) to: AccountState,
    pub(super) reason: Reason,
    pub(super) now: Timestamp,
}

impl Write for SetState {
    type Output = StateSet;
    fn apply(&self, tx: &mut Tx<'_>) -> Result<StateSet, StoreError> {
        let before = account_by_id(tx.conn(), self.id)?;
        if before.state == self.to && before.reason == self.reason {
            return Ok(StateSet::Same);
        }
        let reason = to_json(&self.reason)?;
        tx.prepare("UPDATE account SET state = ?2, reason = ?3, state_at = ?4 WHERE id = ?1")?
            .execute((self.id.raw(), self.to.word(), &reason, self.now.0))?;
        tx.prepare(
            "INSERT INTO account_history (account, from_state, to_state, reason, at)
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute((
            self.id.raw(),
            before.state.word(),
            self.to.word(),
            &reason,
            self.now.0,
        ))?;
        tx.prepare(
            "DELETE FROM account_history WHERE account = ?1 AND id <=
             (SELECT id FROM account_history WHERE account = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
        )?
        .execute((self.id.raw(), i64::try_from(HISTORY_MAX).unwrap_or(i64::MAX)))?;
        let from = before.state;
        let after = Account {
            state: self.to,
            reason: self.reason.clone(),
            state_at: self.now,
            ..before
        };
        tell_state(tx, &after, from)?;
        Ok(StateSet::Changed { from })
    }
}

pub(super) struct SetIdentity {
    pub(super) id: AccountId,
    pub(super) phone: Option<Address>,
    pub(super) lid: Option<Address>,
}

impl Write for SetIdentity {
    type Output = ();
    fn apply(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let text = |address: &Option<Address>| address.as_ref().map(ToString::to_string);
        let changed = tx
            .prepare(
                "UPDATE account SET phone = coalesce(?2, phone), lid = coalesce(?3, lid)
                 WHERE id = ?1",
            )?
            .execute((self.id.raw(), text(&self.phone), text(&self.lid)))?;
        found(changed, "account")
    }
}

struct Patch {
    id: AccountId,
    patch: AccountPatch,
}

impl Write for Patch {
    type Output = Account;
    fn apply(&self, tx: &mut Tx<'_>) -> Result<Account, StoreError> {
        let AccountPatch {
            name,
            role,
            priority,
        } = &self.patch;
        let changed = tx
            .prepare(
                "UPDATE account SET name = coalesce(?2, name), role = coalesce(?3, role),
                 priority = coalesce(?4, priority) WHERE id = ?1",
            )?
            .execute((self.id.raw(), name, role.map(|role| role.word()), priority))
            .map_err(|error| name_taken(error, name.as_deref().unwrap_or_default()))?;
        found(changed, "account")?;
        account_by_id(tx.conn(), self.id)
    }
}

struct TakeOwnership(AccountId);

impl Write for TakeOwnership {
    type Output = OwnerEpoch;
    fn apply(&self, tx: &mut Tx<'_>) -> Result<OwnerEpoch, StoreError> {
        let changed = tx
            .prepare("UPDATE account SET owner_epoch = owner_epoch + 1 WHERE id = ?1")?
            .execute([self.0.raw()])?;
        found(changed, "account")?;
        Ok(home(tx, self.0)?.owner)
    }
}

/// Rows removed by one command while an account is deleted, so that others get their turn.
const DELETE_STEP: i64 = 2_000;

/// Everything that hangs on an account, in the order in which it goes. Messages go before what
/// hangs on them would be looked up by account, so rows without an account column come first.
const OF_ACCOUNT: &[&str] = &[
    "DELETE FROM kv WHERE (account, space, key) IN
     (SELECT account, space, key FROM kv WHERE account = ?1 LIMIT ?2)",
    "DELETE FROM finding WHERE message IN (SELECT finding.message FROM finding
     JOIN message ON message.id = finding.message WHERE message.account = ?1 LIMIT ?2)",
    "DELETE FROM frozen WHERE message IN (SELECT frozen.message FROM frozen
     JOIN outbox ON outbox.message = frozen.message WHERE outbox.account = ?1 LIMIT ?2)",
    "DELETE FROM idempotency WHERE (workspace, key) IN
     (SELECT i.workspace, i.key FROM idempotency i JOIN message m ON m.id = i.message
      WHERE m.account = ?1 LIMIT ?2)",
    "DELETE FROM merge_message WHERE (merge, message) IN
     (SELECT g.merge, g.message FROM merge_message g JOIN message m ON m.id = g.message
      WHERE m.account = ?1 LIMIT ?2)",
    "DELETE FROM merge_conversation WHERE conversation IN
     (SELECT id FROM conversation WHERE account = ?1 LIMIT ?2)",
    "DELETE FROM outbox WHERE message IN (SELECT message FROM outbox WHERE account = ?1 LIMIT ?2)",
    "DELETE FROM blob_use WHERE (blob, message) IN
     (SELECT blob, message FROM blob_use WHERE account = ?1 LIMIT ?2)",
    "DELETE FROM media_reading WHERE message IN
     (SELECT message FROM media_reading WHERE account = ?1 LIMIT ?2)",
    "DELETE FROM media WHERE message IN (SELECT message FROM media WHERE account = ?1 LIMIT ?2)",
    "DELETE FROM annotation WHERE (account, target_wire, author, kind, conversation) IN
     (SELECT account, target_wire, author, kind, conversation FROM annotation
      WHERE account = ?1 LIMIT ?2)",
    "DELETE FROM pending WHERE (account, seq) IN
     (SELECT account, seq FROM pending WHERE account = ?1 LIMIT ?2)",
    "DELETE FROM dead_letter WHERE id IN (SELECT id FROM dead_letter WHERE account = ?1 LIMIT ?2)",
    "DELETE FROM message WHERE id IN (SELECT id FROM message WHERE account = ?1 LIMIT ?2)",
    "DELETE FROM thread WHERE (conversation, number) IN
     (SELECT t.conversation, t.number FROM thread t JOIN conversation c ON c.id = t.conversation
      WHERE c.account = ?1 LIMIT ?2)",
    "DELETE FROM conversation_topic WHERE conversation IN
     (SELECT t.conversation FROM conversation_topic t JOIN conversation c ON c.id = t.conversation
      WHERE c.account = ?1 LIMIT ?2)",
    "DELETE FROM conversation WHERE id IN
     (SELECT id FROM conversation WHERE account = ?1 LIMIT ?2)",
    "DELETE FROM account_history WHERE id IN
     (SELECT id FROM account_history WHERE account = ?1 LIMIT ?2)",
    // The newest event stays: it holds the place of the log's end.
    "DELETE FROM event WHERE position IN (SELECT position FROM event
     WHERE account = ?1 AND position < (SELECT max(position) FROM event) LIMIT ?2)",
];

struct DeleteRows {
    account: AccountId,
    sql: &'static str,
}

impl Write for DeleteRows {
    type Output = usize;
    fn apply(&self, tx: &mut Tx<'_>) -> Result<usize, StoreError> {
        tx.people().forget();
        Ok(tx
            .prepare(self.sql)?
            .execute((self.account.raw(), DELETE_STEP))?)
    }
}

struct DeleteAccount {
    account: AccountId,
    now: Timestamp,
}

impl Write for DeleteAccount {
    type Output = ();
    fn apply(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let workspace = home(tx, self.account)?.workspace;
        tx.people().forget();
        let about = About {
            workspace,
            account: None,
            conversation: None,
            at: self.now,
        };
        emit(
            tx,
            about,
            kind::ACCOUNT_DELETED,
            &json!({ "account": self.account }),
        )?;
        let all = i64::MAX;
        for sql in OF_ACCOUNT {
            tx.prepare(sql)?.execute((self.account.raw(), all))?;
        }
        tx.prepare("DELETE FROM data_key WHERE owner = ?1")?
            .execute([self.account.raw()])?;
        tx.prepare("DELETE FROM account WHERE id = ?1")?
            .execute([self.account.raw()])?;
        Ok(())
    }
}

impl Store {
    /// Creates an account in the state `new`, with a data key of its own.
    ///
    /// [`StoreError::Conflict`] when the name is taken, [`StoreError::Invalid`] when it is empty
    /// or too long.
    pub async fn create_account(&self, new: NewAccount) -> Result<Account, StoreError> {
        let create = CreateAccount::prepared(self, new)?;
        let again = WrappedKey {
            wrapped: create.key.wrapped.clone(),
            ..create.key
        };
        let account = self.write(create).await?;
        self.shared.sealer.install(&again)?;
        Ok(account)
    }

    /// One account.
    pub async fn account(&self, id: AccountId) -> Result<Account, StoreError> {
        self.read(move |conn| account_by_id(conn, id)).await
    }

    /// Every account of a workspace, by name.
    pub async fn accounts(&self, workspace: WorkspaceId) -> Result<Vec<Account>, StoreError> {
        self.read(move |conn| {
            let sql = format!("SELECT {COLUMNS} FROM account WHERE workspace = ?1 ORDER BY name");
            collect(
                conn.prepare_cached(&sql)?.query([workspace.raw()])?,
                account_at,
            )
        })
        .await
    }

    /// Every account of every workspace, in the order they were created.
    pub async fn all_accounts(&self) -> Result<Vec<Account>, StoreError> {
        self.read(|conn| {
            let sql = format!("SELECT {COLUMNS} FROM account ORDER BY id");
            collect(conn.prepare_cached(&sql)?.query([])?, account_at)
        })
        .await
    }

    /// Moves an account to a state, with the history entry and the event.
    pub async fn set_account_state(
        &self,
        id: AccountId,
        to: AccountState,
        reason: Reason,
        now: Timestamp,
    ) -> Result<StateSet, StoreError> {
        self.write(SetState {
            id,
            to,
            reason,
            now,
        })
        .await
    }

    /// Remembers the addresses WhatsApp gave the account; `None` leaves one as it is.
    pub async fn set_account_identity(
        &self,
        id: AccountId,
        phone: Option<Address>,
        lid: Option<Address>,
    ) -> Result<(), StoreError> {
        self.write(SetIdentity { id, phone, lid }).await
    }

    /// Changes what people may change about an account.
    pub async fn update_account(
        &self,
        id: AccountId,
        patch: AccountPatch,
    ) -> Result<Account, StoreError> {
        patch.name.as_deref().map_or(Ok(()), check_name)?;
        self.write(Patch { id, patch }).await
    }

    /// An account's changes of state, newest first; the last 1,000 are kept.
    pub async fn account_history(
        &self,
        id: AccountId,
        page: Page,
    ) -> Result<Paged<StateChange>, StoreError> {
        let before = page.after::<1>()?.map_or(i64::MAX, |[id]| id);
        self.read(move |conn| {
            let mut statement = conn.prepare_cached(
                "SELECT id, from_state, to_state, reason, at FROM account_history
                 WHERE account = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3",
            )?;
            let rows = statement.query((id.raw(), before, page.fetch()))?;
            let changes = collect(rows, |row| {
                let (from, to) = (word_at(row, 1)?, word_at(row, 2)?);
                let at = Timestamp(row.get(4)?);
                Ok((
                    row.get::<_, i64>(0)?,
                    StateChange {
                        from,
                        to,
                        reason: json_at(row, 3)?,
                        at,
                    },
                ))
            })?;
            let paged = page.cut(changes, |(id, _)| [*id]);
            let items = paged.items.into_iter().map(|(_, change)| change).collect();
            Ok(Paged {
                items,
                next: paged.next,
            })
        })
        .await
    }

    /// Takes an account for this process. Accepts and completions with an earlier epoch are
    /// refused from now on.
    pub async fn take_ownership(&self, account: AccountId) -> Result<OwnerEpoch, StoreError> {
        self.write(TakeOwnership(account)).await
    }

    /// Deletes an account and everything that hangs on it: sessions, conversations, messages,
    /// events. Contacts stay, since other accounts may know them, and so do blobs. Interrupted,
    /// it can be called again.
    pub async fn delete_account(
        &self,
        account: AccountId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        for sql in OF_ACCOUNT {
            while self.write(DeleteRows { account, sql }).await? > 0 {}
        }
        self.write(DeleteAccount { account, now }).await?;
        self.shared.sealer.forget(KeyOwner::Account(account));
        Ok(())
    }
}
