//! Random tokens.
//!
//! Tokens are 256 random bits, so a plain SHA-256 of them is enough at rest: there is nothing to
//! guess, and a slow hash would only cost time on every request.

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use waypost_store::admin::people::TokenHash;

/// `N` bytes from the operating system's random numbers.
#[must_use]
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::fill(&mut bytes);
    bytes
}

/// A new secret of 256 bits, in hex.
pub(crate) fn random_hex() -> String {
    hex::encode(random_bytes::<32>())
}

/// What is stored in place of a token.
pub(crate) fn hash(token: &str) -> TokenHash {
    TokenHash(Sha256::digest(token.as_bytes()).into())
}

/// Whether two hashes are equal, in constant time.
pub(crate) fn same(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}
