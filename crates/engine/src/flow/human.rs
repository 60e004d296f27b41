//! Human-like pacing: somebody types before a message comes.

use super::retry::Jitter;
use crate::model::time::Duration;
use serde::{Deserialize, Serialize};

/// What a message takes before its first character.
pub const THINKING: Duration = Duration::millis(800);
/// What each character takes; about 280 a minute are typed.
pub const PER_CHARACTER: Duration = Duration::millis(210);
/// No message takes longer than this: people do not wait for ever, and apps stop showing it.
pub const TYPING_MAX: Duration = Duration::secs(12);

/// Whether the other side is shown that somebody types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HumanPace {
    /// Messages come as soon as they may.
    #[default]
    Off,
    /// Before a message with words somebody types, for as long as it would take.
    On,
}

impl HumanPace {
    /// How long somebody types before a message with so many characters; up to a third of it is
    /// chance. `None` without typing.
    #[must_use]
    pub fn typing(self, characters: u32, jitter: Jitter) -> Option<Duration> {
        if self == Self::Off || characters == 0 {
            return None;
        }
        let typing = PER_CHARACTER.0.saturating_mul(characters.into());
        let whole = Duration(THINKING.0.saturating_add(typing).min(TYPING_MAX.0));
        let certain = Duration(whole.0 / 3 * 2);
        Some(Duration(
            certain.0 + jitter.of(Duration(whole.0 - certain.0)).0,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn longer_messages_take_longer_and_no_two_the_same() {
        let time = |characters, raw| {
            let jitter = Jitter::from_random(raw);
            HumanPace::On.typing(characters, jitter).map(|time| time.0)
        };
        assert!(time(40, 0) > time(5, 0));
        assert_ne!(time(20, 1_000), time(20, 50_000));
        assert_eq!(time(0, 0), None, "a picture without words is not typed");
        assert_eq!(HumanPace::Off.typing(100, Jitter::NONE), None);
    }

    proptest! {
        #[test]
        fn nobody_waits_longer_than_the_most(characters: u32, raw: u64) {
            let time = HumanPace::On.typing(characters, Jitter::from_random(raw));
            prop_assert!(time.is_none_or(|time| time <= TYPING_MAX));
        }
    }
}
