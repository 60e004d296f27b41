//! The delivery of a mailbox over one connection: backlog first, in the portions the client asks
//! for, then what arrives live. Pure: time is handed in.

use crate::mailbox::{Backlog, Full, Mailbox, Owed};
use std::collections::HashSet;
use std::time::Duration;

/// Backlog stanzas sent before the client asks for more.
pub(crate) const PRIMER: usize = 5;

/// What the connection should do next.
#[derive(Debug)]
pub(crate) enum Step {
    /// Write this stanza now.
    Write(Box<Delivery>),
    /// The whole backlog of so many stanzas is out: tell the client.
    CaughtUp(usize),
    /// Nothing before this time of the network's clock.
    Later(Duration),
    /// Nothing until something is pushed or the client asks for more.
    Idle,
}

/// One stanza on its way.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) owed: Owed,
    /// Its place in the backlog, if it waited while the device was away.
    pub(crate) offline: Option<usize>,
}

/// Mailbox and the state of its current connection.
#[derive(Debug, Default)]
pub(crate) struct Post {
    mailbox: Mailbox,
    active: bool,
    backlog_end: u64,
    backlog_size: usize,
    backlog_sent: usize,
    caught_up: bool,
    credit: usize,
    withheld: HashSet<String>,
    /// Messages that are announced with the next backlog and never come.
    vanishing: HashSet<String>,
    /// A backlog that stops half-way.
    stops: Stops,
}

/// Whether a backlog comes to its end.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stops {
    /// It does.
    #[default]
    Never,
    /// After so many stanzas the server says that that was all it had.
    After(usize),
}

impl Post {
    /// A stanza to deliver; waits for the device if it is away.
    pub(crate) fn push(&mut self, owed: Owed) -> Result<(), Full> {
        self.mailbox.push(owed)
    }

    /// The device went away, or has logged in but not yet asked for anything.
    pub(crate) fn pause(&mut self) {
        self.active = false;
    }

    /// The device is ready. Returns what waits for it.
    pub(crate) fn activate(&mut self) -> Backlog {
        let backlog = self.mailbox.rewind();
        self.active = true;
        self.backlog_end = self.mailbox.end();
        self.backlog_size = backlog.total();
        self.backlog_sent = 0;
        self.caught_up = false;
        self.credit = PRIMER;
        self.withheld.clear();
        self.stops = Stops::Never;
        self.mailbox.lose(&std::mem::take(&mut self.vanishing));
        backlog
    }

    /// Lets messages vanish that are announced with the next backlog.
    pub(crate) fn vanish(&mut self, ids: impl IntoIterator<Item = String>) {
        self.vanishing.extend(ids);
    }

    /// Stops the present backlog after its first half; what is left comes after the next login.
    pub(crate) fn stop_half_way(&mut self) {
        if self.backlog_size > 1 {
            self.stops = Stops::After(self.backlog_size / 2);
        }
    }

    /// Whether the device takes deliveries.
    pub(crate) fn is_active(&self) -> bool {
        self.active
    }

    /// The client asks for more of its backlog.
    pub(crate) fn grant(&mut self, count: usize) {
        self.credit = self.credit.saturating_add(count);
    }

    /// Whether backlog waits for the client to ask.
    pub(crate) fn starved(&self) -> bool {
        self.active && !self.caught_up && self.credit == 0
    }

    /// Keeps a conversation back until the next connection.
    pub(crate) fn withhold(&mut self, lane: &str) {
        self.withheld.insert(lane.to_owned());
    }

    /// Access to what is owed.
    pub(crate) fn mailbox(&mut self) -> &mut Mailbox {
        &mut self.mailbox
    }

    /// Decides what to do at `now`.
    pub(crate) fn step(&mut self, now: Duration) -> Step {
        if !self.active {
            return Step::Idle;
        }
        loop {
            let Some((seq, next)) = self.mailbox.peek() else {
                return self.end_of_backlog().unwrap_or(Step::Idle);
            };
            let (due, withheld) = (next.due, self.withheld.contains(&next.lane));
            let in_backlog = seq < self.backlog_end;
            if let Stops::After(count) = self.stops
                && self.backlog_sent >= count
            {
                let said = self.end_with(count);
                return said.unwrap_or(Step::Idle);
            }
            if !in_backlog && let Some(step) = self.end_of_backlog() {
                return step;
            }
            if in_backlog && self.credit == 0 {
                return Step::Idle;
            }
            if due > now {
                return Step::Later(due);
            }
            if withheld {
                self.mailbox.skip();
                continue;
            }
            let Some((_, owed)) = self.mailbox.advance() else {
                return Step::Idle;
            };
            let offline = in_backlog.then(|| {
                self.credit -= 1;
                self.backlog_sent += 1;
                self.backlog_sent - 1
            });
            return Step::Write(Box::new(Delivery { owed, offline }));
        }
    }

