//! The judge: every message handed to a linked device, every stanza that came back, and what the
//! recipient's app shows. Counts only, never mends: nothing is deduplicated here silently.

use serde::Serialize;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

/// Records kept in all; beyond it the ledger says [`Judgement::truncated`] and cannot be clean.
pub const MAX_RECORDS: usize = 20_000_000;
/// Characters of a message's text that are kept.
pub const MAX_TEXT_CHARS: usize = 256;

/// Whether the recipient's app hides a message whose id it already shows in the same chat from
/// the same sender. Real apps do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Display {
    Shown,
    HiddenAsDouble,
}

/// A message that somebody on the other side sent to an account.
#[derive(Debug, Clone, Serialize)]
pub struct Sent {
    /// The conversation: the LID of the contact, or the group's id.
    pub chat: String,
    /// The LID of the author.
    pub author: String,
    /// The wire id.
    pub id: String,
    /// Its text or caption, cut at [`MAX_TEXT_CHARS`].
    pub text: String,
    /// When, since the network started.
    pub at: Duration,
}

/// A message that an app on the other side shows.
#[derive(Debug, Clone, Serialize)]
pub struct Shown {
    /// The conversation as the ledger names it: the LID of the contact, or the group's id.
    pub chat: String,
    /// Whose app it is: the LID of the recipient.
    pub reader: String,
    /// The wire id.
    pub id: String,
    /// What kind of message it is.
    pub kind: crate::content::Kind,
    /// Its text or caption, cut at [`MAX_TEXT_CHARS`].
    pub text: String,
    /// When it was first readable, since the network started.
    pub at: Duration,
}

/// Plain counts of one account or of all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Messages that contacts sent towards the account.
    pub sent_to_account: u64,
    /// Messages written to a linked device for the first time.
    pub delivered: u64,
    /// Messages written to it again, because it had not acknowledged them or a fault doubled them.
    pub redelivered: u64,
    /// Deliveries that the device acknowledged.
    pub acked: u64,
    /// Message stanzas received from linked devices, all of them.
    pub raw_received: u64,
    /// Of those, stanzas whose id the same device had sent to the same chat before.
    pub resent_raw: u64,
    /// Of the resent, those that the server dropped because it deduplicates ids.
    pub dropped_by_server: u64,
    /// Messages that reached a recipient's app.
    pub shown: u64,
    /// Messages that reached an app again with a known id, which hides them.
    pub hidden_doubles: u64,
    /// Ciphertexts that a recipient could not decrypt.
    pub undecryptable: u64,
}

impl Counts {
    fn add(&mut self, other: &Counts) {
        self.sent_to_account += other.sent_to_account;
        self.delivered += other.delivered;
        self.redelivered += other.redelivered;
        self.acked += other.acked;
        self.raw_received += other.raw_received;
        self.resent_raw += other.resent_raw;
        self.dropped_by_server += other.dropped_by_server;
        self.shown += other.shown;
        self.hidden_doubles += other.hidden_doubles;
        self.undecryptable += other.undecryptable;
    }
}

/// The verdict over a run in which every message sent to an account deserved exactly one answer.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Judgement {
    /// Messages that deserved an answer.
    pub expected: u64,
    /// Of them, those whose answer is shown.
    pub answered: u64,
    /// Messages without an answer, by token.
    pub lost: Vec<String>,
    /// Answers beyond the first that an app shows, by token.
    pub duplicated: Vec<String>,
    /// Answers shown after one that belongs to a later message of the same conversation, by token.
    pub reordered: Vec<String>,
    /// Answers whose token nobody sent.
    pub unexpected: Vec<String>,
    /// Stanzas sent again with a known id; harmless where apps hide doubles.
    pub resent_raw: u64,
    /// Messages written to a device but never acknowledged by it.
    pub unacked: Vec<String>,
    /// From a message's sending to its answer being shown, one per answered message, unsorted.
    pub latencies: Vec<Duration>,
    /// The ledger reached [`MAX_RECORDS`]; what came later is not judged.
    pub truncated: bool,
}

impl Judgement {
    /// Nothing lost, doubled, swapped or made up. Resent stanzas and missing acks are allowed.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.lost.is_empty()
            && self.duplicated.is_empty()
            && self.reordered.is_empty()
            && self.unexpected.is_empty()
            && !self.truncated
    }

    /// The latency below which `percent` of the answers stayed; `None` without answers.
    #[must_use]
    pub fn latency_percentile(&self, percent: f64) -> Option<Duration> {
        let mut sorted = self.latencies.clone();
        sorted.sort_unstable();
        let last = sorted.len().checked_sub(1)?;
        let rank = (last as f64 * percent.clamp(0.0, 100.0) / 100.0).round() as usize;
        sorted.get(rank).copied()
    }
}

