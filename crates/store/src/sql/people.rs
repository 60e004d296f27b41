//! People, their sign-ins, and the set-up of the first one.

use super::column::{name_at, name_of, time_at, time_or_null_at};
use crate::admin::people::{
    Credentials, EndSignIns, NAME_LEN_MAX, NewPerson, PEOPLE_MAX, Person, PersonRole,
    SEEN_EVERY_MS, SIGN_INS_MAX, SignIn, TokenHash,
};
use crate::command::{Write, found};
use crate::db::{OptionalExtension as _, Row, named_params};
use crate::error::StoreError;
use crate::page::{Page, Paged};
use crate::store::Store;
use crate::writer::Tx;
use waypost_engine::model::{PersonId, Timestamp, WorkspaceId};

const COLUMNS: &str =
    "p.id, p.workspace, p.login, p.name, p.role, p.disabled_at, p.created_at, p.signed_in_at";
const SETUP: &str = "setup_token";

fn person(row: &Row<'_>) -> Result<Person, StoreError> {
    Ok(Person {
        id: PersonId::from_raw(row.get("id")?),
        workspace: WorkspaceId::from_raw(row.get("workspace")?),
        login: row.get("login")?,
        name: row.get("name")?,
        role: name_at(row, "role")?,
        disabled_at: time_or_null_at(row, "disabled_at")?,
        created_at: time_at(row, "created_at")?,
        signed_in_at: time_or_null_at(row, "signed_in_at")?,
    })
}

fn by_id(tx: &Tx<'_>, id: PersonId) -> Result<Person, StoreError> {
    tx.prepare(&format!("SELECT {COLUMNS} FROM person p WHERE p.id = ?1"))?
        .query_and_then([id.raw()], person)?
        .next()
        .unwrap_or(Err(StoreError::NotFound { what: "person" }))
}

/// `Err(Conflict)` when nobody could manage people any more without `id`.
fn keep_an_owner(tx: &Tx<'_>, id: PersonId) -> Result<(), StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM person
        WHERE role = 'owner' AND disabled_at IS NULL AND id <> ?1)";
    if tx.prepare(sql)?.query_row([id.raw()], |row| row.get(0))? {
        return Ok(());
    }
    Err(StoreError::conflict(
        "this is the last owner; make somebody else an owner first",
    ))
}

struct CreatePerson {
    id: PersonId,
    new: NewPerson,
    now: Timestamp,
    /// Given when this must be the first person, allowed in by the set-up token.
    setup: Option<TokenHash>,
}

impl CreatePerson {
    fn check_setup(&self, tx: &Tx<'_>, people: i64) -> Result<(), StoreError> {
        let Some(token) = self.setup else {
            return Ok(());
        };
        if people > 0 {
            return Err(StoreError::conflict(
                "set-up is done already; sign in instead",
            ));
        }
        let used = tx
            .prepare("DELETE FROM meta WHERE name = ?1 AND value = ?2")?
            .execute((SETUP, token.0))?;
        if used == 0 {
            return Err(StoreError::invalid(
                "the set-up token is not the one printed at the first start; copy it again",
            ));
        }
        Ok(())
    }
}

impl Write for CreatePerson {
    type Output = Person;

    fn apply(&self, tx: &mut Tx<'_>) -> Result<Person, StoreError> {
        let people: i64 = tx
            .prepare("SELECT count(*) FROM person")?
            .query_row([], |row| row.get(0))?;
        self.check_setup(tx, people)?;
        if people >= PEOPLE_MAX {
            return Err(StoreError::conflict(format!(
                "there are {PEOPLE_MAX} people already"
            )));
        }
        let taken = "SELECT EXISTS (SELECT 1 FROM person WHERE lower(login) = ?1)";
        if tx
            .prepare(taken)?
            .query_row([self.new.login.to_ascii_lowercase()], |row| row.get(0))?
        {
            return Err(StoreError::conflict(
                "this login is taken; choose another one",
            ));
        }
        tx.prepare(
            "INSERT INTO person
                (id, workspace, login, name, password_hash, role, created_at)
             VALUES (:id, :workspace, :login, :name, :hash, :role, :now)",
        )?
        .execute(named_params! {
            ":id": self.id.raw(), ":workspace": self.new.workspace.raw(),
            ":login": self.new.login, ":name": self.new.name,
            ":hash": self.new.password_hash, ":role": name_of(&self.new.role)?,
            ":now": self.now.0,
        })?;
        by_id(tx, self.id)
    }
}

