//! What can go wrong when the network is driven, or when a client misbehaves.

use thiserror::Error;

/// Everything the public calls of this crate can fail with.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SimError {
    /// The listening sockets could not be opened.
    #[error("wasim cannot listen: {0}; choose another port or free this one")]
    Listen(#[from] std::io::Error),
    /// A number was used that nobody has.
    #[error("no phone or contact has the number {0}; add it first")]
    UnknownNumber(String),
    /// The number exists but is a contact, not an account that devices can be linked to.
    #[error("{0} is a contact, not an account; add it with add_phone")]
    NotAnAccount(String),
    /// The number or LID is taken.
    #[error("{0} is already on this network; use another number")]
    Taken(String),
    /// A number must be 5 to 15 digits.
    #[error("{0:?} is not a phone number; use 5 to 15 digits without a plus sign")]
    BadNumber(String),
    /// No device with this id is linked to the account.
    #[error("account {account} has no linked device {device}")]
    UnknownDevice {
        /// The account's number.
        account: String,
        /// The device's number.
        device: u16,
    },
    /// No group has this id.
    #[error("there is no group {0}")]
    UnknownGroup(String),
    /// No stored message has this id.
    #[error("message {0} is not known to this app")]
    UnknownMessage(String),
    /// The QR text could not be read, is of another network or has expired.
    #[error("this QR code cannot be scanned: {0}; show a fresh one")]
    BadQr(String),
    /// No client has asked for a pairing code for this number, or it has expired.
    #[error("no device asked for a pairing code for {0}; ask for one first")]
    NoCodeAsked(String),
    /// The typed code is not the one that is shown.
    #[error("the pairing code is wrong; type the eight characters that the device shows")]
    WrongCode,
    /// The phone is switched off.
    #[error("the phone {0} is offline")]
    PhoneOffline(String),
    /// An account has its maximum of linked devices.
    #[error("account {0} has the maximum of linked devices; unlink one first")]
    TooManyDevices(String),
    /// The server demanded a passkey, so the device was not linked.
    #[error("linking a device to {0} needs a passkey; use another account or link without one")]
    PasskeyDemanded(String),
    /// A client broke the protocol.
    #[error("protocol: {0}")]
    Protocol(String),
    /// The Signal library refused.
    #[error("encryption: {0}")]
    Signal(String),
    /// What was waited for did not happen in time.
    #[error("nothing matched within {0:?}")]
    Timeout(std::time::Duration),
    /// The undelivered messages of a device reached their limit.
    #[error("device {device} of {account} has too many undelivered messages")]
    MailboxFull {
        /// The account's number.
        account: String,
        /// The device's number.
        device: u16,
    },
}

impl SimError {
    pub(crate) fn protocol(what: impl std::fmt::Display) -> Self {
        Self::Protocol(what.to_string())
    }

    pub(crate) fn signal(what: impl std::fmt::Display) -> Self {
        Self::Signal(what.to_string())
    }
}

/// Shorthand for results of this crate.
pub type Result<T, E = SimError> = std::result::Result<T, E>;