    fn end_of_backlog(&mut self) -> Option<Step> {
        self.end_with(self.backlog_size)
    }

    fn end_with(&mut self, count: usize) -> Option<Step> {
        (!std::mem::replace(&mut self.caught_up, true)).then_some(Step::CaughtUp(count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mailbox::Class;
    use wacore_binary::builder::NodeBuilder;

    fn push(post: &mut Post, id: &str, lane: &str) {
        let owed = Owed {
            class: Class::Message,
            id: id.into(),
            lane: lane.into(),
            node: NodeBuilder::new("message").build(),
            due: Duration::ZERO,
            copies: 1,
            written: 0,
        };
        post.push(owed).unwrap();
    }

    fn script(post: &mut Post) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            match post.step(Duration::ZERO) {
                Step::Write(d) => lines.push(d.owed.id),
                Step::CaughtUp(n) => lines.push(format!("caught up {n}")),
                Step::Later(_) | Step::Idle => return lines,
            }
        }
    }

    #[test]
    fn nothing_is_sent_before_the_device_is_ready() {
        let mut post = Post::default();
        push(&mut post, "1", "a");
        assert!(script(&mut post).is_empty());
        assert_eq!(post.activate().messages, 1);
        assert_eq!(script(&mut post), ["1", "caught up 1"]);
    }

    #[test]
    fn a_long_backlog_waits_for_the_client_to_ask_and_live_messages_wait_behind_it() {
        let mut post = Post::default();
        for n in 0..8 {
            push(&mut post, &n.to_string(), "a");
        }
        post.activate();
        push(&mut post, "live", "a");
        assert_eq!(script(&mut post), ["0", "1", "2", "3", "4"]);
        assert!(post.starved());
        post.grant(100);
        assert_eq!(script(&mut post), ["5", "6", "7", "caught up 8", "live"]);
    }

    #[test]
    fn a_withheld_conversation_comes_after_the_next_login_in_order() {
        let mut post = Post::default();
        post.activate();
        assert_eq!(script(&mut post), ["caught up 0"]);
        push(&mut post, "a1", "a");
        post.withhold("a");
        push(&mut post, "b1", "b");
        push(&mut post, "a2", "a");
        assert_eq!(script(&mut post), ["b1"]);
        assert!(post.mailbox().settle(Class::Message, "b1").is_some());
        post.activate();
        assert_eq!(script(&mut post), ["a1", "a2", "caught up 2"]);
    }

    #[test]
    fn a_message_that_vanishes_is_announced_and_never_comes() {
        let mut post = Post::default();
        for id in ["1", "2", "3"] {
            push(&mut post, id, "a");
        }
        post.vanish(["2".to_owned()]);
        assert_eq!(post.activate().messages, 3);
        assert_eq!(script(&mut post), ["1", "3", "caught up 3"]);
        assert_eq!(post.activate().messages, 2);
    }

    #[test]
    fn a_backlog_that_stops_half_way_goes_on_after_the_next_login() {
        let mut post = Post::default();
        for id in ["1", "2", "3", "4"] {
            push(&mut post, id, "a");
        }
        post.activate();
        post.stop_half_way();
        push(&mut post, "live", "a");
        assert_eq!(script(&mut post), ["1", "2", "caught up 2"]);
        for id in ["1", "2"] {
            assert!(post.mailbox().settle(Class::Message, id).is_some());
        }
        assert_eq!(post.activate().messages, 3);
        assert_eq!(script(&mut post), ["3", "4", "live", "caught up 3"]);
    }

    #[test]
    fn a_stanza_is_not_early() {
        let mut post = Post::default();
        post.activate();
        script(&mut post);
        push(&mut post, "1", "a");
        post.mailbox().delay_last(Duration::from_secs(1));
        assert!(matches!(post.step(Duration::ZERO), Step::Later(t) if t == Duration::from_secs(1)));
        assert!(matches!(post.step(Duration::from_secs(1)), Step::Write(_)));
    }
}
