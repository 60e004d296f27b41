//! Contacts: the list, names, aliases, and taking a merge back.

use super::annotations::same_annotation_in;
use super::column::{containing, parsed_at, parsed_or_null_at, time_at, time_or_null_at};
use super::conversations::PHONE;
use crate::admin::contacts::{
    ALIASES_MAX, Alias, CONTACT_NAME_MAX, Contact, ContactFilter, MergeId, MergeRecord,
};
use crate::command::{Write, found};
use crate::db::{Row, named_params};
use crate::error::StoreError;
use crate::page::{Page, Paged};
use crate::store::Store;
use crate::writer::Tx;
use waypost_engine::model::{AccountId, ContactId, Timestamp, WorkspaceId};

fn select() -> String {
    format!(
        "SELECT p.id, p.workspace, p.name, p.push_name, p.lid, {PHONE} AS phone, p.created_at,
            p.updated_at, p.merged_into FROM contact p"
    )
}

fn contact(row: &Row<'_>) -> Result<Contact, StoreError> {
    Ok(Contact {
        id: ContactId::from_raw(row.get("id")?),
        workspace: WorkspaceId::from_raw(row.get("workspace")?),
        name: row.get("name")?,
        push_name: row.get("push_name")?,
        lid: parsed_or_null_at(row, "lid")?,
        phone: parsed_or_null_at(row, "phone")?,
        created_at: time_at(row, "created_at")?,
        updated_at: time_at(row, "updated_at")?,
        merged_into: row
            .get::<_, Option<i64>>("merged_into")?
            .map(ContactId::from_raw),
    })
}

fn merge_record(row: &Row<'_>) -> Result<MergeRecord, StoreError> {
    Ok(MergeRecord {
        id: MergeId(row.get("id")?),
        into: ContactId::from_raw(row.get("into_contact")?),
        from: ContactId::from_raw(row.get("from_contact")?),
        at: time_at(row, "at")?,
        undone_at: time_or_null_at(row, "undone_at")?,
    })
}

struct Rename {
    workspace: WorkspaceId,
    contact: ContactId,
    name: Option<String>,
    now: Timestamp,
}

impl Write for Rename {
    type Output = ();

    fn apply(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let changed = tx
            .prepare(
                "UPDATE contact SET name = ?3, updated_at = ?4 WHERE id = ?1 AND workspace = ?2",
            )?
            .execute((
                self.contact.raw(),
                self.workspace.raw(),
                &self.name,
                self.now.0,
            ))?;
        found(changed, "contact")
    }
}

struct UndoMerge {
    workspace: WorkspaceId,
    merge: MergeId,
    now: Timestamp,
}

impl UndoMerge {
    fn record(&self, tx: &Tx<'_>) -> Result<MergeRecord, StoreError> {
        let record = tx
            .prepare("SELECT * FROM merge WHERE id = ?1 AND workspace = ?2")?
            .query_and_then((self.merge.0, self.workspace.raw()), merge_record)?
            .next()
            .unwrap_or(Err(StoreError::NotFound { what: "merge" }))?;
        if record.undone_at.is_some() {
            return Err(StoreError::conflict("this merge was taken back already"));
        }
        Ok(record)
    }

    /// Gives back the aliases that still belong to whoever stayed.
    fn aliases(&self, tx: &Tx<'_>, merge: &MergeRecord) -> Result<(), StoreError> {
        tx.prepare(
            "UPDATE alias SET contact = ?3 WHERE contact = ?2
                AND id IN (SELECT alias FROM merge_alias WHERE merge = ?1)",
        )?
        .execute((self.merge.0, merge.into.raw(), merge.from.raw()))?;
        Ok(())
    }

