//! The client version that is sent to WhatsApp.

use serde::{Deserialize, Serialize};

/// A client version, written `2.3000.1042742319`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientVersion(pub u32, pub u32, pub u32);

impl std::fmt::Display for ClientVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

impl Serialize for ClientVersion {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ClientVersion {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        let parts: Vec<u32> = text
            .split('.')
            .map(str::parse)
            .collect::<Result<_, _>>()
            .map_err(|_| wrong_version(&text))?;
        match parts[..] {
            [a, b, c] => Ok(Self(a, b, c)),
            _ => Err(wrong_version(&text)),
        }
    }
}

fn wrong_version<E: serde::de::Error>(text: &str) -> E {
    E::custom(format!(
        "'{text}' is not a version; write three numbers like 2.3000.1042742319"
    ))
}
