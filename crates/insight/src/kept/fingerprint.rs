//! The name of everything that learning depends on.

use super::Writer;
use crate::intent::vectors;
use crate::{COMMON_WORDS, DEFAULT_EXAMPLES, DEFAULT_INTENTS, DEFAULT_LABELLED, sentiment};
use crate::{IntentSource, Settings};
use sha2::{Digest, Sha256};
use std::fmt;

/// Which code learns: changed with every change of this crate and of what it builds on.
const CODE: &str = env!("WAYPOST_INSIGHT_CODE");

/// A SHA-256 over everything that learning depends on: the lists and examples of the settings, the lists that are
/// always there, the meaning of words, and the code. It is written in 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    pub(super) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Settings {
    /// The name of what an analyser with these settings learns. Takes milliseconds.
    pub fn fingerprint(&self) -> Fingerprint {
        let mut hash = Sha256::new();
        let mut add = |piece: &[u8]| {
            // The length first, so that no two rows of pieces run into each other.
            hash.update((piece.len() as u64).to_le_bytes());
            hash.update(piece);
        };
        add(CODE.as_bytes());
        for built_in in [
            COMMON_WORDS,
            DEFAULT_INTENTS,
            DEFAULT_LABELLED,
            DEFAULT_EXAMPLES,
            sentiment::ENGLISH,
            vectors::WORDS,
            vectors::GLOSSARY,
        ] {
            add(built_in.as_bytes());
        }
        add(vectors::NUMBERS);
        let of_settings = [
            &self.places,
            &self.names,
            &self.feelings,
            &self.labelled,
            &self.currency,
            &self.region,
        ];
        for list in of_settings {
            add(list.as_bytes());
        }
        match &self.intents {
            IntentSource::Examples(yaml) => {
                add(b"examples");
                add(yaml.as_bytes());
            }
            IntentSource::Trained(model) => {
                let mut writer = Writer::default();
                model.write(&mut writer);
                add(b"trained");
                add(&writer.into_bytes());
            }
        }
        Fingerprint(hash.finalize().into())
    }
}
