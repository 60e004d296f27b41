//! Linking an account: QR codes in windows, new sets of them, the pairing code, and the end.
//!
//! One [`LinkFlow`] is one attempt. It is handed what the channel reports and says what to do; it
//! owns no timer and no socket: [`LinkFlow::wake_at`] says when to call [`LinkFlow::tick`], and is
//! `None` once the attempt has ended. Every socket has a number, so that a late word from a
//! replaced one changes nothing.

use super::down::{DownReason, Remedy};
use crate::model::account::{AccountState, Reason};
use crate::model::address::Address;
use crate::model::time::{Duration, Timestamp};
use serde::{Deserialize, Serialize};

/// How long a set of QR codes is shown before a new one is made.
pub const WINDOW_DEFAULT: Duration = Duration::secs(120);
/// New sets after the first; then the pairing code, or a person.
pub const REGENERATIONS_MAX: u32 = 3;
/// A shown QR code stays at least this long, so that it does not change under a camera.
pub const QR_DEBOUNCE: Duration = Duration::secs(2);
/// How long a pairing code is awaited when the channel does not say.
pub const CODE_WINDOW: Duration = Duration::secs(180);
/// How long a socket may take to bring its first code.
pub const OPEN_TIMEOUT: Duration = Duration::secs(30);
/// Sockets within one window (codes used up, connection lost). After these the window closes.
pub const SOCKETS_PER_WINDOW_MAX: u32 = 4;
/// Wait before a lost socket is replaced.
pub const REOPEN_WAIT: Duration = Duration::secs(2);

/// How the person wants to link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkMethod {
    /// Scanning a QR code.
    Qr,
    /// Typing an 8-character code on the phone.
    Code,
}

/// The settings of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkConfig {
    /// How long a set of QR codes is shown.
    pub window: Duration,
    /// New sets after the first.
    pub regenerations_max: u32,
}

impl Default for LinkConfig {
    fn default() -> Self {
        Self {
            window: WINDOW_DEFAULT,
            regenerations_max: REGENERATIONS_MAX,
        }
    }
}

/// Which of an attempt's sockets something is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SocketNo(pub u32);

