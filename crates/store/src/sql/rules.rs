//! Reply rules.

use super::column::{json_at, json_or_null_at, name_at, name_of, time_at};
use crate::admin::rules::{ANSWER_LEN_MAX, RULES_MAX, RuleSpec};
use crate::command::{Write, found};
use crate::db::{Row, ToSql};
use crate::error::StoreError;
use crate::store::Store;
use crate::writer::Tx;
use waypost_engine::model::{AccountId, Duration, Rule, RuleId, Timestamp, WorkspaceId};

const COLUMNS: &str = "id, workspace, account, name, position, matches, scope, answer, max_age, \
    enabled, created_at, conditions";

fn rule(row: &Row<'_>) -> Result<Rule, StoreError> {
    Ok(Rule {
        id: RuleId::from_raw(row.get("id")?),
        workspace: WorkspaceId::from_raw(row.get("workspace")?),
        account: row
            .get::<_, Option<i64>>("account")?
            .map(AccountId::from_raw),
        name: row.get("name")?,
        position: row.get("position")?,
        matches: json_at(row, "matches")?,
        conditions: json_or_null_at(row, "conditions")?.unwrap_or_default(),
        scope: name_at(row, "scope")?,
        answer: row.get("answer")?,
        max_age: Duration(row.get::<_, i64>("max_age")?.cast_unsigned()),
        enabled: row.get("enabled")?,
        created_at: time_at(row, "created_at")?,
    })
}

fn by_id(tx: &Tx<'_>, id: RuleId) -> Result<Rule, StoreError> {
    tx.prepare(&format!("SELECT {COLUMNS} FROM reply_rule WHERE id = ?1"))?
        .query_and_then([id.raw()], rule)?
        .next()
        .unwrap_or(Err(StoreError::NotFound { what: "rule" }))
}

enum Put {
    Create(Timestamp),
    Change,
}

struct PutRule {
    put: Put,
    id: RuleId,
    spec: RuleSpec,
}

impl PutRule {
    fn check(&self, tx: &Tx<'_>) -> Result<(), StoreError> {
        if let Some(account) = self.spec.account {
            let sql = "SELECT EXISTS (SELECT 1 FROM account WHERE id = ?1 AND workspace = ?2)";
            let known: bool = tx
                .prepare(sql)?
                .query_row((account.raw(), self.spec.workspace.raw()), |row| row.get(0))?;
            found(usize::from(known), "account")?;
        }
        if matches!(self.put, Put::Create(_)) {
            let rules: i64 = tx
                .prepare("SELECT count(*) FROM reply_rule WHERE workspace = ?1")?
                .query_row([self.spec.workspace.raw()], |row| row.get(0))?;
            if rules >= RULES_MAX {
                return Err(StoreError::conflict(format!(
                    "there are {RULES_MAX} rules already; delete one that is not used"
                )));
            }
        }
        Ok(())
    }
}

impl Write for PutRule {
    type Output = Rule;

    fn apply(&self, tx: &mut Tx<'_>) -> Result<Rule, StoreError> {
        self.check(tx)?;
        let sql = match self.put {
            Put::Create(_) => {
                "INSERT INTO reply_rule (id, workspace, account, name, position, matches, scope,
                    answer, max_age, enabled, created_at, conditions)
                 VALUES (:id, :workspace, :account, :name, :position, :matches, :scope,
                    :answer, :max_age, :enabled, :now, :conditions)"
            }
            Put::Change => {
                "UPDATE reply_rule SET account = :account, name = :name, position = :position,
                    matches = :matches, scope = :scope, answer = :answer, max_age = :max_age,
                    enabled = :enabled, conditions = :conditions
                 WHERE id = :id AND workspace = :workspace"
            }
        };
        let spec = &self.spec;
        let matches = serde_json::to_string(&spec.matches)?;
        let conditions = match spec.conditions.is_empty() {
            true => None,
            false => Some(serde_json::to_string(&spec.conditions)?),
        };
        let scope = name_of(&spec.scope)?;
        let max_age = i64::try_from(spec.max_age.0).unwrap_or(i64::MAX);
        let (id, workspace) = (self.id.raw(), spec.workspace.raw());
        let account = spec.account.map(AccountId::raw);
        let mut values = vec![
            (":id", &id as &dyn ToSql),
            (":workspace", &workspace),
            (":account", &account),
            (":name", &spec.name),
            (":position", &spec.position),
            (":matches", &matches),
            (":scope", &scope),
            (":conditions", &conditions),
            (":answer", &spec.answer),
            (":max_age", &max_age),
            (":enabled", &spec.enabled),
        ];
        if let Put::Create(now) = &self.put {
            values.push((":now", &now.0));
        }
        let changed = tx.prepare(sql)?.execute(values.as_slice())?;
        found(changed, "rule")?;
        by_id(tx, self.id)
    }
}

