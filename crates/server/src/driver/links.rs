//! The linking part of an account's life: sockets for the engine's [`LinkFlow`], and what a
//! person sees of it.

use super::life::{Arrival, ConnectionNo, Life};
use super::link_measures as measures;
use super::told;
use crate::api::ports::{FleetError, LinkMethod, LinkPhase, LinkStatus, LinkWay};
use crate::clock;
use serde_json::json;
use std::collections::HashMap;
use waypost_engine::fleet::link::{LinkConfig, LinkMethod as Way};
use waypost_engine::fleet::{LinkEffect, LinkEvent, LinkFlow, LinkOutcome, LinkRecord, SocketNo};
use waypost_engine::model::event::kind;
use waypost_engine::model::{Address, Duration, Reason, Timestamp};
use waypost_wa::{ChannelEvent, Connection, Purpose};

/// The sockets of a link.
#[derive(Default)]
pub(super) struct Sockets {
    numbers: HashMap<ConnectionNo, SocketNo>,
    open: HashMap<SocketNo, Connection>,
}

impl Sockets {
    /// Which socket a connection is.
    pub(super) fn number(&self, no: ConnectionNo) -> Option<SocketNo> {
        self.numbers.get(&no).copied()
    }

    /// Notes that a connection is open; false when nobody wants it any more.
    pub(super) fn opened(&mut self, no: ConnectionNo, connection: &Connection) -> bool {
        let Some(socket) = self.number(no) else {
            return false;
        };
        self.open.insert(socket, connection.clone());
        true
    }

    fn forget(&mut self, socket: SocketNo) -> Option<Connection> {
        self.numbers.retain(|_, number| *number != socket);
        self.open.remove(&socket)
    }
}

/// A link that waits for its turn or is under way.
#[derive(Debug)]
pub(super) enum LinkTask {
    /// Waiting for one of the few places.
    Queued { way: Way, phone: Option<Address> },
    /// Under way.
    Running { flow: Box<LinkFlow>, way: Way },
}

impl LinkTask {
    pub(super) fn wake_at(&self) -> Option<Timestamp> {
        match self {
            Self::Queued { .. } => None,
            Self::Running { flow, .. } => flow.wake_at(),
        }
    }
}

impl Life {
    pub(super) async fn start_link(&mut self, method: LinkMethod) -> Result<(), FleetError> {
        self.cancel_link().await;
        let account = self.context.store.account(self.account).await?;
        let (way, phone) = match method {
            LinkMethod::Qr => (Way::Qr, account.phone),
            LinkMethod::Code { phone } => (Way::Code, Some(phone)),
        };
        let Ok(turn) = self.context.gate.may_link(self.account) else {
            return Err(FleetError::Busy);
        };
        self.show(
            LinkPhase::Waiting,
            way,
            "Waiting for WhatsApp's first code.",
        );
        self.link = Some(LinkTask::Queued { way, phone });
        match turn {
            None => self.link_turn().await,
            Some(turn) => {
                self.show(
                    LinkPhase::Waiting,
                    way,
                    "Other links are in progress; this one starts in its turn.",
                );
                let arrive = self.arrive.clone();
                tokio::spawn(async move {
                    if turn.await.is_ok() {
                        // A loop that has ended has given its turn back already.
                        let _ = arrive.send(Arrival::LinkTurn).await;
                    }
                });
            }
        }
        Ok(())
    }

    pub(super) async fn link_turn(&mut self) {
        let Some(LinkTask::Queued { way, phone }) = self.link.take() else {
            return;
        };
        let before = match self.context.store.account(self.account).await {
            Ok(account) => account.state,
            Err(error) => {
                self.context.gate.linked(self.account);
                return self.show(LinkPhase::Failed, way, &error.to_string());
            }
        };
        if let Err(error) = self.make_room().await {
            self.context.gate.linked(self.account);
            return self.show(LinkPhase::Failed, way, &error.to_string());
        }
        let config = LinkConfig {
            window: self.context.windows.of(self.account).window,
            regenerations_max: self.context.config.link.regenerations_max.into(),
        };
        let (flow, effects) = LinkFlow::start(config, way, phone, before, clock::now());
        self.link = Some(LinkTask::Running {
            flow: Box::new(flow),
            way,
        });
        self.link_effects(effects).await;
    }