/// Where an app shows a message that it could not decrypt at first: "waiting for this message" keeps
/// the place at which it came, ahead of all that is shown later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct HeldPlace {
    /// How many messages of the account were shown by then.
    after: usize,
    /// Which of those that waited it was.
    nth: usize,
}

#[derive(Debug, Default)]
struct Book {
    counts: Counts,
    sent: Vec<Sent>,
    shown: Vec<Shown>,
    /// By conversation and reader, and wire id: what was seen without being readable.
    waiting: HashMap<(String, String), HeldPlace>,
    /// By position in `shown`: those that were not readable at first.
    held: HashMap<usize, HeldPlace>,
    /// Per (device, id): written and not acknowledged yet.
    pending: HashSet<(u16, String)>,
    handed: HashSet<(u16, String)>,
    raw: HashSet<(u16, String, String)>,
    visible: HashSet<(String, String)>,
}

/// All books, one per account. Pure: times are handed in.
#[derive(Debug, Default)]
pub struct Ledger {
    books: BTreeMap<String, Book>,
    records: usize,
}

impl Ledger {
    /// Somebody sent a message towards an account.
    pub(crate) fn sent(&mut self, account: &str, sent: Sent) {
        if self.full() {
            return;
        }
        let book = self.book(account);
        book.counts.sent_to_account += 1;
        book.sent.push(Sent {
            text: clipped(&sent.text),
            ..sent
        });
    }

    /// A message stanza was written to a linked device.
    pub(crate) fn handed(&mut self, account: &str, device: u16, id: &str) {
        if self.full() {
            return;
        }
        let book = self.book(account);
        let key = (device, id.to_owned());
        if book.handed.insert(key.clone()) {
            book.counts.delivered += 1;
            book.pending.insert(key);
        } else {
            book.counts.redelivered += 1;
        }
    }

    /// A linked device acknowledged a message.
    pub(crate) fn acked(&mut self, account: &str, device: u16, id: &str) {
        let book = self.book(account);
        if book.pending.remove(&(device, id.to_owned())) {
            book.counts.acked += 1;
        }
    }

    /// A linked device sent a message stanza.
    pub(crate) fn raw(&mut self, account: &str, device: u16, chat: &str, id: &str) {
        let book = self.book(account);
        book.counts.raw_received += 1;
        if book.raw.insert((device, chat.to_owned(), id.to_owned())) {
            self.records += 1;
        } else {
            book.counts.resent_raw += 1;
        }
    }

    /// The server dropped a stanza because its id was known.
    pub(crate) fn dropped_by_server(&mut self, account: &str) {
        self.book(account).counts.dropped_by_server += 1;
    }

    /// A recipient could not decrypt a ciphertext of an account: the app shows that it waits for it.
    pub(crate) fn undecryptable(&mut self, account: &str, chat: &str, reader: &str, id: &str) {
        let full = self.full();
        let book = self.book(account);
        book.counts.undecryptable += 1;
        let key = (app(chat, reader), id.to_owned());
        if full || book.visible.contains(&key) {
            return;
        }
        let place = HeldPlace {
            after: book.shown.len(),
            nth: book.waiting.len(),
        };
        book.waiting.entry(key).or_insert(place);
    }

    /// The very same ciphertext reached a recipient again.
    pub(crate) fn double(&mut self, account: &str) {
        self.book(account).counts.hidden_doubles += 1;
    }

    /// A message of an account reached a recipient's app.
    pub(crate) fn shown(&mut self, account: &str, shown: Shown) {
        if self.full() {
            return;
        }
        let book = self.book(account);
        let key = (app(&shown.chat, &shown.reader), shown.id.clone());
        let held = book.waiting.get(&key).copied();
        match display(&mut book.visible, key) {
            Display::Shown => {
                book.counts.shown += 1;
                if let Some(held) = held {
                    book.held.insert(book.shown.len(), held);
                }
                book.shown.push(Shown {
                    text: clipped(&shown.text),
                    ..shown
                });
            }
            Display::HiddenAsDouble => book.counts.hidden_doubles += 1,
        }
    }

