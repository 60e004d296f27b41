//! Named steps between two commits, at which a test may let the process die.
//!
//! Only a build with the feature `fault-injection` has them; see [`crate::fault::at_steps`].

#[cfg(feature = "fault-injection")]
pub(crate) use crate::fault::passed;

/// Nothing: this build has no such steps.
#[cfg(not(feature = "fault-injection"))]
#[inline]
pub(crate) fn passed(_: &'static str) {}
