//! The fuzzing program: libFuzzer around one of the [`targets`], which the environment names.
//!
//! `cargo xtask fuzz` builds it with coverage counters and runs it; by hand it needs `WAYPOST_FUZZ`
//! set to the target's name.
#![no_main]

mod parts;
mod server;
mod targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| (targets::chosen().run)(data));
