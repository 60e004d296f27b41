//! The crate's one source of randomness: keys, nonces, store epochs. Nothing the engine decides
//! depends on it.

/// Bytes nobody can guess.
pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::fill(&mut bytes);
    bytes
}
