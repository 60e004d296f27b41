//! Threads of a conversation: which matter does a message belong to?
//!
//! People talk about two flats and a complaint at once. A message joins the open thread that shares a subject
//! with it, or the one spoken of last; a switch to something new opens another.

use crate::flow::{SUBJECTS_MAX, Subject, Turn};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Threads of one conversation that are open at once; one more closes the one that was silent longest.
pub const OPEN_MAX: usize = 10;
/// Silence after which a thread is closed, in seconds: a week.
pub const SILENCE_SECONDS: i64 = 7 * 24 * 3_600;

/// One matter of a conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Thread {
    /// Its number within the conversation, from 1.
    pub number: u64,
    /// When it was opened.
    pub opened: Timestamp,
    /// When it was last spoken of.
    pub last: Timestamp,
    /// What it is about.
    pub subjects: Vec<Subject>,
    /// How many messages it has.
    pub messages: u32,
}

/// Where a message went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placed {
    /// The thread's number.
    pub thread: u64,
    /// How it got there.
    pub how: Joined,
    /// Threads that were closed by it.
    pub closed: Vec<u64>,
}

/// How a message came to its thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Joined {
    /// It opened the thread.
    Opened,
    /// It goes on with what was spoken of last.
    Continued,
    /// It comes back to an earlier matter that it names.
    Returned,
}

/// The open threads of one conversation.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Threads {
    open: Vec<Thread>,
    count: u64,
}

impl Threads {
    /// Goes on with the threads that were open, oldest first; only the latest [`OPEN_MAX`] are taken. `count`
    /// is the highest number any thread of the conversation ever had.
    #[must_use]
    pub fn resume(mut open: Vec<Thread>, count: u64) -> Self {
        let surplus = open.len().saturating_sub(OPEN_MAX);
        open.drain(..surplus);
        let count = open.iter().map(|t| t.number).fold(count, u64::max);
        Self { open, count }
    }

    /// Finds the thread of the next message.
    pub fn place(&mut self, subjects: &[Subject], turn: &Turn, at: Timestamp) -> Placed {
        let mut closed = self.close_silent(at);
        let latest = self
            .open
            .iter()
            .enumerate()
            .max_by_key(|(_, t)| t.last)
            .map(|(i, _)| i);
        let named = self.most_shared(subjects, latest);
        let (index, how) = match (latest, named) {
            (Some(latest), Some(named)) if named == latest => (latest, Joined::Continued),
            (_, Some(named)) => (named, Joined::Returned),
            (Some(latest), None) if !turn.switched => (latest, Joined::Continued),
            _ => {
                closed.extend(self.make_room());
                self.count += 1;
                self.open.push(Thread {
                    number: self.count,
                    opened: at,
                    last: at,
                    subjects: Vec::new(),
                    messages: 0,
                });
                (self.open.len() - 1, Joined::Opened)
            }
        };
        let thread = &mut self.open[index];
        thread.last = at;
        thread.messages = thread.messages.saturating_add(1);
        for subject in subjects {
            if thread.subjects.len() < SUBJECTS_MAX && !thread.subjects.contains(subject) {
                thread.subjects.push(subject.clone());
            }
        }
        Placed {
            thread: thread.number,
            how,
            closed,
        }
    }

    /// Closes a thread, because somebody said that the matter is settled. Says whether it was open.
    pub fn close(&mut self, number: u64) -> bool {
        let before = self.open.len();
        self.open.retain(|t| t.number != number);
        self.open.len() < before
    }

    /// The open threads, oldest first.
    pub fn open(&self) -> &[Thread] {
        &self.open
    }

    fn close_silent(&mut self, at: Timestamp) -> Vec<u64> {
        let silent = |t: &Thread| at.as_second() - t.last.as_second() >= SILENCE_SECONDS;
        let closed = self
            .open
            .iter()
            .filter(|t| silent(t))
            .map(|t| t.number)
            .collect();
        self.open.retain(|t| !silent(t));
        closed
    }

    fn make_room(&mut self) -> Option<u64> {
        if self.open.len() < OPEN_MAX {
            return None;
        }
        let oldest = self
            .open
            .iter()
            .enumerate()
            .min_by_key(|(_, t)| t.last)
            .map(|(i, _)| i)?;
        Some(self.open.remove(oldest).number)
    }

    /// The thread that shares most with a message; of equals the one spoken of last.
    fn most_shared(&self, subjects: &[Subject], latest: Option<usize>) -> Option<usize> {
        self.open
            .iter()
            .enumerate()
            .map(|(at, thread)| {
                let shared: u32 = thread
                    .subjects
                    .iter()
                    .filter(|s| subjects.contains(s))
                    .map(weight)
                    .sum();
                // Naming another unit of the same building is another matter.
                let contradicted = subjects.iter().any(|s| {
                    weight(s) == 4
                        && thread.subjects.iter().any(|t| t.kind == s.kind)
                        && !thread.subjects.contains(s)
                });
                (
                    if contradicted { 0 } else { shared },
                    Some(at) == latest,
                    at,
                )
            })
            .filter(|(shared, _, _)| *shared >= 2)
            .max_by_key(|(shared, is_latest, _)| (*shared, *is_latest))
            .map(|(_, _, at)| at)
    }
}

/// How much a subject says about which matter is meant.
fn weight(subject: &Subject) -> u32 {
    use crate::entity::Kind;
    match subject.kind {
        Kind::Unit | Kind::Reference => 4,
        Kind::Project => 3,
        Kind::Location => 2,
        _ => 1,
    }
}