    pub(super) async fn cancel_link(&mut self) {
        match self.link.take() {
            None => {}
            Some(LinkTask::Queued { way, .. }) => {
                self.context.gate.linked(self.account);
                self.show(LinkPhase::Cancelled, way, &Reason::LinkCancelled.explain());
            }
            Some(LinkTask::Running { mut flow, way }) => {
                let effects = flow.cancel(clock::now());
                self.link = Some(LinkTask::Running { flow, way });
                self.link_effects(effects).await;
            }
        }
    }

    pub(super) async fn tick_link(&mut self) {
        if let Some(LinkTask::Running { flow, .. }) = &mut self.link {
            let effects = flow.tick(clock::now());
            self.link_effects(effects).await;
        }
    }

    pub(super) async fn link_event(
        &mut self,
        no: ConnectionNo,
        socket: SocketNo,
        event: ChannelEvent,
    ) {
        let Some(LinkTask::Running { flow, .. }) = &mut self.link else {
            return;
        };
        let now = clock::now();
        let told = match event {
            ChannelEvent::QrCode { text, valid_for } => LinkEvent::QrCode {
                text,
                valid_for: span(valid_for),
            },
            ChannelEvent::QrExhausted => LinkEvent::QrExhausted,
            ChannelEvent::PairingCode { code, valid_for } => LinkEvent::PairingCode {
                code,
                valid_for: span(valid_for),
            },
            ChannelEvent::PairingCodeFailed { error, .. } => LinkEvent::PairingCodeFailed { error },
            ChannelEvent::PasskeyRequired => LinkEvent::PasskeyRequired,
            ChannelEvent::LinkFailed { error } => LinkEvent::LinkFailed { error },
            ChannelEvent::Down(reason) => LinkEvent::Down(reason),
            ChannelEvent::Linked { phone, lid, .. } => {
                let effects = flow.event(socket, LinkEvent::Linked, now);
                let connection = self.sockets.forget(socket);
                self.set_identity(phone, lid).await;
                if let Some(running) = self.context.registry.get(self.account) {
                    running.gaps.linked().await;
                }
                self.link_effects(effects).await;
                return self.adopt(no, connection).await;
            }
            _ => return,
        };
        let effects = flow.event(socket, told, now);
        self.link_effects(effects).await;
    }

    pub(super) async fn link_effect(&mut self, effect: LinkEffect) {
        match effect {
            LinkEffect::OpenSocket(socket) => {
                let no = self.open(Purpose::Link);
                self.sockets.numbers.insert(no, socket);
            }
            LinkEffect::CloseSocket(socket) => {
                if let Some(connection) = self.sockets.forget(socket) {
                    connection.close().await;
                }
            }
            LinkEffect::ShowQr { text, until } => {
                self.show_qr(text, until);
                self.tell_code(LinkWay::Qr, until).await;
            }
            LinkEffect::ShowCode { code, until } => {
                self.show_code(code, until);
                self.tell_code(LinkWay::Code, until).await;
            }
            LinkEffect::RequestPairingCode { socket, phone } => self.ask_code(socket, phone),
            LinkEffect::SetState(state, reason) => self.set_state(state, reason).await,
            LinkEffect::Record(record) => self.ended(record).await,
        }
    }

    /// Tells that a new code is on show. The code itself is in no event: whoever reads it can link.
    async fn tell_code(&self, way: LinkWay, until: Timestamp) {
        let way = match way {
            LinkWay::Qr => "qr",
            LinkWay::Code => "code",
        };
        let data = json!({"account": self.account, "method": way, "until": clock::iso(until)});
        let store = &self.context.store;
        if let Err(error) = told::tell(store, self.account, None, kind::LINK_CODE, data).await {
            tracing::error!(account = %self.account, %error, "a new code cannot be told of");
        }
    }

