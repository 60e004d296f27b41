//! Files as people send them, and as enemies do, read by the real process.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod documents;
mod hostile;
mod make;
mod pictures;
mod voice;
mod walls;