    /// Forgets everything, for a new measurement on a running network.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    fn full(&mut self) -> bool {
        self.records += 1;
        self.records > MAX_RECORDS
    }

    fn book(&mut self, account: &str) -> &mut Book {
        if !self.books.contains_key(account) {
            self.books.insert(account.to_owned(), Book::default());
        }
        self.books.entry(account.to_owned()).or_default()
    }

    /// The counts of one account.
    #[must_use]
    pub fn counts(&self, account: &str) -> Counts {
        self.books
            .get(account)
            .map(|b| b.counts)
            .unwrap_or_default()
    }

    /// The counts of all accounts together.
    #[must_use]
    pub fn totals(&self) -> Counts {
        let mut all = Counts::default();
        self.books.values().for_each(|b| all.add(&b.counts));
        all
    }

    /// What contacts sent to an account, in the order of sending.
    #[must_use]
    pub fn sent_to(&self, account: &str) -> &[Sent] {
        self.books
            .get(account)
            .map(|b| b.sent.as_slice())
            .unwrap_or_default()
    }

    /// What the apps of an account's recipients show, in the order in which it became readable.
    #[must_use]
    pub fn shown_from(&self, account: &str) -> &[Shown] {
        self.books
            .get(account)
            .map(|b| b.shown.as_slice())
            .unwrap_or_default()
    }

    /// Judges all accounts: `token` finds the mark by which a message and its answer belong
    /// together, in the text of either; a message without one deserves no answer.
    pub fn judge_answers(&self, token: impl Fn(&str) -> Option<String>) -> Judgement {
        let mut verdict = Judgement {
            truncated: self.records > MAX_RECORDS,
            ..Judgement::default()
        };
        for book in self.books.values() {
            judge_book(book, &token, &mut verdict);
        }
        verdict
    }
}

/// Whether a stanza id was seen before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    First,
    Again,
}

fn display(visible: &mut HashSet<(String, String)>, key: (String, String)) -> Display {
    if visible.insert(key) {
        Display::Shown
    } else {
        Display::HiddenAsDouble
    }
}

/// One conversation in one person's app.
fn app(chat: &str, reader: &str) -> String {
    format!("{chat}|{reader}")
}

impl Book {
    /// What is shown, as somebody who scrolls through the apps finds it.
    fn in_place(&self) -> impl Iterator<Item = &Shown> {
        let place = |at: usize| {
            let own = HeldPlace {
                after: at,
                nth: usize::MAX,
            };
            self.held.get(&at).copied().unwrap_or(own)
        };
        let mut lines: Vec<(HeldPlace, &Shown)> = self
            .shown
            .iter()
            .enumerate()
            .map(|(at, shown)| (place(at), shown))
            .collect();
        lines.sort_by_key(|(place, _)| *place);
        lines.into_iter().map(|(_, shown)| shown)
    }
}

fn clipped(text: &str) -> String {
    match text.char_indices().nth(MAX_TEXT_CHARS) {
        Some((end, _)) => text[..end].to_owned(),
        None => text.to_owned(),
    }
}

struct Question {
    position: usize,
    at: Duration,
    answers: u64,
}

fn judge_book(book: &Book, token: &impl Fn(&str) -> Option<String>, verdict: &mut Judgement) {
    // Keyed by conversation, person and token: two people may use the same token.
    let mut questions: HashMap<(&str, &str, String), Question> = HashMap::new();
    let mut asked: HashSet<(&str, String)> = HashSet::new();
    for (position, sent) in book.sent.iter().enumerate() {
        if let Some(token) = token(&sent.text) {
            asked.insert((&sent.chat, token.clone()));
            questions
                .entry((&sent.chat, &sent.author, token))
                .or_insert(Question {
                    position,
                    at: sent.at,
                    answers: 0,
                });
        }
    }
    let mut furthest: HashMap<(&str, &str), usize> = HashMap::new();
    for shown in book.in_place() {
        let Some(token) = token(&shown.text) else {
            continue;
        };
        let place = (shown.chat.as_str(), shown.reader.as_str());
        let Some(question) = questions.get_mut(&(place.0, place.1, token.clone())) else {
            // The other members of a group see the answer, too; the asker's app is the measure.
            if !asked.contains(&(place.0, token.clone())) {
                verdict.unexpected.push(token);
            }
            continue;
        };
        question.answers += 1;
        if question.answers > 1 {
            verdict.duplicated.push(token);
            continue;
        }
        verdict.latencies.push(shown.at.saturating_sub(question.at));
        let furthest = furthest.entry(place).or_default();
        if question.position < *furthest {
            verdict.reordered.push(token);
        }
        *furthest = question.position.max(*furthest);
    }
    let mut lost: Vec<(usize, String)> = Vec::new();
    for ((_, _, token), question) in questions {
        verdict.expected += 1;
        match question.answers {
            0 => lost.push((question.position, token)),
            _ => verdict.answered += 1,
        }
    }
    lost.sort();
    verdict
        .lost
        .extend(lost.into_iter().map(|(_, token)| token));
    verdict.resent_raw += book.counts.resent_raw;
    verdict
        .unacked
        .extend(book.pending.iter().map(|(_, id)| id.clone()));
}

#[cfg(test)]
#[path = "ledger_tests.rs"]
mod tests;
