//! Groups as the channel reports them.

use super::column::{name_at, name_of, parsed_at, time_at};
use crate::admin::groups::{Group, GroupInfo, GroupMember, MEMBERS_MAX};
use crate::command::{Write, found};
use crate::db::{Row, named_params};
use crate::error::StoreError;
use crate::page::{Page, Paged};
use crate::store::Store;
use crate::writer::Tx;
use waypost_engine::model::{AccountId, Address, ContactId, ConversationId, Timestamp};

const SELECT: &str = "SELECT g.number, g.account, g.address, g.subject, g.description, g.joined,
        g.member_count, g.updated_at, c.id AS conversation
    FROM chat_group g
    LEFT JOIN conversation c ON c.account = g.account AND c.address = g.address";

fn group(row: &Row<'_>) -> Result<(i64, Group), StoreError> {
    let group = Group {
        account: AccountId::from_raw(row.get("account")?),
        address: parsed_at(row, "address")?,
        subject: row.get("subject")?,
        description: row.get("description")?,
        joined: name_at(row, "joined")?,
        member_count: row.get("member_count")?,
        conversation: row
            .get::<_, Option<i64>>("conversation")?
            .map(ConversationId::from_raw),
        updated_at: time_at(row, "updated_at")?,
    };
    Ok((row.get("number")?, group))
}

struct PutGroup {
    info: GroupInfo,
    now: Timestamp,
}

impl Write for PutGroup {
    type Output = ();

    fn apply(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let info = &self.info;
        let (account, address) = (info.account.raw(), info.address.to_string());
        let known: bool = tx
            .prepare("SELECT EXISTS (SELECT 1 FROM account WHERE id = ?1)")?
            .query_row([account], |row| row.get(0))?;
        found(usize::from(known), "account")?;
        let members = info.members.iter().take(MEMBERS_MAX);
        tx.prepare(
            "INSERT INTO chat_group (account, address, subject, description, joined,
                member_count, updated_at)
             VALUES (:account, :address, :subject, :description, :joined, :count, :now)
             ON CONFLICT (account, address) DO UPDATE SET subject = excluded.subject,
                description = excluded.description, joined = excluded.joined,
                member_count = excluded.member_count, updated_at = excluded.updated_at",
        )?
        .execute(named_params! {
            ":account": account, ":address": address, ":subject": info.subject,
            ":description": info.description, ":joined": name_of(&info.joined)?,
            ":count": i64::try_from(members.len()).unwrap_or(i64::MAX), ":now": self.now.0,
        })?;
        tx.prepare("DELETE FROM chat_group_member WHERE account = ?1 AND chat = ?2")?
            .execute((account, &address))?;
        for (member, role) in members {
            tx.prepare(
                "INSERT INTO chat_group_member (account, chat, address, role)
                 VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (account, chat, address) DO UPDATE SET role = excluded.role",
            )?
            .execute((account, &address, member.to_string(), name_of(role)?))?;
        }
        Ok(())
    }
}

impl Store {
    /// Stores what the channel says about a group; replaces what was known of it.
    pub async fn put_group(&self, info: GroupInfo, now: Timestamp) -> Result<(), StoreError> {
        if !info.address.is_group() {
            return Err(StoreError::invalid(format!(
                "{} is not the address of a group",
                info.address
            )));
        }
        self.write(PutGroup { info, now }).await
    }

    /// The groups of an account, the first seen first.
    pub async fn groups(&self, account: AccountId, page: Page) -> Result<Paged<Group>, StoreError> {
        self.read(move |conn| {
            let [after] = page.after()?.unwrap_or([0]);
            let sql = format!(
                "{SELECT} WHERE g.account = ?1 AND g.number > ?2 ORDER BY g.number LIMIT ?3"
            );
            let groups: Result<Vec<_>, StoreError> = conn
                .prepare_cached(&sql)?
                .query_and_then((account.raw(), after, page.fetch()), group)?
                .collect();
            let Paged { items, next } = page.cut(groups?, |(number, _)| [*number]);
            Ok(Paged {
                items: items.into_iter().map(|(_, group)| group).collect(),
                next,
            })
        })
        .await
    }

    /// One group.
    pub async fn group(&self, account: AccountId, address: Address) -> Result<Group, StoreError> {
        self.read(move |conn| {
            let sql = format!("{SELECT} WHERE g.account = ?1 AND g.address = ?2");
            conn.prepare_cached(&sql)?
                .query_and_then((account.raw(), address.to_string()), group)?
                .next()
                .unwrap_or(Err(StoreError::NotFound { what: "group" }))
                .map(|(_, group)| group)
        })
        .await
    }

    /// The members of a group by address, at most [`MEMBERS_MAX`], with who they are.
    pub async fn group_members(
        &self,
        account: AccountId,
        address: Address,
    ) -> Result<Vec<GroupMember>, StoreError> {
        self.read(move |conn| {
            conn.prepare_cached(
                "SELECT m.address, m.role, p.id AS contact, coalesce(p.name, p.push_name) AS name
                 FROM chat_group_member m
                 JOIN account own ON own.id = m.account
                 LEFT JOIN alias a ON a.workspace = own.workspace AND a.address = m.address
                    AND a.valid_to IS NULL
                 LEFT JOIN contact p ON p.id = a.contact
                 WHERE m.account = ?1 AND m.chat = ?2 ORDER BY m.address",
            )?
            .query_and_then((account.raw(), address.to_string()), |row| {
                Ok(GroupMember {
                    address: parsed_at(row, "address")?,
                    role: name_at(row, "role")?,
                    contact: row
                        .get::<_, Option<i64>>("contact")?
                        .map(ContactId::from_raw),
                    name: row.get("name")?,
                })
            })?
            .collect()
        })
        .await
    }
}
