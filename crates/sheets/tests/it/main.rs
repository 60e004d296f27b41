//! The connector against the stand-in, which checks every request against Google's document.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod reading;
mod scene;
mod writing;
