//! Where a message comes from or goes to, as WhatsApp writes it.
//!
//! A person may appear under a LID (`...@lid`) or a phone number (`...@s.whatsapp.net`). The LID
//! is the identity; the number is an alias that can move to somebody else.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// Longest address accepted, in bytes.
pub const ADDRESS_LEN_MAX: usize = 128;

/// What follows a phone number where it is shown.
const PHONE_SERVER: &str = "@s.whatsapp.net";

/// One address, without a device part.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Address {
    /// A person by their LID.
    Lid(Box<str>),
    /// A person by their phone number: digits with country code, no plus.
    Phone(Box<str>),
    /// A group.
    Group(Box<str>),
    /// Anything else (status broadcasts, newsletters, bots), kept as it is written.
    Other(Box<str>),
}

/// An address that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// No `@`, nothing before it, or characters that no address has.
    #[error("'{0}' is not a WhatsApp address; it should look like 971500000000@s.whatsapp.net")]
    Malformed(String),
    /// Longer than [`ADDRESS_LEN_MAX`].
    #[error("the address is {0} bytes long; at most {ADDRESS_LEN_MAX} are allowed")]
    TooLong(usize),
}

impl Address {
    /// A person by phone number. Everything but digits is dropped.
    #[must_use]
    pub fn phone(number: &str) -> Self {
        Self::Phone(
            number
                .chars()
                .filter(char::is_ascii_digit)
                .collect::<String>()
                .into(),
        )
    }

    /// A person by LID user part.
    #[must_use]
    pub fn lid(user: &str) -> Self {
        Self::Lid(user.into())
    }

    /// A group by its user part.
    #[must_use]
    pub fn group(user: &str) -> Self {
        Self::Group(user.into())
    }

    /// True for an address that stands for one person.
    #[must_use]
    pub fn is_person(&self) -> bool {
        matches!(self, Self::Lid(_) | Self::Phone(_))
    }

    /// True for a group.
    #[must_use]
    pub fn is_group(&self) -> bool {
        matches!(self, Self::Group(_))
    }

    /// The part before the `@`; the whole text for [`Address::Other`].
    #[must_use]
    pub fn user(&self) -> &str {
        match self {
            Self::Lid(u) | Self::Phone(u) | Self::Group(u) | Self::Other(u) => u,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lid(u) => write!(f, "{u}@lid"),
            Self::Phone(u) => write!(f, "{u}{PHONE_SERVER}"),
            Self::Group(u) => write!(f, "{u}@g.us"),
            Self::Other(all) => f.write_str(all),
        }
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if text.len() > ADDRESS_LEN_MAX {
            return Err(AddressError::TooLong(text.len()));
        }
        let malformed = || AddressError::Malformed(text.to_owned());
        if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(malformed());
        }
        let (user, server) = text.split_once('@').ok_or_else(malformed)?;
        // A device part (`123:4@lid`) addresses a device of the same person.
        let bare = user.split(':').next().unwrap_or(user);
        if bare.is_empty() || server.is_empty() {
            return Err(malformed());
        }
        let address = match server {
            "lid" => Self::Lid(bare.into()),
            "s.whatsapp.net" => Self::Phone(bare.into()),
            // The old server's name is shorter than the one it is shown with.
            "c.us" if bare.len() + PHONE_SERVER.len() > ADDRESS_LEN_MAX => {
                return Err(AddressError::TooLong(bare.len() + PHONE_SERVER.len()));
            }
            "c.us" => Self::Phone(bare.into()),
            "g.us" => Self::Group(bare.into()),
            _ => Self::Other(text.into()),
        };
        Ok(address)
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn addresses_read_as_people_and_groups() {
        let check = |text: &str, expect: Address| assert_eq!(text.parse(), Ok(expect), "{text}");
        check(
            "971500000001@s.whatsapp.net",
            Address::phone("971500000001"),
        );
        check(
            "971500000001:12@s.whatsapp.net",
            Address::phone("971500000001"),
        );
        check("971500000001@c.us", Address::phone("971500000001"));
        check("100000000000001@lid", Address::lid("100000000000001"));
        check(
            "120363021033254949@g.us",
            Address::group("120363021033254949"),
        );
        check(
            "status@broadcast",
            Address::Other("status@broadcast".into()),
        );
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "@", "971500000001", "@lid", "a b@lid", "x@", "x\n@lid"] {
            assert!(text.parse::<Address>().is_err(), "{text:?}");
        }
        assert!(
            format!("{}@lid", "1".repeat(200))
                .parse::<Address>()
                .is_err()
        );
    }

    #[test]
    fn an_address_that_would_be_shown_too_long_is_refused() {
        let old = |digits: usize| format!("{}@c.us", "1".repeat(digits)).parse::<Address>();
        let longest = ADDRESS_LEN_MAX - PHONE_SERVER.len();
        let shown = old(longest).map(|address| address.to_string().parse());
        assert_eq!(shown, Ok(old(longest)));
        assert_eq!(
            old(longest + 1),
            Err(AddressError::TooLong(ADDRESS_LEN_MAX + 1))
        );
    }

    proptest! {
        #[test]
        fn what_was_read_is_shown_and_read_again_the_same(text in ".{0,150}") {
            if let Ok(address) = text.parse::<Address>() {
                prop_assert_eq!(address.to_string().parse::<Address>(), Ok(address));
            }
        }
    }
}
