//! The loop that keeps the list of an account's groups true.
//!
//! WhatsApp tells that something about a group changed, or somebody writes in one that was never
//! heard of; then the group is asked for, one at a time. Groups that were there before the link are
//! asked for all at once, when the account is online for the first time.

use super::context::Context;
use super::notes::{self, Note};
use crate::clock;
use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use waypost_engine::model::{AccountId, Address};
use waypost_store::admin::groups::{GroupInfo, GroupRole, Joined};
use waypost_store::{Page, StoreError};
use waypost_wa::{Connection, Group, GroupRole as Role, TaskError};

/// Most groups of one account waiting to be asked for; at one more all are asked for in one go.
const WAITING_MAX: usize = 64;
/// Groups of one account remembered as known; beyond that the store is asked again.
const SETTLED_MAX: usize = 4_096;
/// Pause between two questions of one account.
const PAUSE: Duration = Duration::from_millis(250);
/// Attempts to ask for a group while WhatsApp does not answer; the next news of it begins anew.
const ATTEMPTS_MAX: u32 = 5;
/// Pause after a question without an answer; longer with every attempt.
const RETRY_PAUSE: Duration = Duration::from_secs(10);

/// Noted once all groups of an account were listed.
const LISTED: u8 = 1;

/// What is to be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Question {
    /// Every group the account is in.
    All,
    /// One group that changed.
    Changed(Address),
    /// One group, unless it is known.
    Unknown(Address),
}

#[derive(Debug, Default)]
struct Waiting {
    all: bool,
    changed: BTreeSet<Address>,
    unknown: BTreeSet<Address>,
    /// Groups that need no question before the next news of them.
    settled: HashSet<Address>,
}

impl Waiting {
    fn next(&mut self) -> Option<Question> {
        if self.changed.len() + self.unknown.len() > WAITING_MAX {
            self.all = true;
        }
        if std::mem::take(&mut self.all) {
            self.changed.clear();
            self.unknown.clear();
            return Some(Question::All);
        }
        let changed = self.changed.pop_first().map(Question::Changed);
        changed.or_else(|| self.unknown.pop_first().map(Question::Unknown))
    }

    fn settle(&mut self, group: Address) {
        if self.settled.len() >= SETTLED_MAX {
            self.settled.clear();
        }
        self.settled.insert(group);
    }
}

/// Tells the loop what was noticed.
#[derive(Debug, Clone, Default)]
pub(super) struct GroupsHandle {
    waiting: Arc<Mutex<Waiting>>,
    bell: Arc<Notify>,
}

impl GroupsHandle {
    fn with<T>(&self, act: impl FnOnce(&mut Waiting) -> T) -> T {
        act(&mut self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A group changed.
    pub(super) fn changed(&self, group: Address) {
        self.with(|waiting| {
            waiting.settled.remove(&group);
            if waiting.changed.len() <= WAITING_MAX {
                waiting.changed.insert(group);
            }
        });
        self.bell.notify_one();
    }

    /// Somebody wrote in these chats; those that are no groups are passed over.
    pub(super) fn spoke<'a>(&self, chats: impl Iterator<Item = &'a Address>) {
        let mut news = false;
        for chat in chats.filter(|chat| chat.is_group()) {
            news |= self.with(|waiting| {
                !waiting.settled.contains(chat)
                    && waiting.unknown.len() <= WAITING_MAX
                    && waiting.unknown.insert(chat.clone())
            });
        }
        if news {
            self.bell.notify_one();
        }
    }
}

/// Whether to go on with the next question.
enum Answer {
    Had,
    /// WhatsApp did not answer.
    Later,
}

/// The loop.
pub(super) struct Groups {
    context: Arc<Context>,
    account: AccountId,
    handle: GroupsHandle,
    connection: watch::Receiver<Option<Connection>>,
    /// Questions since WhatsApp last answered one.
    unanswered: u32,
}

impl Groups {
    pub(super) fn new(
        context: Arc<Context>,
        account: AccountId,
        connection: watch::Receiver<Option<Connection>>,
    ) -> (Self, GroupsHandle) {
        let handle = GroupsHandle::default();
        let groups = Self {
            context,
            account,
            handle: handle.clone(),
            connection,
            unanswered: 0,
        };
        (groups, handle)
    }

