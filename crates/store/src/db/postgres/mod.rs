//! PostgreSQL, spoken to from one thread that waits for each answer.
//!
//! A session drives its own socket: nothing runs in the background, and waiting costs no change of
//! thread. The beginning of a transaction travels together with the statement after it.

mod open;
mod tls;
mod value;

pub use open::check_server;
pub(crate) use open::{reading, writing, writing_again, writing_instead_of};
pub(crate) use value::Row;

use super::translate::{Translated, to_postgres};
use super::{Binder, Error, Params, Step, ToSql};
use futures_util::StreamExt as _;
use futures_util::future::join;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use tokio::runtime::Runtime;
use tokio_postgres::Client;
use tokio_postgres::error::{Severity, SqlState};
use value::Bound;

/// Statements a session keeps prepared; past it, all are forgotten and prepared anew as needed.
const STATEMENTS_MAX: usize = 512;

/// What moves the session's bytes; ends with the connection.
type Driver = Pin<Box<dyn Future<Output = Result<(), tokio_postgres::Error>> + Send>>;

/// A connection to the server.
pub(crate) struct Session {
    client: Client,
    driver: RefCell<Option<Driver>>,
    /// Always there; taken when the session is dropped.
    runtime: Option<Runtime>,
    statements: RefCell<HashMap<String, Arc<Known>>>,
    /// Steps that wait for the next statement.
    steps: RefCell<String>,
    is_in_transaction: Cell<bool>,
    /// A statement of the transaction failed: the server takes no other.
    is_refusing: Cell<bool>,
    rows_written: Cell<u64>,
    /// The server said that it ends this session.
    is_ended: Cell<bool>,
    /// How the server knows this session among others.
    name: String,
}

/// A statement the server knows.
struct Known {
    statement: tokio_postgres::Statement,
    names: Vec<String>,
}

impl Session {
    fn new(runtime: Runtime, client: Client, driver: Driver, name: String) -> Self {
        Self {
            client,
            driver: RefCell::new(Some(driver)),
            runtime: Some(runtime),
            statements: RefCell::default(),
            steps: RefCell::default(),
            is_in_transaction: Cell::new(false),
            is_refusing: Cell::new(false),
            rows_written: Cell::new(0),
            is_ended: Cell::new(false),
            name,
        }
    }