    fn conversations(&self, tx: &Tx<'_>, merge: &MergeRecord) -> Result<(), StoreError> {
        let moved: Vec<(i64, Option<i64>)> = tx
            .prepare("SELECT conversation, kept FROM merge_conversation WHERE merge = ?1")?
            .query_map([self.merge.0], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<_, _>>()?;
        for (conversation, kept) in moved {
            tx.prepare("UPDATE conversation SET contact = ?2, merged_into = NULL WHERE id = ?1")?
                .execute((conversation, merge.from.raw()))?;
            if let Some(kept) = kept {
                self.pour_back(tx, conversation, kept)?;
                recount(tx, conversation)?;
                recount(tx, kept)?;
            }
        }
        Ok(())
    }

    /// Moves back what was moved, and what came for the returned addresses since.
    fn pour_back(&self, tx: &Tx<'_>, conversation: i64, kept: i64) -> Result<(), StoreError> {
        let mine = "SELECT m.id FROM message m WHERE m.conversation = :kept AND (
                m.id IN (SELECT message FROM merge_message
                    WHERE merge = :merge AND conversation = :conversation)
                OR m.committed_at >= (SELECT at FROM merge WHERE id = :merge)
                    AND m.chat IN (SELECT a.address FROM merge_alias x
                        JOIN alias a ON a.id = x.alias WHERE x.merge = :merge))";
        let notes = format!(
            "UPDATE annotation SET conversation = :conversation
             WHERE conversation = :kept AND (target IN ({mine}) OR message IN ({mine}))
                AND NOT EXISTS ({})",
            same_annotation_in(":conversation")
        );
        let letters = format!(
            "UPDATE dead_letter SET conversation = :conversation WHERE message IN ({mine})"
        );
        // Threads stay where they were counted.
        let threads = format!("UPDATE finding SET thread = NULL WHERE message IN ({mine})");
        let later = format!(
            "UPDATE deferred SET conversation = :conversation
             WHERE conversation IS NOT NULL AND message IN ({mine})"
        );
        let messages =
            format!("UPDATE message SET conversation = :conversation WHERE id IN ({mine})");
        // The messages last: they say which the others are.
        for sql in [notes, letters, threads, later, messages] {
            tx.prepare(&sql)?.execute(named_params! {
                ":merge": self.merge.0, ":conversation": conversation, ":kept": kept,
            })?;
        }
        Ok(())
    }
}

/// Finds a conversation's last message again. What is unread stays with the one that has it, as
/// far as it has messages.
fn recount(tx: &Tx<'_>, conversation: i64) -> Result<(), StoreError> {
    let sql = "SELECT count(*) FROM message WHERE conversation = ?1 AND direction = 'in'";
    let received: i64 = tx
        .prepare(sql)?
        .query_row([conversation], |row| row.get(0))?;
    tx.prepare(
        "UPDATE conversation SET
            last_message = (SELECT id FROM message WHERE conversation = ?1
                ORDER BY sent_at DESC, seq DESC LIMIT 1),
            last_at = coalesce((SELECT max(sent_at) FROM message WHERE conversation = ?1), 0),
            unread = CASE WHEN unread > ?2 THEN ?2 ELSE unread END
         WHERE id = ?1",
    )?
    .execute((conversation, received))?;
    Ok(())
}

impl Write for UndoMerge {
    type Output = MergeRecord;

    fn apply(&self, tx: &mut Tx<'_>) -> Result<MergeRecord, StoreError> {
        let merge = self.record(tx)?;
        tx.people().forget();
        self.aliases(tx, &merge)?;
        self.conversations(tx, &merge)?;
        tx.prepare("UPDATE contact SET merged_into = NULL, updated_at = ?2 WHERE id = ?1")?
            .execute((merge.from.raw(), self.now.0))?;
        tx.prepare("UPDATE merge SET undone_at = ?2 WHERE id = ?1")?
            .execute((self.merge.0, self.now.0))?;
        Ok(MergeRecord {
            undone_at: Some(self.now),
            ..merge
        })
    }
}

