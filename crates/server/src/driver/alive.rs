//! Whether an account's connection lives, and how it is brought back: the engine's [`Liveness`] and
//! ladder with a connection to ask, a log, metrics and events.

use super::life::{Arrival, Command, Life};
use super::{plan, told};
use crate::api::ports::{Condition, LinkPhase};
use crate::clock;
use serde_json::json;
use waypost_engine::fleet::connect::Client;
use waypost_engine::fleet::{
    Answer, Call, ConnectInput, Doing, DownReason, LivenessEffect, Recovery, Rung, Signal,
};
use waypost_engine::model::event::kind;
use waypost_engine::model::{Duration, Timestamp};
use waypost_wa::{ChannelEvent, Connection};

/// When the phone was last seen is written down this often at most.
const PHONE_NOTED_EVERY: Duration = Duration::hours(1);
/// WhatsApp's answer when the account may not start new chats for now.
const RESTRICTED: u32 = 463;

/// What others see of an account's condition.
#[derive(Debug, Clone, Default)]
pub(super) struct Shown {
    pub(super) next_attempt: Option<Timestamp>,
    pub(super) shown: Condition,
}

/// A question to a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Question {
    /// Whether the server answers.
    Probe,
    /// Whether messages pass.
    RoundTrip,
}

impl Question {
    /// What its answer means.
    pub(super) fn signal(self, answer: Answer) -> Signal {
        match self {
            Self::Probe => Signal::Probed(answer),
            Self::RoundTrip => Signal::RoundTrip(answer),
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Probe => "probe",
            Self::RoundTrip => "round_trip",
        }
    }

    async fn ask(self, connection: &Connection, wait: Duration) -> Answer {
        match self {
            Self::Probe => connection.probe(wait.into()).await,
            Self::RoundTrip => connection.round_trip(wait.into()).await,
        }
    }
}

/// What a report of the channel says about life, if anything.
pub(super) fn signal_of(event: &ChannelEvent) -> Option<Signal> {
    match event {
        ChannelEvent::Placeholder(message) => Some(Signal::Unreadable(message.sender.clone())),
        ChannelEvent::ServerAck {
            error: Some(RESTRICTED),
            ..
        } => Some(Signal::Refused),
        _ => None,
    }
}

impl Life {
    /// Takes a sign of life, or of its absence, and does what follows.
    pub(super) async fn feel(&mut self, signal: Signal) {
        let vitals = self.connection.borrow().as_ref().map(Connection::vitals);
        let vitals = vitals.unwrap_or_default();
        for effect in self.liveness.step(&signal, &vitals, clock::now()) {
            match effect {
                LivenessEffect::Probe { wait } => self.ask(Question::Probe, wait),
                LivenessEffect::RoundTrip { wait } => self.ask(Question::RoundTrip, wait),
                LivenessEffect::Sick(reason) => self.step(ConnectInput::Sick(reason)).await,
                LivenessEffect::Well => self.step(ConnectInput::Well).await,
                LivenessEffect::Replace(down) => self.replace(down).await,
            }
        }
        self.note_phone().await;
    }

    /// Asks in the background; [`Arrival::Answered`] follows.
    fn ask(&self, question: Question, wait: Duration) {
        let Some((no, Some(connection))) = &self.own else {
            return;
        };
        let (no, connection, arrive) = (*no, connection.clone(), self.arrive.clone());
        tokio::spawn(async move {
            let answer = question.ask(&connection, wait).await;
            let outcome = match answer {
                Answer::Came => "answered",
                Answer::Missing => "missing",
                Answer::NotAsked => "not_asked",
            };
            metrics::counter!(
                "waypost_liveness_questions_total",
                "question" => question.as_str(), "outcome" => outcome
            )
            .increment(1);
            // A loop that has ended needs no answer.
            let _ = arrive.send(Arrival::Answered(no, question, answer)).await;
        });
    }

    /// Gives up a connection that is open and of no use. What it says is shown before it is closed,
    /// which may take a while when nobody answers.
    pub(super) async fn replace(&mut self, why: DownReason) {
        tracing::warn!(account = %self.account, reason = why.reason().code(), "the connection is replaced");
        self.connection.send_replace(None);
        self.lost_sight();
        self.step(ConnectInput::Down(why)).await;
        self.publish();
        self.close_own().await;
    }

    /// The connection is gone: nothing is known of life any more.
    pub(super) fn lost_sight(&mut self) {
        let vitals = waypost_engine::fleet::Vitals::default();
        self.liveness
            .step(&Signal::Disconnected, &vitals, clock::now());
    }

