//! Where the world is touched.
pub mod config;
