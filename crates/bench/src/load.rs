//! Messages from contacts: one each, at a steady pace, or all at once.

use crate::clock::{self, until};
use crate::stage::{Account, Api, LIMIT, LOOK};
use anyhow::{Result, bail};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Calls to the network at the same time.
const CALLS_AT_ONCE: usize = 32;
/// Messages that may wait for their acknowledgement while people are introduced to each other.
const UNACKED_MAX: u64 = 2_000;
/// How often the ledger is asked, at most, while people are introduced.
const ASK_EVERY: usize = 500;

/// Who writes to whom.
#[derive(Debug, Clone)]
pub(crate) struct Pair {
    pub(crate) contact: String,
    pub(crate) account: String,
}

/// Every contact with every account; accounts change fastest, so that none gets a heap at once.
pub(crate) fn pairs(accounts: &[Account], contacts: &[String]) -> Vec<Pair> {
    let of = |contact: &String| {
        let contact = contact.clone();
        accounts.iter().map(move |account| Pair {
            contact: contact.clone(),
            account: account.number.clone(),
        })
    };
    contacts.iter().flat_map(of).collect()
}

/// A network under load.
#[derive(Debug, Clone)]
pub(crate) struct Load {
    network: Api,
}

impl Load {
    pub(crate) fn on(network: &Api) -> Self {
        Self {
            network: network.clone(),
        }
    }

    /// One text.
    pub(crate) async fn say(&self, pair: &Pair, text: &str) -> Result<()> {
        let content = json!({"kind": "text", "text": text});
        let path = format!("/contacts/{}/send", pair.contact);
        let body = json!({"to": pair.account, "content": content});
        self.network.post(&path, &body).await.map(|_| ())
    }

    /// One text in each pair, and waits until all of them are acknowledged: the contact, the
    /// conversation and the Signal session are stored then.
    pub(crate) async fn introduce(&self, pairs: &[Pair]) -> Result<()> {
        let before = self.sent().await?;
        for (turn, some) in pairs.chunks(ASK_EVERY).enumerate() {
            stream::iter(some)
                .map(|pair| self.say(pair, "Hello, this is my first message"))
                .buffer_unordered(CALLS_AT_ONCE)
                .try_collect::<()>()
                .await?;
            let sent = before + (turn * ASK_EVERY + some.len()) as u64;
            self.acked(sent.saturating_sub(UNACKED_MAX)).await?;
        }
        self.acked(before + pairs.len() as u64).await
    }

    /// Text number n in pair number n, at a steady pace. Returns when each was begun.
    pub(crate) async fn pace(
        &self,
        pairs: &[Pair],
        per_second: f64,
        text: impl Fn(usize) -> String,
    ) -> Result<Vec<Instant>> {
        let gap = Duration::from_secs_f64(1.0 / per_second);
        let mut ticks = tokio::time::interval(gap);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Burst);
        let mut calls = tokio::task::JoinSet::new();
        for (n, pair) in pairs.iter().enumerate() {
            ticks.tick().await;
            let (load, pair, text) = (self.clone(), pair.clone(), text(n));
            calls.spawn(async move {
                let begun = clock::now();
                load.say(&pair, &text).await.map(|()| (n, begun))
            });
        }
        let mut begun = vec![clock::now(); pairs.len()];
        while let Some(done) = calls.join_next().await {
            let (n, at) = done??;
            begun[n] = at;
        }
        Ok(begun)
    }

    /// As fast as the network can: `count` texts in each pair. In a text `{n}` counts from 1 and
    /// `{pair}` is the number of the pair.
    pub(crate) async fn flood(&self, pairs: &[Pair], count: usize, text: &str) -> Result<()> {
        stream::iter(pairs.iter().enumerate())
            .map(async |(number, pair)| {
                let text = text.replace("{pair}", &number.to_string());
                let body = json!({"to": pair.account, "count": count, "text": text});
                let path = format!("/contacts/{}/burst", pair.contact);
                self.network.post(&path, &body).await.map(|_| ())
            })
            .buffer_unordered(CALLS_AT_ONCE)
            .try_collect()
            .await
    }

    /// Messages sent to accounts so far.
    pub(crate) async fn sent(&self) -> Result<u64> {
        self.count("sent_to_account").await
    }

    /// Waits until so many messages in all were acknowledged by their accounts.
    pub(crate) async fn acked(&self, count: u64) -> Result<()> {
        until(
            "every message to be acknowledged",
            (LOOK, LIMIT),
            async || Ok((self.count("acked").await? >= count).then_some(())),
        )
        .await
    }

    async fn count(&self, what: &str) -> Result<u64> {
        let counts = self.network.get("/ledger").await?;
        Ok(counts[what].as_u64().unwrap_or_default())
    }

    /// Waits until every message whose text carries `mark` and a token is answered, and fails
    /// unless each was answered once and in order.
    pub(crate) async fn answered(&self, mark: &str, expected: usize) -> Result<Value> {
        let path = format!("/ledger/judgement?mark={mark}");
        let judged = until(
            "every message to be answered",
            (LOOK * 4, LIMIT),
            async || {
                let judged = self.network.get(&path).await?;
                let all = judged["answered"].as_u64() >= Some(expected as u64);
                Ok(all.then_some(judged))
            },
        )
        .await?;
        if judged["clean"] != true {
            bail!("not every message was answered once and in order: {judged}");
        }
        Ok(judged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_contact_meets_every_account() {
        let account = |number: &str| Account {
            number: number.into(),
        };
        let all = pairs(&[account("1"), account("2")], &["7".into(), "8".into()]);
        let names: Vec<String> = all
            .iter()
            .map(|pair| format!("{}>{}", pair.contact, pair.account))
            .collect();
        assert_eq!(names, ["7>1", "7>2", "8>1", "8>2"]);
    }
}