    /// What a rung drops of what is held in memory, before its connection opens. The connection
    /// itself always begins with what the store holds.
    pub(super) fn prepare(&self, client: Client) {
        if let Some(recovery) = self.recovery() {
            let rung = recovery.rung.as_str();
            metrics::counter!("waypost_recovery_attempts_total", "rung" => rung).increment(1);
        }
        if matches!(client, Client::Restored | Client::Fresh) {
            self.context.identity_changed(self.account);
        }
        if client == Client::Fresh
            && let Some(running) = self.context.registry.get(self.account)
        {
            running.flow.reread();
            running.outbox.reread();
        }
    }

    /// Lets the other accounts know that an outage is over. One that does not listen waits on.
    pub(super) fn tell_network_back(&self) {
        tracing::info!(account = %self.account, "WhatsApp can be reached again");
        for other in self.context.registry.all() {
            let _ = other.life.commands.try_send(Command::NetworkBack);
        }
    }

    /// How the account is being brought back. A link that a person began for it is a rung too.
    pub(super) fn recovery(&self) -> Option<Recovery> {
        let Some(before) = &self.before_link else {
            return self.connect.recovery();
        };
        let (rung, doing) = match self.link_status.borrow().phase {
            LinkPhase::Linked => return self.connect.recovery(),
            LinkPhase::ShowingCode => (Rung::RelinkCode, Doing::Asking),
            LinkPhase::Failed => (Rung::Person, Doing::Offered),
            LinkPhase::Cancelled => (Rung::RelinkQr, Doing::Offered),
            LinkPhase::Idle | LinkPhase::Waiting | LinkPhase::ShowingQr => {
                (Rung::RelinkQr, Doing::Asking)
            }
        };
        let then = match rung {
            Rung::RelinkQr => Rung::RelinkCode,
            _ => Rung::Person,
        };
        Some(Recovery {
            rung,
            doing,
            then,
            call: Call::Made,
            ..before.clone()
        })
    }

    /// Shows the account's condition to whoever asks.
    pub(super) fn publish(&self) {
        let shown = Condition {
            recovery: self.recovery(),
            liveness: self.liveness.view(),
        };
        self.condition.send_replace(Shown {
            next_attempt: self.connect.next_attempt(),
            shown,
        });
    }

    /// Logs, counts and tells what has changed about how the account is brought back.
    pub(super) async fn report(&self, before: Option<Recovery>) {
        let now = self.recovery();
        let place = |recovery: &Option<Recovery>| recovery.as_ref().map(|r| (r.rung, r.call));
        if place(&before) == place(&now) {
            return;
        }
        let account = self.account;
        match (&before, &now) {
            (Some(before), None) => {
                let rung = before.rung.as_str();
                tracing::info!(%account, rung, "well again");
                metrics::counter!("waypost_recovery_healed_total", "rung" => rung).increment(1);
            }
            (_, Some(now)) => {
                let (rung, reason) = (now.rung.as_str(), now.reason.code());
                tracing::info!(%account, rung, reason, class = now.class.as_str(), "recovering");
                let called = before.as_ref().is_some_and(|b| b.call == Call::Made);
                if now.call == Call::Made && !called {
                    metrics::counter!("waypost_recovery_calls_total", "reason" => reason)
                        .increment(1);
                }
            }
            (None, None) => {}
        }
        self.tell(now.as_ref()).await;
    }

    async fn tell(&self, now: Option<&Recovery>) {
        let data = now.map_or_else(
            || json!({"recovery": null}),
            |now| {
                json!({"recovery": {
                    "rung": now.rung, "reason": now.reason.code(), "text": now.reason.explain(),
                    "class": now.class, "person_called": now.call == Call::Made,
                }})
            },
        );
        let store = &self.context.store;
        let told = told::tell(store, self.account, None, kind::ACCOUNT_RECOVERY, data).await;
        if let Err(error) = told {
            tracing::error!(account = %self.account, %error, "a step of recovery cannot be told");
        }
    }

    /// Takes up what an earlier process knew of the phone.
    pub(super) async fn recall_phone(&mut self) {
        match plan::phone_seen(&self.context.store, self.account).await {
            Ok(Some(at)) => {
                self.phone_noted = Some(at);
                let vitals = waypost_engine::fleet::Vitals::default();
                self.liveness
                    .step(&Signal::PhoneSeen(at), &vitals, clock::now());
            }
            Ok(None) => {}
            Err(error) => {
                tracing::error!(account = %self.account, %error, "when the phone was last seen cannot be read");
            }
        }
    }

    /// Writes down when the phone was last seen, now and then.
    async fn note_phone(&mut self) {
        let Some(at) = self.liveness.phone_at() else {
            return;
        };
        let due = |noted: Timestamp| at.since(noted) >= PHONE_NOTED_EVERY;
        if self.phone_noted.is_some_and(|noted| !due(noted)) {
            return;
        }
        match plan::note_phone(&self.context.store, self.account, at).await {
            Ok(()) => self.phone_noted = Some(at),
            Err(error) => {
                tracing::error!(account = %self.account, %error, "when the phone was last seen cannot be stored");
            }
        }
    }
}
