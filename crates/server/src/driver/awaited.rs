//! How long a message waits for its file, for rules that look into files.
//!
//! A conversation waits for it only while such a rule concerns it, and never longer than the settings allow.
//! What comes later is told by the event `media.read` alone: nothing is answered twice.

use super::context::Context;
use crate::clock;
use crate::parts::filed::{FileSays, Filed};
use std::sync::Arc;
use waypost_engine::model::{AccountId, Duration, Timestamp};
use waypost_store::{StoreError, Work};

/// How often the store is asked whether the file was read.
const LOOK_AGAIN: Duration = Duration::millis(250);

/// Whether the wait for a message's file is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Awaited {
    /// It is, or nobody waits: what the file says, unless it says nothing, nobody asked, or it did not come in
    /// time.
    Over(Option<Arc<str>>),
    /// Its words may come; until then the conversation waits.
    NotYet {
        /// When to look again.
        look_at: Timestamp,
    },
}

impl Context {
    /// What the file of a message says, if a rule wants to know it.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(super) async fn awaited(
        &self,
        account: AccountId,
        work: &Work,
    ) -> Result<Awaited, StoreError> {
        let Some(filed) = Filed::work(work) else {
            return Ok(Awaited::Over(None));
        };
        let says = filed.says(&self.rules(account).await, &self.store).await?;
        Ok(match says {
            FileSays::This(words) => {
                self.asked.over(work.message);
                Awaited::Over(words)
            }
            FileSays::NotRead => self.wait(work),
        })
    }

    fn wait(&self, work: &Work) -> Awaited {
        let (now, limit) = (clock::now(), Duration::secs(self.config.media.wait_s));
        let last = work.received_at + limit;
        if now >= last {
            tracing::info!(message = %work.message, "a file was not read in time; its conversation goes on");
            metrics::counter!("waypost_media_waits_given_up_total").increment(1);
            self.asked.over(work.message);
            return Awaited::Over(None);
        }
        self.asked.wait_for(work.message, last);
        Awaited::NotYet {
            look_at: last.min(now + LOOK_AGAIN),
        }
    }
}