    /// Asks until told to stop.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        let asking = async {
            loop {
                let connection = self.connection.borrow_and_update().clone();
                match connection {
                    Some(connection) => self.ask(&connection).await,
                    None if self.connection.changed().await.is_err() => return,
                    None => {}
                }
            }
        };
        let _ = stop.run_until_cancelled(asking).await;
    }

    /// Asks over this connection until it is another one's turn.
    async fn ask(&mut self, connection: &Connection) {
        if !self.listed().await {
            self.handle.with(|waiting| waiting.all = true);
        }
        loop {
            let Some(question) = self.handle.with(Waiting::next) else {
                tokio::select! {
                    () = self.handle.bell.notified() => continue,
                    _ = self.connection.changed() => return,
                }
            };
            let answer = self.put(connection, question.clone()).await;
            let pause = match answer {
                Ok(Answer::Had) => {
                    self.unanswered = 0;
                    PAUSE
                }
                Ok(Answer::Later) => self.again(question),
                Err(error) => {
                    tracing::error!(account = %self.account, %error, "a group cannot be stored");
                    self.again(question)
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = self.connection.changed() => return,
            }
        }
    }

    /// Puts a question back for later, or gives it up until the next news.
    fn again(&mut self, question: Question) -> Duration {
        self.unanswered += 1;
        if self.unanswered < ATTEMPTS_MAX {
            self.handle.with(|waiting| match question {
                Question::All => waiting.all = true,
                Question::Changed(group) => drop(waiting.changed.insert(group)),
                Question::Unknown(group) => drop(waiting.unknown.insert(group)),
            });
        } else {
            tracing::warn!(account = %self.account, ?question, "WhatsApp tells nothing about groups; waiting for news");
            self.unanswered = 0;
        }
        RETRY_PAUSE * self.unanswered.max(1)
    }

    async fn put(&self, connection: &Connection, what: Question) -> Result<Answer, StoreError> {
        match what {
            Question::All => self.all(connection).await,
            Question::Changed(group) => self.one(connection, group).await,
            Question::Unknown(group) => {
                if self.is_known(&group).await? {
                    self.handle.with(|waiting| waiting.settle(group));
                    return Ok(Answer::Had);
                }
                self.one(connection, group).await
            }
        }
    }

    async fn is_known(&self, group: &Address) -> Result<bool, StoreError> {
        match self.context.store.group(self.account, group.clone()).await {
            Ok(known) => Ok(known.joined == Joined::Yes),
            Err(StoreError::NotFound { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn one(&self, connection: &Connection, group: Address) -> Result<Answer, StoreError> {
        match connection.group(&group).await {
            Ok(told) => self.keep(told).await?,
            Err(TaskError::NotThere(_) | TaskError::Invalid(_)) => {
                let (store, now) = (&self.context.store, clock::now());
                store.leave_group(self.account, group.clone(), now).await?;
            }
            Err(TaskError::NotConnected | TaskError::Failed(_)) => return Ok(Answer::Later),
        }
        self.handle.with(|waiting| waiting.settle(group));
        Ok(Answer::Had)
    }

    async fn all(&self, connection: &Connection) -> Result<Answer, StoreError> {
        let Ok(groups) = connection.groups().await else {
            return Ok(Answer::Later);
        };
        let mut gone = self.joined().await?;
        for group in groups {
            gone.remove(&group.address);
            self.handle
                .with(|waiting| waiting.settle(group.address.clone()));
            self.keep(group).await?;
        }
        for group in gone {
            let (store, now) = (&self.context.store, clock::now());
            store.leave_group(self.account, group, now).await?;
        }
        // It goes with the session, so that a new link lists them anew.
        notes::write(&self.context.store, self.account, Note::Groups, &LISTED).await?;
        Ok(Answer::Had)
    }

    /// The groups that the account is in as far as the store knows.
    async fn joined(&self) -> Result<HashSet<Address>, StoreError> {
        let (mut joined, mut page) = (HashSet::new(), Page::default());
        loop {
            let some = self.context.store.groups(self.account, page).await?;
            let here = some.items.into_iter().filter(|g| g.joined == Joined::Yes);
            joined.extend(here.map(|group| group.address));
            match some.next {
                Some(next) => {
                    page = Page {
                        cursor: Some(next),
                        ..Page::default()
                    };
                }
                None => return Ok(joined),
            }
        }
    }

    async fn listed(&self) -> bool {
        let noted = notes::read(&self.context.store, self.account, Note::Groups).await;
        noted
            .inspect_err(|error| tracing::error!(account = %self.account, %error, "whether groups were listed cannot be read"))
            .is_ok_and(|noted| noted == Some(LISTED))
    }

    async fn keep(&self, group: Group) -> Result<(), StoreError> {
        let role = |role| match role {
            Role::Member => GroupRole::Member,
            Role::Admin => GroupRole::Admin,
        };
        let info = GroupInfo {
            account: self.account,
            address: group.address,
            subject: group.subject,
            description: group.description,
            // Only members are told about a group.
            joined: Joined::Yes,
            members: group
                .members
                .into_iter()
                .map(|member| (member.address, role(member.role)))
                .collect(),
        };
        self.context.store.put_group(info, clock::now()).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(n: usize) -> Address {
        Address::group(&format!("1203630{n:05}"))
    }

    fn taken(handle: &GroupsHandle) -> Vec<Question> {
        std::iter::from_fn(|| handle.with(Waiting::next)).collect()
    }

    #[test]
    fn a_busy_unknown_group_is_asked_for_once() {
        let handle = GroupsHandle::default();
        let chats = [group(1), Address::phone("971500000001"), group(1), group(2)];
        handle.spoke(chats.iter());
        let asked = [group(1), group(2)].map(Question::Unknown);
        assert_eq!(taken(&handle), asked);
        handle.with(|waiting| waiting.settle(group(1)));
        handle.spoke([group(1)].iter());
        assert_eq!(taken(&handle), []);
        handle.changed(group(1));
        assert_eq!(taken(&handle), [Question::Changed(group(1))]);
    }

    #[test]
    fn news_of_very_many_groups_is_one_question() {
        let handle = GroupsHandle::default();
        (0..10 * WAITING_MAX).for_each(|n| handle.changed(group(n)));
        assert_eq!(taken(&handle), [Question::All]);
        let many: Vec<Address> = (0..10 * WAITING_MAX).map(group).collect();
        handle.spoke(many.iter());
        assert_eq!(taken(&handle), [Question::All]);
    }
}