    /// Asks for a pairing code in the background; the code, or why there is none, comes as an
    /// event of the connection.
    fn ask_code(&self, socket: SocketNo, phone: Address) {
        let Some(connection) = self.sockets.open.get(&socket).cloned() else {
            return;
        };
        let no = self
            .sockets
            .numbers
            .iter()
            .find(|(_, s)| **s == socket)
            .map(|(no, _)| *no);
        let (Some(no), arrive) = (no, self.arrive.clone()) else {
            return;
        };
        tokio::spawn(async move {
            if let Err(error) = connection.pair_code(&phone).await {
                let failed = ChannelEvent::PairingCodeFailed {
                    throttled: false,
                    error: error.to_string(),
                };
                // A loop that has ended has closed the socket.
                let _ = arrive.send(Arrival::Event(no, failed)).await;
            }
        });
    }

    async fn ended(&mut self, record: LinkRecord) {
        self.context.gate.linked(self.account);
        self.link = None;
        let way = record.method;
        measures::ended(&record);
        match &record.outcome {
            LinkOutcome::Linked => {
                self.show(LinkPhase::Linked, way, "Linked; connecting now.");
            }
            LinkOutcome::Cancelled => {
                self.show(LinkPhase::Cancelled, way, &Reason::LinkCancelled.explain());
            }
            LinkOutcome::Expired => {
                self.show(LinkPhase::Failed, way, &Reason::LinkExpired.explain());
            }
            LinkOutcome::Passkey => {
                self.show(LinkPhase::Failed, way, &Reason::PasskeyRequired.explain());
            }
            LinkOutcome::Failed { error } => self.show(LinkPhase::Failed, way, error),
        }
        self.context.record_link(self.account, record).await;
    }

    fn show(&self, phase: LinkPhase, way: Way, message: &str) {
        let regeneration = self.link_status.borrow().regeneration;
        self.link_status.send_replace(LinkStatus {
            phase,
            method: Some(link_way(way)),
            message: message.to_owned(),
            regeneration,
            regenerations_max: self.context.config.link.regenerations_max,
            ..LinkStatus::default()
        });
    }

    fn show_qr(&self, text: String, until: Timestamp) {
        measures::code_shown(LinkWay::Qr);
        let status = LinkStatus {
            phase: LinkPhase::ShowingQr,
            method: Some(LinkWay::Qr),
            qr: Some(text),
            qr_expires_at: Some(until),
            message: Reason::AwaitingScan.explain(),
            ..self.progress()
        };
        self.link_status.send_replace(status);
    }

    fn show_code(&self, code: String, until: Timestamp) {
        measures::code_shown(LinkWay::Code);
        let status = LinkStatus {
            phase: LinkPhase::ShowingCode,
            method: Some(LinkWay::Code),
            code: Some(code),
            message: Reason::AwaitingCode.explain(),
            window_ends_at: Some(until),
            ..self.progress()
        };
        self.link_status.send_replace(status);
    }

    fn progress(&self) -> LinkStatus {
        let (regeneration, window_ends_at) = match &self.link {
            Some(LinkTask::Running { flow, .. }) => (flow.regenerations(), flow.closes_at()),
            _ => (0, None),
        };
        LinkStatus {
            window_ends_at,
            regeneration: u8::try_from(regeneration).unwrap_or(u8::MAX),
            regenerations_max: self.context.config.link.regenerations_max,
            ..LinkStatus::default()
        }
    }
}

fn link_way(way: Way) -> LinkWay {
    match way {
        Way::Qr => LinkWay::Qr,
        Way::Code => LinkWay::Code,
    }
}

fn span(time: std::time::Duration) -> Duration {
    Duration::millis(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}
