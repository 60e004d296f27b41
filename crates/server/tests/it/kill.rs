//! Nothing is lost, doubled or swapped however often the program dies.
//!
//! Contacts talk without pause while the program is killed over and over: at every failpoint, and
//! at random moments. It comes back each time and must end up having answered every message
//! exactly once and in order, as the apps on the other side see it.

use crate::stage::database::Database;
use crate::stage::{Failpoint, LIMIT, Linked, Plan, Stage, text};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use wasim::{Contact, Dedupe, NetEvent, NetworkConfig, Outgoing};

const OWNER: &str = "971500000001";
const CONTACTS: usize = 60;
/// Unanswered messages at the start of each round, at least.
const IN_FLIGHT: usize = 120;
/// Unanswered messages at which the contacts wait, so that a program that takes long to start catches up.
const IN_FLIGHT_MAX: usize = 480;
/// Kills per way of dying.
const KILLS: u32 = 20;
/// Between two messages while the program lives.
const PAUSE: Duration = Duration::from_millis(10);
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
    /// Gone after the stage.
    _database: Option<Database>,
}

impl Storm {
    /// With the messages in an SQLite file.
    async fn start(dedupe: Dedupe) -> Self {
        Self::over(None, dedupe).await
    }

    async fn start_on_postgresql() -> Self {
        Self::over(Some(Database::make()), Dedupe::On).await
    }

