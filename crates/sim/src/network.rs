//! WhatsApp as the simulation has it: a server that keeps messages until they are acknowledged, and
//! people whose apps drop doubles of one id. What their apps show is the truth that counts.

use crate::dice::Dice;
use std::collections::{BTreeMap, BTreeSet};
use waypost_engine::model::{Address, Content, Inbound, Origin, Timestamp};

/// People in a world.
pub const PEOPLE: usize = 5;
/// The server's refusal of a send.
const REFUSED: u32 = 479;

/// What a person's message makes the process do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nature {
    /// It is answered.
    Plain,
    /// Processing it fails at first.
    Flaky,
    /// Processing it always fails.
    Poison,
    /// The server refuses the answer to it.
    Refused,
}

impl Nature {
    fn word(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Flaky => "flaky",
            Self::Poison => "poison",
            Self::Refused => "refused",
        }
    }
}

/// Something a person wrote.
#[derive(Debug, Clone)]
pub struct Said {
    /// Its id.
    pub wire_id: String,
    /// Its words, unlike any other's.
    pub words: String,
    /// What it does.
    pub nature: Nature,
    sent_at: Timestamp,
    acked: bool,
}

/// A person with their app.
#[derive(Debug)]
pub struct Person {
    number: usize,
    /// What they wrote, in order.
    pub said: Vec<Said>,
    /// What their app shows of ours, in order: id and words.
    pub shown: Vec<(String, String)>,
    /// The next message to deliver over the present connection.
    cursor: usize,
}

impl Person {
    /// Their identity.
    #[must_use]
    pub fn lid(&self) -> Address {
        Address::lid(&format!("10000000000000{}", self.number))
    }

    /// Their number.
    #[must_use]
    pub fn phone(&self) -> Address {
        Address::phone(&format!("97150000000{}", self.number))
    }
}

/// The network around the process.
#[derive(Debug)]
pub struct Network {
    /// The people.
    pub people: Vec<Person>,
    /// Payloads that arrived under one id and differed: there must be none.
    pub changed_payloads: BTreeSet<String>,
    payloads: BTreeMap<String, Vec<u8>>,
    answers: Vec<(String, Option<u32>)>,
    connected: bool,
    dice: Dice,
}

impl Network {
    /// With nothing said yet.
    #[must_use]
    pub fn new(dice: Dice) -> Self {
        let person = |number| Person {
            number,
            said: Vec::new(),
            shown: Vec::new(),
            cursor: 0,
        };
        Self {
            people: (0..PEOPLE).map(person).collect(),
            changed_payloads: BTreeSet::new(),
            payloads: BTreeMap::new(),
            answers: Vec::new(),
            connected: false,
            dice,
        }
    }

    /// Whether a connection is open.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.connected
    }

    /// A new connection: everything unacknowledged will be delivered again.
    pub fn connect(&mut self) {
        self.disconnect();
        self.connected = true;
    }

    /// The connection is gone, and the server's answers with it.
    pub fn disconnect(&mut self) {
        self.connected = false;
        self.answers.clear();
        for person in &mut self.people {
            person.cursor = 0;
        }
    }

    /// Somebody writes something.
    pub fn somebody_writes(&mut self, now: Timestamp) {
        let who = self.dice.below(PEOPLE);
        let nature = match self.dice.below(100) {
            0..=3 => Nature::Flaky,
            4..=5 => Nature::Poison,
            6..=8 => Nature::Refused,
            _ => Nature::Plain,
        };
        let person = &mut self.people[who];
        let n = person.said.len();
        person.said.push(Said {
            wire_id: format!("IN{who}-{n}"),
            words: format!("{} p{who} #{n}", nature.word()),
            nature,
            sent_at: now,
            acked: false,
        });
    }

    /// What the server delivers next: a few messages, each person's in order, sometimes with
    /// doubles of earlier ones.
    pub fn deliver(&mut self, now: Timestamp) -> Vec<Inbound> {
        let mut batch = Vec::new();
        if !self.connected {
            return batch;
        }
        for _ in 0..=self.dice.below(4) {
            let who = self.dice.below(PEOPLE);
            if self.dice.percent(15) {
                let seen = self.people[who].cursor;
                if seen > 0 {
                    let n = self.dice.below(seen);
                    batch.push(self.inbound(who, n, now));
                }
                continue;
            }
            let person = &mut self.people[who];
            while person
                .said
                .get(person.cursor)
                .is_some_and(|said| said.acked)
            {
                person.cursor += 1;
            }
            if person.cursor < person.said.len() {
                let n = person.cursor;
                person.cursor += 1;
                batch.push(self.inbound(who, n, now));
            }
        }
        batch
    }

    /// A message as the channel would hand it over, under either of the person's addresses.
    fn inbound(&mut self, who: usize, n: usize, now: Timestamp) -> Inbound {
        let both = n == 0 || self.dice.percent(50);
        let by_phone = self.dice.percent(30);
        let origin = if self.dice.percent(50) {
            Origin::Live
        } else {
            Origin::Offline
        };
        let person = &self.people[who];
        let (chat, alt) = if by_phone {
            (person.phone(), person.lid())
        } else {
            (person.lid(), person.phone())
        };
        let alt = both.then_some(alt);
        let said = &person.said[n];
        Inbound {
            wire_id: said.wire_id.clone(),
            chat: chat.clone(),
            chat_alt: alt.clone(),
            sender: chat,
            sender_alt: alt,
            from_me: false,
            push_name: Some(format!("Person {who}")),
            origin,
            sent_at: said.sent_at,
            received_at: now,
            content: Content::text(said.words.clone()),
            raw: said.words.clone().into_bytes(),
        }
    }

    /// The process acknowledged a message: the server forgets it.
    pub fn acknowledged(&mut self, wire_id: &str) {
        for said in self.people.iter_mut().flat_map(|person| &mut person.said) {
            if said.wire_id == wire_id {
                said.acked = true;
            }
        }
    }

    /// True when the server keeps nothing for the process any more.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        self.people
            .iter()
            .all(|person| person.said.iter().all(|said| said.acked))
    }

    /// The process wrote a send to the socket. `lossy` networks may lose it, or its answer.
    pub fn send(&mut self, to: &Address, wire_id: &str, payload: &[u8], lossy: bool) {
        if !self.connected || (lossy && self.dice.percent(5)) {
            return;
        }
        let words = String::from_utf8_lossy(payload).into_owned();
        let words = words.split('|').next().unwrap_or_default().to_owned();
        let before = self
            .payloads
            .entry(wire_id.to_owned())
            .or_insert_with(|| payload.to_vec());
        if before.as_slice() != payload {
            self.changed_payloads.insert(wire_id.to_owned());
        }
        let refused = words.contains("refused");
        let whom = self
            .people
            .iter_mut()
            .find(|p| *to == p.lid() || *to == p.phone());
        if let Some(person) = whom.filter(|_| !refused)
            && !person.shown.iter().any(|(shown, _)| shown == wire_id)
        {
            person.shown.push((wire_id.to_owned(), words));
        }
        if !(lossy && self.dice.percent(10)) {
            self.answers
                .push((wire_id.to_owned(), refused.then_some(REFUSED)));
        }
    }

    /// One of the server's answers, in any order.
    pub fn answer(&mut self) -> Option<(String, Option<u32>)> {
        if self.answers.is_empty() {
            return None;
        }
        let n = self.dice.below(self.answers.len());
        Some(self.answers.swap_remove(n))
    }
}