struct SetSetupToken(TokenHash);

impl Write for SetSetupToken {
    type Output = ();

    fn apply(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        tx.prepare(
            "INSERT INTO meta (name, value) VALUES (?1, ?2)
             ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        )?
        .execute((SETUP, self.0.0))?;
        Ok(())
    }
}

struct SetPassword {
    person: PersonId,
    password_hash: String,
    end: EndSignIns,
}

impl Write for SetPassword {
    type Output = ();

    fn apply(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let changed = tx
            .prepare("UPDATE person SET password_hash = ?2 WHERE id = ?1")?
            .execute((self.person.raw(), &self.password_hash))?;
        found(changed, "person")?;
        end_sign_ins(tx, self.person, self.end)
    }
}

fn end_sign_ins(tx: &Tx<'_>, person: PersonId, end: EndSignIns) -> Result<(), StoreError> {
    match end {
        EndSignIns::All => {
            tx.prepare("DELETE FROM sign_in WHERE person = ?1")?
                .execute([person.raw()])?;
        }
        EndSignIns::Except(token) => {
            tx.prepare("DELETE FROM sign_in WHERE person = ?1 AND token_hash <> ?2")?
                .execute((person.raw(), token.0))?;
        }
    }
    Ok(())
}

struct SetDisabled {
    person: PersonId,
    at: Option<Timestamp>,
}

impl Write for SetDisabled {
    type Output = ();

    fn apply(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        if self.at.is_some() {
            keep_an_owner(tx, self.person)?;
            end_sign_ins(tx, self.person, EndSignIns::All)?;
        }
        let changed = tx
            .prepare("UPDATE person SET disabled_at = ?2 WHERE id = ?1")?
            .execute((self.person.raw(), self.at.map(|at| at.0)))?;
        found(changed, "person")
    }
}

struct ChangePerson {
    person: PersonId,
    name: String,
    role: PersonRole,
}

impl Write for ChangePerson {
    type Output = Person;

    fn apply(&self, tx: &mut Tx<'_>) -> Result<Person, StoreError> {
        if self.role != PersonRole::Owner {
            keep_an_owner(tx, self.person)?;
        }
        let changed = tx
            .prepare("UPDATE person SET name = ?2, role = ?3 WHERE id = ?1")?
            .execute((self.person.raw(), &self.name, name_of(&self.role)?))?;
        found(changed, "person")?;
        by_id(tx, self.person)
    }
}

struct StartSignIn {
    token: TokenHash,
    person: PersonId,
    now: Timestamp,
    expires_at: Timestamp,
}

impl Write for StartSignIn {
    type Output = ();

    fn apply(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let changed = tx
            .prepare("UPDATE person SET signed_in_at = ?2 WHERE id = ?1 AND disabled_at IS NULL")?
            .execute((self.person.raw(), self.now.0))?;
        found(changed, "person")?;
        tx.prepare(
            "DELETE FROM sign_in WHERE token_hash IN (SELECT token_hash FROM sign_in
                WHERE person = ?1 ORDER BY created_at DESC LIMIT 9223372036854775807 OFFSET ?2)",
        )?
        .execute((self.person.raw(), SIGN_INS_MAX - 1))?;
        tx.prepare(
            "INSERT INTO sign_in (token_hash, person, created_at, expires_at, seen_at)
             VALUES (?1, ?2, ?3, ?4, ?3)",
        )?
        .execute((
            self.token.0,
            self.person.raw(),
            self.now.0,
            self.expires_at.0,
        ))?;
        Ok(())
    }
}

