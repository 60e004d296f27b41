//! Lists that people put in place of those that come with the program.

use super::column::time_at;
use super::events::insert_new;
use crate::command::Write;
use crate::error::StoreError;
use crate::reading::{InsightSet, SET_LEN_MAX};
use crate::store::Store;
use crate::writer::Tx;
use waypost_engine::model::{NewEvent, WorkspaceId};

struct ChangeSet {
    workspace: WorkspaceId,
    name: String,
    content: Option<String>,
    event: NewEvent,
}

impl Write for ChangeSet {
    type Output = ();
    fn apply(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let (workspace, name) = (self.workspace.raw(), &self.name);
        match &self.content {
            Some(content) => tx
                .prepare(
                    "INSERT INTO insight_set (workspace, name, content, changed_at)
                     VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT (workspace, name) DO UPDATE SET content = excluded.content,
                       changed_at = excluded.changed_at",
                )?
                .execute((workspace, name, content, self.event.at.0))?,
            None => tx
                .prepare("DELETE FROM insight_set WHERE workspace = ?1 AND name = ?2")?
                .execute((workspace, name))?,
        };
        insert_new(tx, &self.event)?;
        Ok(())
    }
}

impl Store {
    /// The sets that people edited, by name.
    pub async fn insight_sets(
        &self,
        workspace: WorkspaceId,
    ) -> Result<Vec<InsightSet>, StoreError> {
        self.read(move |conn| {
            let sql = "SELECT name, content, changed_at FROM insight_set WHERE workspace = ?1
                       ORDER BY name";
            conn.prepare_cached(sql)?
                .query_and_then([workspace.raw()], |row| {
                    Ok(InsightSet {
                        name: row.get("name")?,
                        content: row.get("content")?,
                        changed_at: time_at(row, "changed_at")?,
                    })
                })?
                .collect()
        })
        .await
    }

    /// Puts a set in place, or removes it, and tells of it in one commit.
    pub async fn change_insight_set(
        &self,
        workspace: WorkspaceId,
        name: &str,
        content: Option<String>,
        event: NewEvent,
    ) -> Result<(), StoreError> {
        if content
            .as_ref()
            .is_some_and(|content| content.len() > SET_LEN_MAX)
        {
            return Err(StoreError::invalid(format!(
                "a set has at most {SET_LEN_MAX} bytes"
            )));
        }
        let name = name.to_owned();
        self.write(ChangeSet {
            workspace,
            name,
            content,
            event,
        })
        .await
    }
}
