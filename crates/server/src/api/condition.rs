//! How an account is, as the API shows it: the recovery ladder and the proof of life.

use super::ports::Condition;
use super::shape::{Explained, iso_or_null};
use crate::clock::iso;
use serde::Serialize;
use utoipa::ToSchema;
use waypost_engine::fleet::{
    BreakerState, Call, Doing, ErrorClass, LivenessView as Known, Recovery, Rung,
};
use waypost_engine::model::Reason;

/// How an account that is not well is being brought back.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Recovery)]
pub(super) struct RecoveryView {
    rung: RungText,
    /// The place of the rung on the ladder, from 1 to 7.
    rung_number: u8,
    /// What happens on this rung, in a sentence.
    rung_text: String,
    doing: DoingText,
    /// When the next thing happens by itself, where that is known.
    #[schema(format = DateTime)]
    at: Option<String>,
    /// The rung after this one, should it fail.
    then: RungText,
    /// What is wrong.
    reason: Explained,
    class: ClassText,
    /// Since when.
    #[schema(format = DateTime)]
    since: String,
    /// Attempts that failed since the account was last stable.
    failures: u32,
    breaker: BreakerView,
    /// Whether a person is needed. What can be tried without them goes on.
    person_called: bool,
}

/// A rung of the recovery ladder, the gentlest first.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Rung)]
enum RungText {
    Probe,
    Reconnect,
    Restore,
    Rebuild,
    RelinkQr,
    RelinkCode,
    Person,
}

/// What the current rung is doing: waiting before it begins, queued behind other accounts, trying,
/// asking for an answer, or offered to a person.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = RungDoing)]
enum DoingText {
    Waiting,
    Queued,
    Trying,
    Asking,
    Offered,
}

/// The kind of trouble.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = TroubleClass)]
enum ClassText {
    Network,
    Auth,
    Protocol,
    Lock,
    Unknown,
}

/// An account's breaker: after too many errors only one trial goes through after each cooldown.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Breaker)]
struct BreakerView {
    state: BreakerText,
    /// Errors that it counts.
    errors: u32,
    /// Until when it is open.
    #[schema(format = DateTime)]
    until: Option<String>,
}

/// Whether a breaker lets attempts through.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = BreakerState)]
enum BreakerText {
    Closed,
    Open,
    HalfOpen,
}

/// What proves that an account's connection lives.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Liveness)]
pub(super) struct LivenessView {
    /// When anything was last received on the connection that is up.
    #[schema(format = DateTime)]
    heard_at: Option<String>,
    /// When WhatsApp last delivered something, or accepted a message.
    #[schema(format = DateTime)]
    served_at: Option<String>,
    /// When a message was last decrypted, as far as this connection goes.
    #[schema(format = DateTime)]
    decrypted_at: Option<String>,
    /// Keep-alive probes in a row that were not answered.
    probes_missing: u32,
    /// Messages in a row to the account's own phone that WhatsApp did not accept.
    round_trips_missing: u32,
    /// People whose messages cannot be decrypted since the last one that could; 3 stands for more.
    unreadable_from: usize,
    /// When the account's phone was last seen.
    #[schema(format = DateTime)]
    phone_seen_at: Option<String>,
    /// When WhatsApp unlinks this device if the phone is not seen until then.
    #[schema(format = DateTime)]
    phone_limit_at: Option<String>,
    /// When it is looked at next.
    #[schema(format = DateTime)]
    next_check_at: Option<String>,
}

impl From<Rung> for RungText {
    fn from(rung: Rung) -> Self {
        match rung {
            Rung::Probe => Self::Probe,
            Rung::Reconnect => Self::Reconnect,
            Rung::Restore => Self::Restore,
            Rung::Rebuild => Self::Rebuild,
            Rung::RelinkQr => Self::RelinkQr,
            Rung::RelinkCode => Self::RelinkCode,
            Rung::Person => Self::Person,
        }
    }
}

impl From<Doing> for DoingText {
    fn from(doing: Doing) -> Self {
        match doing {
            Doing::Waiting { .. } => Self::Waiting,
            Doing::Queued => Self::Queued,
            Doing::Trying { .. } => Self::Trying,
            Doing::Asking => Self::Asking,
            Doing::Offered => Self::Offered,
        }
    }
}

impl From<ErrorClass> for ClassText {
    fn from(class: ErrorClass) -> Self {
        match class {
            ErrorClass::Network => Self::Network,
            ErrorClass::Auth => Self::Auth,
            ErrorClass::Protocol => Self::Protocol,
            ErrorClass::Lock => Self::Lock,
            ErrorClass::Unknown => Self::Unknown,
        }
    }
}

/// A reason with its sentence.
pub(super) fn explain(reason: &Reason) -> Explained {
    let until = match reason {
        Reason::TemporaryBan { until, .. } | Reason::PhoneOffline { until, .. } => {
            Some(iso(*until))
        }
        _ => None,
    };
    Explained {
        code: reason.code().to_owned(),
        text: reason.explain(),
        until,
    }
}

fn recovery(recovery: &Recovery) -> RecoveryView {
    let (state, until) = match recovery.breaker {
        BreakerState::Closed => (BreakerText::Closed, None),
        BreakerState::Open { until } => (BreakerText::Open, Some(iso(until))),
        BreakerState::HalfOpen => (BreakerText::HalfOpen, None),
    };
    RecoveryView {
        rung: recovery.rung.into(),
        rung_number: recovery.rung.number(),
        rung_text: recovery.rung.explain().to_owned(),
        doing: recovery.doing.into(),
        at: iso_or_null(recovery.doing.at()),
        then: recovery.then.into(),
        reason: explain(&recovery.reason),
        class: recovery.class.into(),
        since: iso(recovery.since),
        failures: recovery.failures,
        breaker: BreakerView {
            state,
            errors: recovery.breaker_errors,
            until,
        },
        person_called: recovery.call == Call::Made,
    }
}

fn liveness(known: &Known) -> LivenessView {
    LivenessView {
        heard_at: iso_or_null(known.heard_at),
        served_at: iso_or_null(known.served_at),
        decrypted_at: iso_or_null(known.decrypted_at),
        probes_missing: known.probes_missing,
        round_trips_missing: known.round_trips_missing,
        unreadable_from: known.unreadable,
        phone_seen_at: iso_or_null(known.phone_at),
        phone_limit_at: iso_or_null(known.phone_limit_at),
        next_check_at: iso_or_null(known.next_check_at),
    }
}

/// Both, as an account carries them.
pub(super) fn shown(condition: &Condition) -> (Option<RecoveryView>, LivenessView) {
    (
        condition.recovery.as_ref().map(recovery),
        liveness(&condition.liveness),
    )
}
