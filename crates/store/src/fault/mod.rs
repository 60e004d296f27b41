//! Faults on demand: what the crash proofs are made of. Never part of a shipped build.
//!
//! - [`disk`]: a disk in memory that dies at a chosen write, and what a restart finds on it.
//! - [`vfs`]: SQLite on such a disk.

pub mod disk;
pub mod vfs;

pub use disk::{Crash, Disk, Dying};

use crate::config::{MasterKey, StoreConfig};
use std::sync::OnceLock;

static AT_STEPS: OnceLock<fn(&'static str)> = OnceLock::new();

/// Calls `hook` with the name of every step that is passed between two commits. The first hook of the process
/// stays.
pub fn at_steps(hook: fn(&'static str)) {
    let _ = AT_STEPS.set(hook);
}

/// A step is passed.
pub(crate) fn passed(step: &'static str) {
    if let Some(hook) = AT_STEPS.get() {
        hook(step);
    }
}

/// A deliberate fault, by which the crash proofs show that they would notice it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutation {
    /// The outbox rows of a completed message are committed in a transaction of their own,
    /// after the one that marks it done.
    OutboxOutsideCommit,
}

impl Disk {
    /// A store on this disk. Close it before the disk is dropped.
    #[must_use]
    pub fn store(&self, master_key: MasterKey) -> StoreConfig {
        vfs::register();
        let mut config = StoreConfig::new(self.path("waypost.db"), master_key);
        config.vfs = Some(vfs::VFS_NAME.to_owned());
        config
    }
}
