//! Randomness that a seed repeats: every stream has a label, so streams do not disturb each other.

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use sha2::{Digest, Sha256};

/// The generator used everywhere in this crate.
pub(crate) type SimRng = ChaCha20Rng;

/// The stream of `seed` that belongs to `label`.
pub(crate) fn stream(seed: u64, label: &str) -> SimRng {
    let mut hash = Sha256::new();
    hash.update(seed.to_le_bytes());
    hash.update(label.as_bytes());
    SimRng::from_seed(hash.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::stream;
    use rand::Rng;

    #[test]
    fn the_same_seed_and_label_repeat_and_others_differ() {
        let first: u64 = stream(7, "a").next_u64();
        assert_eq!(first, stream(7, "a").next_u64());
        assert_ne!(first, stream(7, "b").next_u64());
        assert_ne!(first, stream(8, "a").next_u64());
    }
}