struct DeleteRule {
    workspace: WorkspaceId,
    id: RuleId,
}

impl Write for DeleteRule {
    type Output = ();

    fn apply(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let changed = tx
            .prepare("DELETE FROM reply_rule WHERE id = ?1 AND workspace = ?2")?
            .execute((self.id.raw(), self.workspace.raw()))?;
        found(changed, "rule")
    }
}

fn check(spec: &RuleSpec) -> Result<(), StoreError> {
    if spec.name.trim().is_empty() || spec.name.chars().count() > 200 {
        return Err(StoreError::invalid(
            "a rule needs a name of 1 to 200 characters",
        ));
    }
    if spec.answer.trim().is_empty() || spec.answer.len() > ANSWER_LEN_MAX {
        return Err(StoreError::invalid(format!(
            "a rule needs an answer of at most {ANSWER_LEN_MAX} bytes"
        )));
    }
    Ok(())
}

impl Store {
    /// Creates a rule.
    pub async fn create_rule(&self, spec: RuleSpec, now: Timestamp) -> Result<Rule, StoreError> {
        check(&spec)?;
        self.write(PutRule {
            put: Put::Create(now),
            id: self.next_id(now),
            spec,
        })
        .await
    }

    /// Replaces what a rule says. [`StoreError::NotFound`] when the workspace has no such rule.
    pub async fn change_rule(&self, id: RuleId, spec: RuleSpec) -> Result<Rule, StoreError> {
        check(&spec)?;
        self.write(PutRule {
            put: Put::Change,
            id,
            spec,
        })
        .await
    }

    /// Deletes a rule.
    pub async fn delete_rule(&self, workspace: WorkspaceId, id: RuleId) -> Result<(), StoreError> {
        self.write(DeleteRule { workspace, id }).await
    }

    /// One rule.
    pub async fn rule(&self, workspace: WorkspaceId, id: RuleId) -> Result<Rule, StoreError> {
        self.read(move |conn| {
            let sql = format!("SELECT {COLUMNS} FROM reply_rule WHERE id = ?1 AND workspace = ?2");
            conn.prepare_cached(&sql)?
                .query_and_then((id.raw(), workspace.raw()), rule)?
                .next()
                .unwrap_or(Err(StoreError::NotFound { what: "rule" }))
        })
        .await
    }

    /// All rules of a workspace (at most [`RULES_MAX`]), in the order they are tried.
    pub async fn rules(&self, workspace: WorkspaceId) -> Result<Vec<Rule>, StoreError> {
        self.read(move |conn| {
            let sql = format!(
                "SELECT {COLUMNS} FROM reply_rule WHERE workspace = ?1 ORDER BY position, id"
            );
            conn.prepare_cached(&sql)?
                .query_and_then([workspace.raw()], rule)?
                .collect()
        })
        .await
    }

    /// The rules that are switched on for an account, in the order they are tried.
    pub async fn rules_for(&self, account: AccountId) -> Result<Vec<Rule>, StoreError> {
        self.read(move |conn| {
            let sql = format!(
                "SELECT {COLUMNS} FROM reply_rule
                 WHERE workspace = (SELECT workspace FROM account WHERE id = ?1)
                    AND enabled <> 0 AND (account IS NULL OR account = ?1)
                 ORDER BY position, id"
            );
            conn.prepare_cached(&sql)?
                .query_and_then([account.raw()], rule)?
                .collect()
        })
        .await
    }
}
