//! What can go wrong, on order.

use serde::Deserialize;
use std::collections::VecDeque;

/// Most faults that wait at once.
pub const FAULTS_MAX: usize = 10_000;

/// Which requests a fault hits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// The next that changes something.
    Write,
    /// The next that only reads.
    Read,
    /// The next for a token.
    Token,
}

/// What happens to the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// It is refused with this status and nothing is done.
    Refuse {
        /// The HTTP status.
        status: u16,
        /// `Retry-After`, in seconds.
        retry_after: Option<u32>,
    },
    /// It is done, and the answer is this status all the same.
    CommitThenFail {
        /// The HTTP status.
        status: u16,
    },
    /// It is done, and the connection is cut before any answer.
    CommitThenCut,
    /// The connection is cut and nothing is done.
    Cut,
    /// It is done at once and answered late.
    CommitThenWait {
        /// Milliseconds.
        ms: u64,
    },
    /// It is done late, whether or not anybody waits for it any more.
    Late {
        /// Milliseconds.
        ms: u64,
    },
}

/// The faults that wait for their request.
#[derive(Debug, Default)]
pub struct Faults {
    waiting: VecDeque<(When, Fault)>,
}

impl Faults {
    /// Orders a fault. Those for the same kind of request come in order. One too many is dropped.
    pub fn add(&mut self, when: When, fault: Fault) {
        if self.waiting.len() < FAULTS_MAX {
            self.waiting.push_back((when, fault));
        }
    }

    /// Takes the next fault for this kind of request.
    pub fn take(&mut self, when: When) -> Option<Fault> {
        let at = self.waiting.iter().position(|(w, _)| *w == when)?;
        self.waiting.remove(at).map(|(_, fault)| fault)
    }

    /// Drops all that wait.
    pub fn clear(&mut self) {
        self.waiting.clear();
    }
}