impl Store {
    /// Contacts, the newest first. Absorbed ones are not listed.
    pub async fn contacts(
        &self,
        workspace: WorkspaceId,
        filter: ContactFilter,
        page: Page,
    ) -> Result<Paged<Contact>, StoreError> {
        self.read(move |conn| {
            let [before] = page.after()?.unwrap_or([i64::MAX]);
            let sql = format!(
                "{} WHERE p.workspace = :workspace AND p.id < :before AND p.merged_into IS NULL
                    AND (EXISTS (SELECT 1 FROM conversation c
                        WHERE c.contact = p.id AND c.account = :account) OR :account IS NULL)
                    AND (p.name LIKE :text ESCAPE '\\' OR p.push_name LIKE :text ESCAPE '\\'
                        OR :text IS NULL
                        OR EXISTS (SELECT 1 FROM alias a WHERE a.contact = p.id
                            AND a.valid_to IS NULL AND a.address LIKE :text ESCAPE '\\'))
                 ORDER BY p.id DESC LIMIT :rows",
                select()
            );
            let found: Result<Vec<_>, StoreError> = conn
                .prepare_cached(&sql)?
                .query_and_then(
                    named_params! {
                        ":workspace": workspace.raw(), ":before": before,
                        ":account": filter.account.map(AccountId::raw),
                        ":text": filter.text.as_deref().map(containing), ":rows": page.fetch(),
                    },
                    contact,
                )?
                .collect();
            Ok(page.cut(found?, |contact| [contact.id.raw()]))
        })
        .await
    }

    /// One contact, also one that was absorbed: see [`Contact::merged_into`].
    pub async fn contact(
        &self,
        workspace: WorkspaceId,
        id: ContactId,
    ) -> Result<Contact, StoreError> {
        self.read(move |conn| {
            conn.prepare_cached(&format!(
                "{} WHERE p.id = ?1 AND p.workspace = ?2",
                select()
            ))?
            .query_and_then((id.raw(), workspace.raw()), contact)?
            .next()
            .unwrap_or(Err(StoreError::NotFound { what: "contact" }))
        })
        .await
    }

    /// Gives a contact a name of our own, or takes it away. 1 to [`CONTACT_NAME_MAX`] characters.
    pub async fn rename_contact(
        &self,
        workspace: WorkspaceId,
        contact: ContactId,
        name: Option<String>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let odd = |name: &str| name.trim().is_empty() || name.chars().count() > CONTACT_NAME_MAX;
        if name.as_deref().is_some_and(odd) {
            return Err(StoreError::invalid(format!(
                "a contact's name has 1 to {CONTACT_NAME_MAX} characters; leave it out to remove it"
            )));
        }
        self.write(Rename {
            workspace,
            contact,
            name,
            now,
        })
        .await
    }

    /// The addresses of a contact with their dates, newest first, at most [`ALIASES_MAX`].
    pub async fn aliases(
        &self,
        workspace: WorkspaceId,
        contact: ContactId,
    ) -> Result<Vec<Alias>, StoreError> {
        self.read(move |conn| {
            conn.prepare_cached(
                "SELECT address, valid_from, valid_to FROM alias
                 WHERE contact = ?1 AND workspace = ?2 ORDER BY id DESC LIMIT ?3",
            )?
            .query_and_then((contact.raw(), workspace.raw(), ALIASES_MAX), |row| {
                Ok(Alias {
                    address: parsed_at(row, "address")?,
                    valid_from: time_at(row, "valid_from")?,
                    valid_to: time_or_null_at(row, "valid_to")?,
                })
            })?
            .collect()
        })
        .await
    }

    /// Contacts that turned out to be one person, newest first.
    pub async fn merges(
        &self,
        workspace: WorkspaceId,
        page: Page,
    ) -> Result<Paged<MergeRecord>, StoreError> {
        self.read(move |conn| {
            let [before] = page.after()?.unwrap_or([i64::MAX]);
            let merges: Result<Vec<_>, StoreError> = conn
                .prepare_cached(
                    "SELECT * FROM merge WHERE workspace = ?1 AND id < ?2
                     ORDER BY id DESC LIMIT ?3",
                )?
                .query_and_then((workspace.raw(), before, page.fetch()), merge_record)?
                .collect();
            Ok(page.cut(merges?, |merge| [merge.id.0]))
        })
        .await
    }

    /// Takes a merge back: addresses, conversations and messages go where they were, and so do
    /// messages that came for those addresses since. No message changes its place in its
    /// account's order. [`StoreError::Conflict`] when it was taken back before.
    pub async fn undo_merge(
        &self,
        workspace: WorkspaceId,
        merge: MergeId,
        now: Timestamp,
    ) -> Result<MergeRecord, StoreError> {
        self.write(UndoMerge {
            workspace,
            merge,
            now,
        })
        .await
    }
}