    async fn over(database: Option<Database>, dedupe: Dedupe) -> Self {
        let network = NetworkConfig {
            seed: SEED,
            dedupe,
            ..NetworkConfig::default()
        };
        // No waiting for anybody's patience: the test is about order and loss, not about limits.
        let settings = "[flow]\nanswers_per_minute = 1000000\n[send]\naccount_burst = 100000\naccount_gap_ms = 0\n\
            recipient_burst = 100000\nrecipient_gap_ms = 0\n\
            unasked_per_day = 0\nnew_chats_per_day = 0\nnew_chat_gap_s = 0\nnumber_check = \"off\"\n";
        let store = database
            .as_ref()
            .map(|database| format!("[store]\nurl = {:?}\n", database.url()))
            .unwrap_or_default();
        let stage = Stage::with(Plan {
            network,
            settings: format!("{settings}{store}"),
            ..Plan::default()
        })
        .await;
        let linked = stage.link(OWNER).await;
        stage.rule_echo().await;
        let contacts = (0..CONTACTS)
            .map(|n| stage.contact(&format!("9715500000{n:02}")))
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
            _database: database,
        }
    }

    fn answered(&self) -> usize {
        self.stage.net.with_ledger(|l| l.shown_from(OWNER).len())
    }

    /// The next contact in turn says something.
    async fn say(&mut self) {
        let contact = &self.contacts[self.sent % CONTACTS];
        let words = Outgoing::text(format!("#{}", self.sent));
        contact.send(OWNER, words).await.unwrap();
        self.sent += 1;
    }

    /// The contacts go on talking, a moment long.
    async fn chat(&mut self) {
        if self.sent < self.answered() + IN_FLIGHT_MAX {
            self.say().await;
        }
        self.talk().await;
        tokio::time::sleep(PAUSE).await;
    }

    /// The contacts say more until enough is unanswered.
    async fn talk(&mut self) {
        while self.sent < self.answered() + IN_FLIGHT {
            self.say().await;
        }
    }

    /// Notes how much was unanswered at a death.
    fn died(&mut self) {
        self.kills += 1;
        self.least_in_flight = self.least_in_flight.min(self.sent - self.answered());
    }

    /// Dies at a failpoint, at a later passing each time.
    async fn dies_at(&mut self, name: &'static str) {
        for kill in 0..KILLS {
            self.stage.kill_9().await;
            self.talk().await;
            let passing = 1 + kill * 2;
            self.stage.begin(Some(Failpoint { name, passing })).await;
            let deadline = Instant::now() + LIMIT;
            while !self.stage.is_dead() {
                if Instant::now() > deadline {
                    let stuck = self.stuck().await;
                    panic!("{name} was not passed {passing} times; {stuck}");
                }
                self.chat().await;
            }
            self.died();
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
            let end = Instant::now() + alive;
            while Instant::now() < end {
                self.chat().await;
            }
            self.stage.kill_9().await;
            self.died();
        }
        println!(
            "at random: {KILLS} kills, {:?} since the start",
            self.began.elapsed()
        );
    }

    /// What the program knows of the questions whose answers nobody has seen (kind and state of every
    /// message that carries their number), and what the network saw of them.
    async fn stuck(&mut self) -> String {
        self.stage.listens().await;
        let judged = self.stage.net.with_ledger(|l| l.judge_answers(number));
        let mut seen: BTreeMap<String, Vec<String>> = judged
            .lost
            .iter()
            .map(|lost| (lost.clone(), Vec::new()))
            .collect();
        let mut wire_ids = self.asked(&judged.lost);
        let mut placeholders = 0;
        for m in self.stored().await {
            placeholders += usize::from(m["kind"] == "placeholder");
            let body = m["content"]["body"].as_str().and_then(number);
            if let Some(known) = body.and_then(|number| seen.get_mut(&number)) {
                let waiting = &m["waiting"]["code"];
                known.push(format!(
                    "{} {} {} {waiting}",
                    m["direction"], m["origin"], m["state"]
                ));
                wire_ids.push(text(&m, "/wire_id"));
            }
        }
        let account = self
            .stage
            .get(&format!("/accounts/{}", self.linked.id))
            .await;
        let counts = self.stage.net.with_ledger(|l| l.counts(OWNER));
        let unacked = judged.unacked;
        let network = self.network_about(&wire_ids);
        format!(
            "{seen:?}\n{placeholders} placeholders, unacked {unacked:?}, {counts:?}, {account}\n{network}"
        )
    }

    /// The wire ids of questions.
    fn asked(&self, numbers: &[String]) -> Vec<String> {
        self.stage.net.with_ledger(|ledger| {
            let sent = ledger.sent_to(OWNER).iter();
            sent.filter(|sent| number(&sent.text).is_some_and(|n| numbers.contains(&n)))
                .map(|sent| sent.id.clone())
                .collect()
        })
    }

    /// What happened on the network to these messages, and to the connection around it.
    fn network_about(&self, wire_ids: &[String]) -> String {
        let (mut told, mut lives) = (Vec::new(), 0);
        for event in self.stage.net.past_events() {
            lives += usize::from(matches!(event, NetEvent::LoggedIn { .. }));
            let event = format!("{event:?}");
            if wire_ids.iter().any(|id| event.contains(id.as_str())) {
                told.push(format!("life {lives}: {event}"));
            }
        }
        told.push(format!("{lives} lives"));
        told.join("\n")
    }

    /// Every message that the program has stored.
    async fn stored(&self) -> Vec<Value> {
        let mut all = Vec::new();
        for conversation in self.stage.items("/conversations?limit=200").await {
            let path = format!(
                "/conversations/{}/messages?limit=200",
                text(&conversation, "/id")
            );
            let mut page = self.stage.get(&path).await;
            loop {
                all.extend(page["items"].as_array().unwrap().iter().cloned());
                let Some(next) = page["next"].as_str() else {
                    break;
                };
                page = self.stage.get(&format!("{path}&cursor={next}")).await;
            }
        }
        all
    }

    /// Comes back for good, drains, and is judged.
    async fn verdict(mut self) {
        self.stage.kill_9().await;
        self.stage.begin(None).await;
        self.stage.account_state(&self.linked.id, "online").await;
        // However much there is to do: it must go on.
        let (mut furthest, mut deadline) = (0, Instant::now() + LIMIT);
        while self.answered() < self.sent {
            let (answered, sent) = (self.answered(), self.sent);
            if answered > furthest {
                (furthest, deadline) = (answered, Instant::now() + LIMIT);
            }
            if Instant::now() > deadline {
                let stuck = self.stuck().await;
                panic!(
                    "only {answered} of {sent} answered after {} kills; {stuck}",
                    self.kills
                );
            }
            tokio::time::sleep(PAUSE).await;
        }
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
        let stored = self.stored().await;
        let open: Vec<&Value> = stored
            .iter()
            .filter(|m| m["direction"] == "out")
            .filter(|m| m["state"] == "accepted" || m["state"] == "failed")
            .collect();
        assert_eq!(open, Vec::<&Value>::new());
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_message_suffers_from_a_death_while_its_database_is_in_postgresql() {
    let mut dice = ChaCha8Rng::seed_from_u64(SEED);
    let mut storm = Storm::start_on_postgresql().await;
    storm.dies_at("after_commit_1").await;
    storm.dies_at("after_commit_2").await;
    storm.dies_at_random(&mut dice).await;
    storm.verdict().await;
}