struct TouchSignIn {
    token: TokenHash,
    now: Timestamp,
}

impl Write for TouchSignIn {
    type Output = ();

    fn apply(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        tx.prepare("UPDATE sign_in SET seen_at = ?2 WHERE token_hash = ?1")?
            .execute((self.token.0, self.now.0))?;
        Ok(())
    }
}

struct EndSignIn(TokenHash);

impl Write for EndSignIn {
    type Output = ();

    fn apply(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        tx.prepare("DELETE FROM sign_in WHERE token_hash = ?1")?
            .execute([self.0.0])?;
        Ok(())
    }
}

struct EndExpired(Timestamp);

impl Write for EndExpired {
    type Output = u64;

    fn apply(&self, tx: &mut Tx<'_>) -> Result<u64, StoreError> {
        let ended = tx
            .prepare("DELETE FROM sign_in WHERE expires_at <= ?1")?
            .execute([self.0.0])?;
        Ok(ended as u64)
    }
}

fn check_words(login: &str, name: &str) -> Result<(), StoreError> {
    for (what, text) in [("login", login), ("name", name)] {
        let odd = text.trim().is_empty() || text.chars().any(char::is_control);
        if odd || text.chars().count() > NAME_LEN_MAX {
            return Err(StoreError::invalid(format!(
                "a {what} needs 1 to {NAME_LEN_MAX} printable characters; choose another one"
            )));
        }
    }
    Ok(())
}

impl Store {
    /// Creates somebody who can sign in. [`StoreError::Conflict`] when the login is taken.
    pub async fn create_person(
        &self,
        new: NewPerson,
        now: Timestamp,
    ) -> Result<Person, StoreError> {
        check_words(&new.login, &new.name)?;
        self.write(CreatePerson {
            id: self.next_id(now),
            new,
            now,
            setup: None,
        })
        .await
    }

    /// Creates the first person, who becomes owner whatever `new` says, and uses up the set-up
    /// token in the same commit. [`StoreError::Invalid`] when the token is another one,
    /// [`StoreError::Conflict`] when there are people already.
    pub async fn create_first_person(
        &self,
        mut new: NewPerson,
        token: TokenHash,
        now: Timestamp,
    ) -> Result<Person, StoreError> {
        check_words(&new.login, &new.name)?;
        new.role = PersonRole::Owner;
        self.write(CreatePerson {
            id: self.next_id(now),
            new,
            now,
            setup: Some(token),
        })
        .await
    }

    /// Remembers the hash of the set-up token; the one before no longer works.
    pub async fn set_setup_token(&self, token: TokenHash) -> Result<(), StoreError> {
        self.write(SetSetupToken(token)).await
    }

    /// How many people there are, locked out ones included.
    pub async fn people_count(&self) -> Result<i64, StoreError> {
        self.read(|conn| {
            let mut count = conn.prepare_cached("SELECT count(*) FROM person")?;
            Ok(count.query_row([], |row| row.get(0))?)
        })
        .await
    }

    /// Who has this login, with the hash to check the password against.
    pub async fn credentials(&self, login: String) -> Result<Option<Credentials>, StoreError> {
        self.read(move |conn| {
            let sql = format!(
                "SELECT {COLUMNS}, p.password_hash FROM person p WHERE lower(p.login) = ?1"
            );
            conn.prepare_cached(&sql)?
                .query_and_then([login.to_ascii_lowercase()], |row| {
                    Ok(Credentials {
                        person: person(row)?,
                        password_hash: row.get("password_hash")?,
                    })
                })?
                .next()
                .transpose()
        })
        .await
    }

