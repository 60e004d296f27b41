//! Nothing is lost, doubled or swapped however often the program dies.
//!
//! Contacts talk without pause while the program is killed over and over: at every failpoint, and
//! at random moments. It comes back each time and must end up having answered every message
//! exactly once and in order, as the apps on the other side see it.

use crate::stage::{Failpoint, Linked, Plan, Stage, until};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use std::time::{Duration, Instant};
use wasim::{Contact, Dedupe, NetworkConfig, Outgoing};

const OWNER: &str = "971500000001";
const CONTACTS: usize = 8;
/// Unanswered messages at the start of each round, at least.
const IN_FLIGHT: usize = 120;
/// Kills per way of dying.
const KILLS: u32 = 20;
const SEED: u64 = 20_261_121;

/// A stage under load.
struct Storm {
    stage: Stage,
    linked: Linked,
    contacts: Vec<Contact>,
    sent: usize,
    least_in_flight: usize,
    kills: u32,
    began: Instant,
}

impl Storm {
    async fn start(dedupe: Dedupe) -> Self {
        let network = NetworkConfig {
            seed: SEED,
            dedupe,
            ..NetworkConfig::default()
        };
        // No waiting for anybody's patience: the test is about order and loss, not about limits.
        let settings = "[send]\naccount_burst = 100000\naccount_gap_ms = 0\n\
            recipient_burst = 100000\nrecipient_gap_ms = 0\n";
        let stage = Stage::with(Plan {
            network,
            settings: settings.into(),
            ..Plan::default()
        })
        .await;
        let linked = stage.link(OWNER).await;
        stage.rule_echo().await;
        let contacts = (0..CONTACTS)
            .map(|n| stage.contact(&format!("97155000000{n}")))
            .collect();
        let least_in_flight = usize::MAX;
        Self {
            stage,
            linked,
            contacts,
            sent: 0,
            least_in_flight,
            kills: 0,
            began: Instant::now(),
        }
    }

    fn answered(&self) -> usize {
        self.stage.net.with_ledger(|l| l.shown_from(OWNER).len())
    }

    /// The contacts, in turn, say more until enough is unanswered.
    async fn talk(&mut self) {
        while self.sent - self.answered().min(self.sent) < IN_FLIGHT {
            let contact = &self.contacts[self.sent % CONTACTS];
            contact
                .send(OWNER, Outgoing::text(format!("#{}", self.sent)))
                .await
                .unwrap();
            self.sent += 1;
        }
        self.least_in_flight = self.least_in_flight.min(self.sent - self.answered());
    }

    /// Dies at a failpoint, at a later passing each time.
    async fn dies_at(&mut self, name: &'static str) {
        for kill in 0..KILLS {
            self.stage.kill_9().await;
            self.talk().await;
            self.stage
                .begin(Some(Failpoint {
                    name,
                    passing: 1 + kill * 2,
                }))
                .await;
            self.stage.dies_by_itself().await;
            self.kills += 1;
        }
        println!(
            "{name}: {KILLS} kills, {:?} since the start",
            self.began.elapsed()
        );
    }

    /// Is killed at random moments of the first second of its life, from the first line on.
    async fn dies_at_random(&mut self, dice: &mut ChaCha8Rng) {
        for _ in 0..KILLS {
            self.stage.kill_9().await;
            self.talk().await;
            self.stage.begin(None).await;
            let alive = Duration::from_millis(dice.random_range(0..1_000));
            tokio::time::sleep(alive).await;
            self.stage.kill_9().await;
            self.kills += 1;
        }
        println!(
            "at random: {KILLS} kills, {:?} since the start",
            self.began.elapsed()
        );
    }

    /// Comes back for good, drains, and is judged.
    async fn verdict(mut self) {
        self.stage.kill_9().await;
        self.stage.begin(None).await;
        self.stage.account_state(&self.linked.id, "online").await;
        until("every message to be answered", async || {
            let answered = self.answered();
            if answered >= self.sent {
                Ok(())
            } else {
                Err((answered, self.sent))
            }
        })
        .await;
        self.stage.settled(&self.linked.id).await;
        let judged = self.stage.net.with_ledger(|l| l.judge_answers(number));
        let counts = self.stage.net.with_ledger(|l| l.counts(OWNER));
        println!(
            "{} kills, {} messages, at least {} in flight at each kill: lost {}, doubled {}, \
             swapped {}, made up {}; {:?}",
            self.kills,
            self.sent,
            self.least_in_flight,
            judged.lost.len(),
            judged.duplicated.len(),
            judged.reordered.len(),
            judged.unexpected.len(),
            counts,
        );
        assert!(
            judged.is_clean(),
            "{:?}",
            (
                judged.lost,
                judged.duplicated,
                judged.reordered,
                judged.unexpected
            )
        );
        assert_eq!(judged.expected, self.sent as u64);
        assert!(
            self.least_in_flight >= 100,
            "only {} in flight",
            self.least_in_flight
        );
        // WhatsApp accepted every send, and the program knows.
        for conversation in self.stage.conversations(&self.linked.id, CONTACTS).await {
            let id = crate::stage::text(&conversation, "/id");
            let messages = self
                .stage
                .items(&format!("/conversations/{id}/messages?limit=200"))
                .await;
            let open = messages.iter().filter(|m| {
                m["direction"] == "out" && (m["state"] == "accepted" || m["state"] == "failed")
            });
            assert_eq!(open.collect::<Vec<_>>(), Vec::<&serde_json::Value>::new());
        }
    }
}

/// The number by which a message and its answer belong together.
fn number(text: &str) -> Option<String> {
    text.split_once('#').map(|(_, number)| number.to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_message_suffers_from_a_death_around_the_first_commit() {
    let mut storm = Storm::start(Dedupe::On).await;
    storm.dies_at("before_commit_1").await;
    storm.dies_at("after_commit_1").await;
    storm.verdict().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_message_suffers_from_a_death_around_the_second_commit() {
    let mut storm = Storm::start(Dedupe::On).await;
    storm.dies_at("before_commit_2").await;
    storm.dies_at("after_commit_2").await;
    storm.verdict().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_message_suffers_from_a_death_around_a_send() {
    let mut storm = Storm::start(Dedupe::On).await;
    storm.dies_at("before_send").await;
    storm.dies_at("after_send").await;
    storm.verdict().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_message_suffers_from_a_death_after_a_send_that_nobody_deduplicates() {
    let mut storm = Storm::start(Dedupe::Off).await;
    storm.dies_at("after_send").await;
    storm.verdict().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_message_suffers_from_a_death_at_any_moment() {
    let mut dice = ChaCha8Rng::seed_from_u64(SEED);
    let mut storm = Storm::start(Dedupe::On).await;
    storm.dies_at_random(&mut dice).await;
    storm.verdict().await;
}
