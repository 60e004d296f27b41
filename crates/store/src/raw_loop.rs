//! The least that the same rows cost: a plain loop on one thread, for the benchmarks.
//!
//! It takes the rows that a [`crate::Store`] has written for received and answered messages out of
//! its database, and writes them once more into another one: same tables, same indexes, same
//! durability, the same number of row writes per message. It decides nothing, encodes nothing and
//! waits for nobody.

use crate::config::StoreConfig;
use crate::db::sqlite;
use crate::error::StoreError;
use crate::writer::CHECKPOINT_PAGES;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, Row, params_from_iter};
use std::collections::{HashMap, HashSet};
use waypost_engine::model::MessageId;
use waypost_engine::model::event::kind;

type Values = Vec<Value>;

/// One row to write.
struct RowWrite {
    sql: usize,
    values: Values,
}

/// What one message caused, by transaction.
#[derive(Default)]
struct MessageWrites {
    accept: Vec<RowWrite>,
    complete: Vec<RowWrite>,
}

/// The loop, ready to run.
pub struct RawLoop {
    target: Connection,
    statements: Vec<String>,
    messages: Vec<MessageWrites>,
}

impl std::fmt::Debug for RawLoop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RawLoop")
            .field("messages", &self.messages.len())
            .finish_non_exhaustive()
    }
}

/// Row writes that are no plain insert.
const MOVE_HEAD: &str =
    "UPDATE conversation SET last_message = ?2, last_at = ?3, unread = unread + ?4 WHERE id = ?1";
const ADD_PENDING: &str = "INSERT INTO pending VALUES (?1, ?2, ?3, 0, 0, NULL)";
const TAKE_PENDING: &str = "DELETE FROM pending WHERE account = ?1 AND seq = ?2";

impl RawLoop {
    /// Reads what `source` holds and `target` does not, and opens `target` as a store would.
    /// Both must be closed stores; `target` must be what `source` was before the messages came.
    ///
    /// # Errors
    /// When one of them cannot be read, or a message of `source` was not answered.
    pub fn prepare(source: &StoreConfig, target: &StoreConfig) -> Result<Self, StoreError> {
        let from = sqlite::reading(source)?;
        let target = sqlite::writing(target)?;
        target.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
        target.set_prepared_statement_cache_capacity(64);
        let mut reading = Reading::new(&from);
        reading.read_new(&target)?;
        let Reading {
            statements,
            messages,
            ..
        } = reading;
        if let Some(unanswered) = messages.iter().position(|m| m.complete.is_empty()) {
            return Err(StoreError::invalid(format!(
                "message {unanswered} of the source was never completed"
            )));
        }
        Ok(Self {
            target,
            statements,
            messages,
        })
    }

    /// Messages it will write, each with its answer.
    #[must_use]
    pub fn messages(&self) -> usize {
        self.messages.len()
    }

    /// Rows it will insert, update or delete.
    #[must_use]
    pub fn row_writes(&self) -> usize {
        self.messages
            .iter()
            .map(|message| message.accept.len() + message.complete.len())
            .sum()
    }

    /// Writes everything: for each batch one transaction that stores the messages, and one that
    /// completes them. Returns the number of transactions.
    ///
    /// # Errors
    /// When SQLite fails; `target` is then good for nothing.
    pub fn run(&mut self, batch: usize) -> Result<usize, StoreError> {
        let mut commits = 0;
        for messages in self.messages.chunks(batch.max(1)) {
            self.commit(messages.iter().flat_map(|m| &m.accept))?;
            self.commit(messages.iter().flat_map(|m| &m.complete))?;
            commits += 2;
        }
        Ok(commits)
    }

    fn commit<'a>(&self, rows: impl Iterator<Item = &'a RowWrite>) -> Result<(), StoreError> {
        self.target.execute_batch("BEGIN IMMEDIATE")?;
        for row in rows {
            self.target
                .prepare_cached(&self.statements[row.sql])?
                .execute(params_from_iter(&row.values))?;
        }
        Ok(self.target.execute_batch("COMMIT")?)
    }
}

/// Takes the rows out of the source, message by message.
struct Reading<'c> {
    from: &'c Connection,
    statements: Vec<String>,
    messages: Vec<MessageWrites>,
    /// Where each received message is in `messages`.
    places: HashMap<i64, usize>,
    /// Contacts and conversations that are there already.
    known: HashSet<i64>,
    /// What the answer under way has written; it belongs to the completion that follows.
    answer: Vec<RowWrite>,
}

impl<'c> Reading<'c> {
    fn new(from: &'c Connection) -> Self {
        Self {
            from,
            statements: Vec::new(),
            messages: Vec::new(),
            places: HashMap::new(),
            known: HashSet::new(),
            answer: Vec::new(),
        }
    }

