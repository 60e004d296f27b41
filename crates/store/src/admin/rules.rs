//! Reply rules, to be created or changed. What they mean is in the engine.

use waypost_engine::model::rule::Scope;
use waypost_engine::model::{AccountId, Conditions, Duration, Match, WorkspaceId};

/// Most rules of a workspace; further ones are refused.
pub const RULES_MAX: i64 = 1_000;
/// Longest answer, in bytes.
pub const ANSWER_LEN_MAX: usize = 65_536;

/// What a rule says; the store adds its id and its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleSpec {
    /// Where it belongs. Never changes.
    pub workspace: WorkspaceId,
    /// Only for this account; for all when absent.
    pub account: Option<AccountId>,
    /// What people call it.
    pub name: String,
    /// Lower is tried first.
    pub position: i32,
    /// What it looks for.
    pub matches: Match,
    /// What the message must mean.
    pub conditions: Conditions,
    /// Where it applies.
    pub scope: Scope,
    /// What it answers.
    pub answer: String,
    /// Messages older than this are not answered.
    pub max_age: Duration,
    /// Switched off rules are skipped.
    pub enabled: bool,
}