    /// How the server knows this session.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn is_in_transaction(&self) -> bool {
        self.is_in_transaction.get()
    }

    pub(super) fn is_refusing(&self) -> bool {
        self.is_refusing.get()
    }

    pub(super) fn rows_written(&self) -> u64 {
        self.rows_written.get()
    }

    pub(super) fn is_lost(&self) -> bool {
        self.is_ended.get() || self.client.is_closed() || self.driver.borrow().is_none()
    }

    /// Waits for an answer of the server, moving bytes meanwhile.
    fn wait<T>(
        &self,
        work: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, Error> {
        let runtime = self
            .runtime
            .as_ref()
            .ok_or_else(|| Error::Misuse("the session is closed".to_owned()))?;
        let mut driver = self.driver.borrow_mut();
        let mut work = pin!(work);
        let answer = runtime.block_on(poll_fn(|cx| {
            // First what is to be sent, then the socket, then what came.
            if let Poll::Ready(answer) = work.as_mut().poll(cx) {
                return Poll::Ready(answer);
            }
            if let Some(moving) = driver.as_mut()
                && moving.as_mut().poll(cx).is_ready()
            {
                *driver = None;
            }
            work.as_mut().poll(cx)
        }));
        answer.map_err(|error| {
            self.is_refusing.set(self.is_in_transaction());
            if is_the_end(&error) {
                self.is_ended.set(true);
            }
            error.into()
        })
    }

    /// The same, with the steps that wait sent ahead.
    fn travel<T>(
        &self,
        work: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, Error> {
        let steps = self.steps.take();
        if steps.is_empty() {
            return self.wait(work);
        }
        self.wait(async {
            let (stepped, answer) = join(self.client.batch_execute(&steps), work).await;
            stepped?;
            answer
        })
    }

    /// Runs statements that have neither parameters nor rows.
    pub(super) fn run(&self, sql: &str) -> Result<(), Error> {
        self.travel(self.client.batch_execute(sql))
    }

    pub(super) fn prepare_cached(&self, sql: &str) -> Result<Prepared<'_>, Error> {
        let found = self.statements.borrow().get(sql).cloned();
        let known = match found {
            Some(known) => known,
            None => self.prepare(sql)?,
        };
        Ok(Prepared {
            session: self,
            known,
        })
    }

    fn prepare(&self, sql: &str) -> Result<Arc<Known>, Error> {
        let translated = to_postgres(sql);
        let Translated { sql: ours, names } = translated;
        let statement = self.travel(self.client.prepare(&ours))?;
        let known = Arc::new(Known { statement, names });
        let mut statements = self.statements.borrow_mut();
        if statements.len() >= STATEMENTS_MAX {
            statements.clear();
        }
        statements.insert(sql.to_owned(), Arc::clone(&known));
        Ok(known)
    }

    /// Notes a step for the next statement to take along; see [`super::Connection::step`].
    pub(super) fn step(&self, step: Step) -> Result<(), Error> {
        match step {
            Step::Begin => {
                self.is_refusing.set(false);
                self.note(step.words());
                Ok(())
            }
            Step::Commit => self.commit(),
            Step::Rollback => {
                self.steps.take();
                self.is_in_transaction.set(false);
                self.run(Step::Rollback.words())
            }
        }
    }

    /// Begins to read as of the next statement's moment.
    pub(super) fn begin_snapshot(&self) {
        self.note("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    }

    fn note(&self, words: &str) {
        let mut steps = self.steps.borrow_mut();
        steps.push_str(words);
        steps.push(';');
        self.is_in_transaction.set(true);
    }

    /// Commits. Once the word was given, a lost connection leaves it open whether it counted.
    fn commit(&self) -> Result<(), Error> {
        self.note(Step::Commit.words());
        let steps = self.steps.take();
        let committed = self.wait(self.client.batch_execute(&steps));
        match committed {
            Ok(()) => {
                self.is_in_transaction.set(false);
                Ok(())
            }
            Err(error) if self.is_lost() => Err(Error::Unconfirmed(error.to_string())),
            Err(error) => Err(error),
        }
    }
}

/// Whether the server ends the session with this, or has become a copy that only reads: another
/// one may take the writes.
fn is_the_end(error: &tokio_postgres::Error) -> bool {
    error.as_db_error().is_some_and(|said| {
        let severity = said.parsed_severity();
        matches!(severity, Some(Severity::Fatal | Severity::Panic))
            || *said.code() == SqlState::READ_ONLY_SQL_TRANSACTION
    })
}

impl Drop for Session {
    fn drop(&mut self) {
        self.driver.take();
        if let Some(runtime) = self.runtime.take() {
            // It may be dropped where nothing may wait.
            runtime.shutdown_background();
        }
    }
}

/// A prepared statement.
pub(crate) struct Prepared<'c> {
    session: &'c Session,
    known: Arc<Known>,
}

impl Prepared<'_> {
    pub(super) fn execute(&self, params: impl Params) -> Result<usize, Error> {
        let values = self.values(&params)?;
        let Session { client, .. } = self.session;
        let changed = self
            .session
            .travel(client.execute_raw(&self.known.statement, values))?;
        let rows_written = &self.session.rows_written;
        rows_written.set(rows_written.get() + changed);
        usize::try_from(changed).map_err(|error| Error::Misuse(error.to_string()))
    }

    pub(super) fn query(&self, params: impl Params) -> Result<Rows, Error> {
        let values = self.values(&params)?;
        let rows = self.session.travel(async {
            let Session { client, .. } = self.session;
            let mut answer = pin!(client.query_raw(&self.known.statement, values).await?);
            let mut rows = Vec::new();
            while let Some(row) = answer.next().await {
                rows.push(row?);
            }
            Ok(rows)
        })?;
        let rows = rows.into_iter().map(Row::new);
        Ok(Rows {
            left: rows.collect::<Result<Vec<_>, _>>()?.into_iter(),
            current: None,
        })
    }

    fn values<'p>(&self, params: &'p impl Params) -> Result<Vec<Bound<'p>>, Error> {
        let wanted = self.known.statement.params().len();
        if params.count() != wanted {
            return Err(Error::Misuse(format!(
                "a statement with {wanted} parameters was given {}",
                params.count()
            )));
        }
        let mut places = Places {
            names: &self.known.names,
            values: vec![None; wanted],
        };
        params.bind(&mut places)?;
        let values = places.values.into_iter().map(|value| {
            value.ok_or_else(|| Error::Misuse("a parameter was given no value".to_owned()))
        });
        values.collect()
    }
}

struct Places<'a, 'p> {
    names: &'a [String],
    values: Vec<Option<Bound<'p>>>,
}

impl<'p> Binder<'p> for Places<'_, 'p> {
    fn place(&mut self, place: usize, value: &'p (impl ToSql + ?Sized)) -> Result<(), Error> {
        let slot = place.checked_sub(1).and_then(|at| self.values.get_mut(at));
        let slot = slot.ok_or_else(|| Error::Misuse(format!("there is no parameter {place}")))?;
        *slot = Some(Bound(value.to_sql()?));
        Ok(())
    }

    fn name(&mut self, name: &str, value: &'p (impl ToSql + ?Sized)) -> Result<(), Error> {
        let at = self.names.iter().position(|known| known == name);
        let at = at.ok_or_else(|| Error::Misuse(format!("there is no parameter {name}")))?;
        self.place(at + 1, value)
    }
}

/// The rows of a query, all of which have arrived.
pub(crate) struct Rows {
    left: std::vec::IntoIter<Row>,
    current: Option<Row>,
}

impl Rows {
    pub(super) fn next(&mut self) -> Option<&Row> {
        self.current = self.left.next();
        self.current.as_ref()
    }
}