    fn read_new(&mut self, target: &Connection) -> Result<(), StoreError> {
        for table in ["contact", "conversation"] {
            let mut statement = target.prepare(&format!("SELECT id FROM {table}"))?;
            for id in statement.query_map([], |row| row.get(0))? {
                self.known.insert(id?);
            }
        }
        let last: i64 =
            target.query_row("SELECT coalesce(max(position), 0) FROM event", [], |row| {
                row.get(0)
            })?;
        let mut events = self
            .from
            .prepare("SELECT * FROM event WHERE position > ?1 ORDER BY position")?;
        let columns = events.column_count();
        let mut rows = events.query([last])?;
        while let Some(row) = rows.next()? {
            let told: String = row.get("kind")?;
            let about = about(&row.get::<_, String>("data")?)?;
            let event = values(row, columns)?;
            match told.as_str() {
                kind::MESSAGE_RECEIVED => self.received(about, event)?,
                kind::MESSAGE_ACCEPTED => self.answered(about, event)?,
                kind::MESSAGE_PROCESSED => self.processed(about, event)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn received(&mut self, id: i64, event: Values) -> Result<(), StoreError> {
        let message = self.row("message", id)?;
        let (account, seq, sent_at) = (at(&message, 1), at(&message, 3), at(&message, 11));
        let (conversation, sender) = (integer(&message, 2)?, integer(&message, 8)?);
        let mut rows = Vec::new();
        if self.known.insert(sender) {
            let contact = self.row("contact", sender)?;
            rows.push(self.insert("contact", contact));
            for alias in self.rows("SELECT * FROM alias WHERE contact = ?1", sender)? {
                rows.push(self.insert("alias", alias));
            }
        }
        if self.known.insert(conversation) {
            let fresh = self.row("conversation", conversation)?;
            rows.push(self.insert("conversation", fresh));
        }
        let key = Value::Integer(id);
        rows.push(self.insert("message", message));
        let head = vec![conversation.into(), key.clone(), sent_at, 1.into()];
        rows.push(self.write(MOVE_HEAD, head));
        rows.push(self.write(ADD_PENDING, vec![account, seq, key]));
        rows.push(self.insert("event", event));
        self.places.insert(id, self.messages.len());
        self.messages.push(MessageWrites {
            accept: rows,
            complete: Vec::new(),
        });
        Ok(())
    }

    fn answered(&mut self, id: i64, event: Values) -> Result<(), StoreError> {
        let message = self.row("message", id)?;
        let head = vec![at(&message, 2), id.into(), at(&message, 11), 0.into()];
        let (outbox, frozen) = (
            self.keyed("outbox", "message", id)?,
            self.keyed("frozen", "message", id)?,
        );
        let rows = [
            self.insert("message", message),
            self.insert("outbox", outbox),
            self.insert("frozen", frozen),
            self.write(MOVE_HEAD, head),
            self.insert("event", event),
        ];
        self.answer.extend(rows);
        Ok(())
    }

    fn processed(&mut self, id: i64, event: Values) -> Result<(), StoreError> {
        let Some(place) = self.places.get(&id).copied() else {
            return Err(StoreError::corrupt(
                "a message was processed before it came",
            ));
        };
        let message = self.row("message", id)?;
        let finding = self.keyed("finding", "message", id)?;
        let mut rows = vec![
            self.write(TAKE_PENDING, vec![at(&message, 1), at(&message, 3)]),
            self.insert("finding", finding),
        ];
        rows.append(&mut self.answer);
        rows.push(self.insert("event", event));
        self.messages[place].complete = rows;
        Ok(())
    }

    fn insert(&mut self, table: &str, values: Values) -> RowWrite {
        let places: Vec<String> = (1..=values.len()).map(|n| format!("?{n}")).collect();
        let sql = format!("INSERT INTO {table} VALUES ({})", places.join(", "));
        self.write(&sql, values)
    }

    fn write(&mut self, sql: &str, values: Values) -> RowWrite {
        let known = self.statements.iter().position(|known| known == sql);
        let sql = known.unwrap_or_else(|| {
            self.statements.push(sql.to_owned());
            self.statements.len() - 1
        });
        RowWrite { sql, values }
    }

    fn row(&self, table: &str, id: i64) -> Result<Values, StoreError> {
        self.keyed(table, "id", id)
    }

    fn keyed(&self, table: &str, key: &str, id: i64) -> Result<Values, StoreError> {
        let mut statement = self
            .from
            .prepare_cached(&format!("SELECT * FROM {table} WHERE {key} = ?1"))?;
        let columns = statement.column_count();
        let found = statement
            .query_row([id], |row| values(row, columns))
            .optional()?;
        found.ok_or_else(|| StoreError::corrupt(format!("no row {id} in {table}")))
    }

    fn rows(&self, sql: &str, id: i64) -> Result<Vec<Values>, StoreError> {
        let mut statement = self.from.prepare_cached(sql)?;
        let columns = statement.column_count();
        let rows = statement.query_map([id], |row| values(row, columns))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

fn values(row: &Row<'_>, columns: usize) -> rusqlite::Result<Values> {
    (0..columns).map(|column| row.get(column)).collect()
}

fn at(values: &Values, column: usize) -> Value {
    values.get(column).cloned().unwrap_or(Value::Null)
}

fn integer(values: &Values, column: usize) -> Result<i64, StoreError> {
    match values.get(column) {
        Some(Value::Integer(n)) => Ok(*n),
        _ => Err(StoreError::corrupt(format!(
            "column {column} has no number"
        ))),
    }
}

/// The message that an event's data names.
fn about(data: &str) -> Result<i64, StoreError> {
    let data: serde_json::Value =
        serde_json::from_str(data).map_err(|_| StoreError::corrupt("an event is no JSON"))?;
    let message = data.get("message").and_then(serde_json::Value::as_str);
    let id = message.and_then(|text| text.parse::<MessageId>().ok());
    // Events of accounts and the like are about no message.
    Ok(id.map_or(0, MessageId::raw))
}
