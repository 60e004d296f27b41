//! Faults on demand: what the crash proofs are made of. Never part of a shipped build.

/// A deliberate fault, by which the crash proofs show that they would notice it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutation {
    /// The outbox rows of a completed message are committed in a transaction of their own,
    /// after the one that marks it done.
    OutboxOutsideCommit,
}