/// What the channel reports about one socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkEvent {
    /// A QR code to show.
    QrCode {
        /// What the QR code says.
        text: String,
        /// How long WhatsApp accepts it.
        valid_for: Duration,
    },
    /// The socket has no more QR codes.
    QrExhausted,
    /// The pairing code that was asked for, or a newer one.
    PairingCode {
        /// Eight characters.
        code: String,
        /// How long WhatsApp accepts it.
        valid_for: Duration,
    },
    /// WhatsApp gave no pairing code.
    PairingCodeFailed {
        /// What happened, for a person.
        error: String,
    },
    /// The phone wants a passkey.
    PasskeyRequired,
    /// The phone accepted.
    Linked,
    /// The phone or the server refused.
    LinkFailed {
        /// What happened, for a person.
        error: String,
    },
    /// The socket is gone, or could not be opened.
    Down(DownReason),
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkEffect {
    /// Open a socket for linking; report what it says under this number.
    OpenSocket(SocketNo),
    /// Close it and everything that belongs to it.
    CloseSocket(SocketNo),
    /// Show this QR code in place of the last one.
    ShowQr {
        /// What it says.
        text: String,
        /// Until when WhatsApp accepts it.
        until: Timestamp,
    },
    /// Ask WhatsApp for a pairing code over this socket.
    RequestPairingCode {
        /// The socket.
        socket: SocketNo,
        /// The account's number.
        phone: Address,
    },
    /// Show this pairing code in place of what was shown.
    ShowCode {
        /// Eight characters.
        code: String,
        /// Until when WhatsApp accepts it.
        until: Timestamp,
    },
    /// The account's state.
    SetState(AccountState, Reason),
    /// The attempt has ended: remember it.
    Record(LinkRecord),
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum LinkOutcome {
    /// The phone accepted.
    Linked,
    /// Nobody scanned or typed in time.
    Expired,
    /// A person cancelled it.
    Cancelled,
    /// The phone wants a passkey.
    Passkey,
    /// It was refused.
    Failed {
        /// What happened, for a person.
        error: String,
    },
}

/// One attempt, for metrics and for learning how long people take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkRecord {
    /// How it was begun.
    pub method: LinkMethod,
    /// When.
    pub started_at: Timestamp,
    /// When its first code was shown, if any was.
    pub first_code_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Timestamp,
    /// QR codes and pairing codes shown.
    pub codes_shown: u32,
    /// New sets made because a window closed.
    pub regenerations: u32,
    /// It fell back from QR to the pairing code.
    pub fell_back: bool,
    /// From the first code of the last window to the phone's answer; only when linked.
    pub scan_time_ms: Option<u64>,
    /// How it ended.
    pub outcome: LinkOutcome,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Phase {
    Qr {
        closes_at: Timestamp,
        sockets: u32,
        waiting_qr: Option<(String, Timestamp)>,
        first_shown: Option<Timestamp>,
        last_shown: Option<Timestamp>,
    },
    Code {
        phone: Address,
        closes_at: Timestamp,
        requested: bool,
        first_shown: Option<Timestamp>,
    },
    Ended,
}

/// One attempt to link an account.
#[derive(Debug)]
pub struct LinkFlow {
    config: LinkConfig,
    method: LinkMethod,
    phone: Option<Address>,
    before: AccountState,
    started_at: Timestamp,
    phase: Phase,
    socket: SocketNo,
    open: bool,
    reopen_at: Option<Timestamp>,
    first_code_at: Option<Timestamp>,
    codes_shown: u32,
    regenerations: u32,
    fell_back: bool,
}

impl LinkFlow {
    /// Begins an attempt. `phone` makes pairing codes possible; `before` is the account's state
    /// to return to when cancelled. A pairing code without a phone number ends at once.
    #[must_use]
    pub fn start(
        config: LinkConfig,
        method: LinkMethod,
        phone: Option<Address>,
        before: AccountState,
        now: Timestamp,
    ) -> (Self, Vec<LinkEffect>) {
        let mut flow = Self {
            config,
            method,
            phone,
            before,
            started_at: now,
            phase: Phase::Ended,
            socket: SocketNo(0),
            open: false,
            reopen_at: None,
            first_code_at: None,
            codes_shown: 0,
            regenerations: 0,
            fell_back: false,
        };
        let mut effects = Vec::new();
        match (method, flow.phone.clone()) {
            (LinkMethod::Qr, _) => flow.open_qr_window(now, &mut effects),
            (LinkMethod::Code, Some(phone)) => flow.open_code_window(phone, now, &mut effects),
            (LinkMethod::Code, None) => {
                let error = "a pairing code needs the account's phone number".to_owned();
                flow.fail(error, now, &mut effects);
            }
        }
        (flow, effects)
    }

    /// Takes what the channel reports.
    pub fn event(&mut self, socket: SocketNo, event: LinkEvent, now: Timestamp) -> Vec<LinkEffect> {
        let mut effects = Vec::new();
        if self.is_ended() || socket != self.socket || !self.open {
            return effects;
        }
        match event {
            LinkEvent::QrCode { text, valid_for } => {
                self.qr(text, now + valid_for, now, &mut effects)
            }
            LinkEvent::QrExhausted => self.socket_used_up(now, &mut effects),
            LinkEvent::PairingCode { code, valid_for } => {
                self.code(code, valid_for, now, &mut effects);
            }
            LinkEvent::PairingCodeFailed { error } | LinkEvent::LinkFailed { error } => {
                self.fail(error, now, &mut effects);
            }
            LinkEvent::PasskeyRequired => {
                let state = (AccountState::NeedsAttention, Reason::PasskeyRequired);
                self.end(LinkOutcome::Passkey, state, now, &mut effects);
            }
            LinkEvent::Linked => self.linked(now, &mut effects),
            LinkEvent::Down(down) => self.down(&down, now, &mut effects),
        }
        effects
    }

    /// Time passed; see [`LinkFlow::wake_at`].
    pub fn tick(&mut self, now: Timestamp) -> Vec<LinkEffect> {
        let mut effects = Vec::new();
        if self.closes_at().is_some_and(|at| at <= now) {
            self.window_closed(now, &mut effects);
            return effects;
        }
        if self.reopen_at.is_some_and(|at| at <= now) {
            self.open_socket(&mut effects);
        }
        self.show_waiting_qr(now, &mut effects);
        effects
    }

    /// A person wants to stop.
    pub fn cancel(&mut self, now: Timestamp) -> Vec<LinkEffect> {
        let mut effects = Vec::new();
        if !self.is_ended() {
            let state = match self.before {
                AccountState::New | AccountState::LoggedOut | AccountState::Disabled => self.before,
                _ => AccountState::NeedsAttention,
            };
            self.end(
                LinkOutcome::Cancelled,
                (state, Reason::LinkCancelled),
                now,
                &mut effects,
            );
        }
        effects
    }

    /// When to call [`LinkFlow::tick`] next; `None` once the attempt has ended.
    #[must_use]
    pub fn wake_at(&self) -> Option<Timestamp> {
        let shows_at = match &self.phase {
            Phase::Qr {
                waiting_qr: Some(_),
                last_shown: Some(at),
                ..
            } => Some(*at + QR_DEBOUNCE),
            _ => None,
        };
        [self.closes_at(), self.reopen_at, shows_at]
            .into_iter()
            .flatten()
            .min()
    }

    /// True once nothing more will happen.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.phase == Phase::Ended
    }

    /// When the present window closes, for a countdown.
    #[must_use]
    pub fn closes_at(&self) -> Option<Timestamp> {
        match &self.phase {
            Phase::Qr { closes_at, .. } | Phase::Code { closes_at, .. } => Some(*closes_at),
            Phase::Ended => None,
        }
    }

    /// New sets made so far.
    #[must_use]
    pub fn regenerations(&self) -> u32 {
        self.regenerations
    }

    fn open_socket(&mut self, effects: &mut Vec<LinkEffect>) {
        self.reopen_at = None;
        self.socket = SocketNo(self.socket.0 + 1);
        self.open = true;
        effects.push(LinkEffect::OpenSocket(self.socket));
    }

    fn close_socket(&mut self, effects: &mut Vec<LinkEffect>) {
        self.reopen_at = None;
        if std::mem::take(&mut self.open) {
            effects.push(LinkEffect::CloseSocket(self.socket));
        }
    }

    fn open_qr_window(&mut self, now: Timestamp, effects: &mut Vec<LinkEffect>) {
        self.phase = Phase::Qr {
            closes_at: now + OPEN_TIMEOUT,
            sockets: 1,
            waiting_qr: None,
            first_shown: None,
            last_shown: None,
        };
        effects.push(LinkEffect::SetState(
            AccountState::Linking,
            Reason::AwaitingScan,
        ));
        self.open_socket(effects);
    }

    fn open_code_window(&mut self, phone: Address, now: Timestamp, effects: &mut Vec<LinkEffect>) {
        let closes_at = now + OPEN_TIMEOUT;
        self.phase = Phase::Code {
            phone,
            closes_at,
            requested: false,
            first_shown: None,
        };
        effects.push(LinkEffect::SetState(
            AccountState::Linking,
            Reason::AwaitingCode,
        ));
        self.open_socket(effects);
    }

    fn qr(
        &mut self,
        text: String,
        until: Timestamp,
        now: Timestamp,
        effects: &mut Vec<LinkEffect>,
    ) {
        let socket = self.socket;
        match &mut self.phase {
            Phase::Qr { waiting_qr, .. } => {
                *waiting_qr = Some((text, until));
                self.show_waiting_qr(now, effects);
            }
            // The first QR code says that the socket is ready for a pairing code.
            Phase::Code {
                phone, requested, ..
            } if !*requested => {
                *requested = true;
                effects.push(LinkEffect::RequestPairingCode {
                    socket,
                    phone: phone.clone(),
                });
            }
            Phase::Code { .. } | Phase::Ended => {}
        }
    }

    fn show_waiting_qr(&mut self, now: Timestamp, effects: &mut Vec<LinkEffect>) {
        let window = self.config.window;
        let Phase::Qr {
            closes_at,
            waiting_qr,
            first_shown,
            last_shown,
            ..
        } = &mut self.phase
        else {
            return;
        };
        if last_shown.is_some_and(|at| at + QR_DEBOUNCE > now) {
            return;
        }
        let Some((text, until)) = waiting_qr.take() else {
            return;
        };
        *last_shown = Some(now);
        if first_shown.is_none() {
            *first_shown = Some(now);
            *closes_at = now + window;
        }
        self.codes_shown += 1;
        self.first_code_at.get_or_insert(now);
        effects.push(LinkEffect::ShowQr { text, until });
    }

    fn code(
        &mut self,
        code: String,
        valid_for: Duration,
        now: Timestamp,
        out: &mut Vec<LinkEffect>,
    ) {
        let Phase::Code {
            closes_at,
            first_shown,
            ..
        } = &mut self.phase
        else {
            return;
        };
        // A refreshed code is shown, but the person's time is counted from the first.
        if first_shown.is_none() {
            *first_shown = Some(now);
            let window = if valid_for == Duration(0) {
                CODE_WINDOW
            } else {
                valid_for
            };
            *closes_at = now + window;
        }
        self.codes_shown += 1;
        self.first_code_at.get_or_insert(now);
        out.push(LinkEffect::ShowCode {
            code,
            until: now + valid_for,
        });
    }

    /// The socket can bring no more codes although the window is open.
    fn socket_used_up(&mut self, now: Timestamp, effects: &mut Vec<LinkEffect>) {
        // A pairing code is typed on the same socket whose QR codes ran out.
        if matches!(self.phase, Phase::Qr { .. }) {
            self.close_socket(effects);
            self.replace_socket(now, effects);
        }
    }

    fn replace_socket(&mut self, now: Timestamp, effects: &mut Vec<LinkEffect>) {
        match &mut self.phase {
            Phase::Qr {
                sockets,
                waiting_qr,
                ..
            } if *sockets < SOCKETS_PER_WINDOW_MAX => {
                *sockets += 1;
                *waiting_qr = None;
                self.reopen_at = Some(now + REOPEN_WAIT);
            }
            _ => self.window_closed(now, effects),
        }
    }

    fn down(&mut self, down: &DownReason, now: Timestamp, effects: &mut Vec<LinkEffect>) {
        self.open = false;
        // Nobody who waits for a code can help a proxy: say so at once.
        let remedy = match down {
            DownReason::ProxyUnreachable { .. } => Remedy::Person,
            other => other.remedy(),
        };
        match remedy {
            Remedy::Reconnect | Remedy::Rebuild | Remedy::Stay => self.replace_socket(now, effects),
            Remedy::WaitUntil(_) | Remedy::Relink | Remedy::Person | Remedy::Refused => {
                let error = down.reason().explain();
                let state = match down.state() {
                    AccountState::Banned => AccountState::Banned,
                    _ => AccountState::NeedsAttention,
                };
                self.end(
                    LinkOutcome::Failed { error },
                    (state, down.reason()),
                    now,
                    effects,
                );
            }
        }
    }

    fn window_closed(&mut self, now: Timestamp, effects: &mut Vec<LinkEffect>) {
        self.close_socket(effects);
        let qr = matches!(self.phase, Phase::Qr { .. });
        match self.phone.clone() {
            _ if qr && self.regenerations < self.config.regenerations_max => {
                self.regenerations += 1;
                self.open_qr_window(now, effects);
            }
            Some(phone) if qr => {
                self.fell_back = true;
                self.open_code_window(phone, now, effects);
            }
            _ => {
                let state = (AccountState::NeedsAttention, Reason::LinkExpired);
                self.end(LinkOutcome::Expired, state, now, effects);
            }
        }
    }

    fn linked(&mut self, now: Timestamp, effects: &mut Vec<LinkEffect>) {
        // The connection that linked goes on to log in; it is handed over, not closed.
        let shown = self.first_shown();
        self.open = false;
        let state = (AccountState::Connecting, Reason::Linked);
        self.end_with(
            LinkOutcome::Linked,
            state,
            shown.map(|at| now.since(at).0),
            now,
            effects,
        );
    }

    fn fail(&mut self, error: String, now: Timestamp, effects: &mut Vec<LinkEffect>) {
        let reason = Reason::LinkFailed {
            error: error.clone(),
        };
        let state = (AccountState::NeedsAttention, reason);
        self.end(LinkOutcome::Failed { error }, state, now, effects);
    }

    fn first_shown(&self) -> Option<Timestamp> {
        match &self.phase {
            Phase::Qr { first_shown, .. } | Phase::Code { first_shown, .. } => *first_shown,
            Phase::Ended => None,
        }
    }

    fn end(
        &mut self,
        outcome: LinkOutcome,
        state: (AccountState, Reason),
        now: Timestamp,
        effects: &mut Vec<LinkEffect>,
    ) {
        self.end_with(outcome, state, None, now, effects);
    }

    fn end_with(
        &mut self,
        outcome: LinkOutcome,
        (state, reason): (AccountState, Reason),
        scan_time_ms: Option<u64>,
        now: Timestamp,
        effects: &mut Vec<LinkEffect>,
    ) {
        self.close_socket(effects);
        self.phase = Phase::Ended;
        effects.push(LinkEffect::SetState(state, reason));
        effects.push(LinkEffect::Record(LinkRecord {
            method: self.method,
            started_at: self.started_at,
            first_code_at: self.first_code_at,
            ended_at: now,
            codes_shown: self.codes_shown,
            regenerations: self.regenerations,
            fell_back: self.fell_back,
            scan_time_ms,
            outcome,
        }));
    }
}

#[cfg(test)]
#[path = "link_tests.rs"]
mod tests;
