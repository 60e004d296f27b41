//! Learned link windows against fixed ones, on simulated people.
//!
//! The people are invented: nobody has published how long it takes to scan a code. They come from
//! families of curves that the estimator does not know, and what they are stands in [`people`]. The
//! attempts run through the engine's own [`LinkFlow`](waypost_engine::fleet::LinkFlow).
//!
//! - [`people`]: who scans, and when.
//! - [`desk`]: one attempt, and what it cost.
//! - [`trial`]: months of attempts under one strategy.
//! - [`report`]: the table and the pictures; [`plot`] draws.

pub mod desk;
pub mod people;
pub mod plot;
pub mod report;
pub mod trial;