    /// Everybody in a workspace, in the order they were created.
    pub async fn people(
        &self,
        workspace: WorkspaceId,
        page: Page,
    ) -> Result<Paged<Person>, StoreError> {
        self.read(move |conn| {
            let [after] = page.after()?.unwrap_or([0]);
            let sql = format!(
                "SELECT {COLUMNS} FROM person p WHERE p.workspace = ?1 AND p.id > ?2
                 ORDER BY p.id LIMIT ?3"
            );
            let people: Result<Vec<_>, StoreError> = conn
                .prepare_cached(&sql)?
                .query_and_then((workspace.raw(), after, page.fetch()), person)?
                .collect();
            Ok(page.cut(people?, |person| [person.id.raw()]))
        })
        .await
    }

    /// Sets a new password and ends the person's other sign-ins.
    pub async fn set_password(
        &self,
        person: PersonId,
        password_hash: String,
        end: EndSignIns,
    ) -> Result<(), StoreError> {
        self.write(SetPassword {
            person,
            password_hash,
            end,
        })
        .await
    }

    /// Changes name and role. [`StoreError::Conflict`] when no owner would be left.
    pub async fn change_person(
        &self,
        person: PersonId,
        name: String,
        role: PersonRole,
    ) -> Result<Person, StoreError> {
        check_words("-", &name)?;
        self.write(ChangePerson { person, name, role }).await
    }

    /// Locks somebody out and ends their sign-ins. [`StoreError::Conflict`] for the last owner.
    pub async fn disable_person(&self, person: PersonId, now: Timestamp) -> Result<(), StoreError> {
        self.write(SetDisabled {
            person,
            at: Some(now),
        })
        .await
    }

    /// Lets somebody in again.
    pub async fn enable_person(&self, person: PersonId) -> Result<(), StoreError> {
        self.write(SetDisabled { person, at: None }).await
    }

    /// Starts a sign-in that ends by itself at `expires_at`. Past [`SIGN_INS_MAX`] the person's
    /// oldest one ends. [`StoreError::NotFound`] for a person who is locked out.
    pub async fn start_sign_in(
        &self,
        token: TokenHash,
        person: PersonId,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(StartSignIn {
            token,
            person,
            now,
            expires_at,
        })
        .await
    }

    /// The valid sign-in with this token, if any.
    pub async fn sign_in(
        &self,
        token: TokenHash,
        now: Timestamp,
    ) -> Result<Option<SignIn>, StoreError> {
        self.read(move |conn| {
            let sql = format!(
                "SELECT {COLUMNS}, s.created_at AS started_at, s.expires_at, s.seen_at
                 FROM sign_in s JOIN person p ON p.id = s.person
                 WHERE s.token_hash = ?1 AND s.expires_at > ?2 AND p.disabled_at IS NULL"
            );
            conn.prepare_cached(&sql)?
                .query_and_then((token.0, now.0), |row| {
                    Ok(SignIn {
                        person: person(row)?,
                        created_at: time_at(row, "started_at")?,
                        expires_at: time_at(row, "expires_at")?,
                        seen_at: time_at(row, "seen_at")?,
                    })
                })?
                .next()
                .transpose()
        })
        .await
    }

    /// Notes that a sign-in was used; writes at most once in [`SEEN_EVERY_MS`].
    pub async fn touch_sign_in(
        &self,
        token: TokenHash,
        seen: &SignIn,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if now.0 - seen.seen_at.0 < SEEN_EVERY_MS {
            return Ok(());
        }
        self.write(TouchSignIn { token, now }).await
    }

    /// Ends one sign-in; nothing happens when it has ended already.
    pub async fn end_sign_in(&self, token: TokenHash) -> Result<(), StoreError> {
        self.write(EndSignIn(token)).await
    }

    /// Removes sign-ins that have ended by themselves, and says how many.
    pub async fn end_expired_sign_ins(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.write(EndExpired(now)).await
    }

    /// True while a set-up token waits to be used.
    pub async fn has_setup_token(&self) -> Result<bool, StoreError> {
        self.read(|conn| {
            let mut token = conn.prepare_cached("SELECT 1 FROM meta WHERE name = ?1")?;
            Ok(token.query_row([SETUP], |_| Ok(())).optional()?.is_some())
        })
        .await
    }
}
