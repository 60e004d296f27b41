//! What can go wrong, sorted by what it means for what was asked.

use waypost_engine::model::{Duration, Timestamp};

/// Whether what was asked was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Certainly not.
    NotDone,
    /// Nobody knows: look before asking again.
    Unknown,
}

/// A call that failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Google does not know us (any more). A person must act.
    #[error("Google refused the credentials: {0}; connect again with a valid key")]
    Credentials(String),
    /// Too many calls. Nothing was done.
    #[error("Google asks to call less often; it is tried again by itself")]
    Busy {
        /// How long Google wants to be left alone, if it says.
        retry_after: Option<Duration>,
    },
    /// Our own count says that Google would refuse now.
    #[error("this minute's calls are used up; it is tried again by itself")]
    Quota {
        /// When there is room again.
        wait: Duration,
    },
    /// Too much failed lately: the spreadsheet is left alone until then.
    #[error("this spreadsheet failed too often and is left alone for a while")]
    Open {
        /// When it is tried again.
        until: Timestamp,
    },
    /// Google understood and said no. Nothing was done, and asking again will not help.
    #[error("Google answered {status}: {message}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// Google's sentence.
        message: String,
    },
    /// Google was not reached. Nothing was done.
    #[error("Google cannot be reached: {0}")]
    NotSent(String),
    /// The connection broke, the answer did not come in time, or Google failed inside.
    #[error("it is not known whether Google did it: {0}")]
    Unknown(String),
    /// What was asked for cannot be asked. Nothing was sent.
    #[error("{0}")]
    Invalid(String),
}

impl Error {
    /// Whether what was asked was done.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Unknown(_) => Outcome::Unknown,
            _ => Outcome::NotDone,
        }
    }

    /// Whether the spreadsheet or Google is to blame, which is what breakers count. A request
    /// that is wrong in itself, or a limit on calls, says nothing about the other side's health.
    #[must_use]
    pub fn is_failure(&self) -> bool {
        match self {
            Self::Credentials(_) | Self::NotSent(_) | Self::Unknown(_) => true,
            Self::Refused { status, .. } => matches!(status, 401 | 403 | 404),
            Self::Busy { .. } | Self::Quota { .. } | Self::Open { .. } | Self::Invalid(_) => false,
        }
    }

    /// Whether what was asked is wrong in itself, so that asking again cannot help.
    #[must_use]
    pub fn is_final(&self) -> bool {
        match self {
            Self::Refused { status, .. } => !matches!(status, 401 | 403 | 404),
            Self::Invalid(_) => true,
            _ => false,
        }
    }
}
