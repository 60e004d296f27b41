//! The history that a phone gives a device right after it was linked: whether all of it came.
//!
//! Nobody says how much there is. A phone sends pieces, each with its number and with how far it has
//! come, the newest messages of every chat first. So what never comes is noticed by what did: nothing
//! at all for [`GapsConfig::history`](super::GapsConfig::history), a number between two that came, a
//! piece that cannot be read, or no piece that ends at a hundred percent.

use crate::model::{Duration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// How far the last piece has come, in percent.
const WHOLE: u32 = 100;
/// Numbers of pieces remembered for each part; a history of more pieces is not looked through for
/// missing ones.
const PIECES_MAX: usize = 1_000;

/// Which part of the history a piece belongs to, in the order in which phones send them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HistoryPart {
    /// The newest messages of every chat.
    Newest,
    /// The last weeks or months.
    Recent,
    /// All there is, for devices that ask for it.
    Full,
}

/// Whether a piece could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Legible {
    /// All of it.
    Yes,
    /// It breaks off, or is no history at all.
    No,
}

/// A piece of it that came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// Which part it is of.
    pub part: HistoryPart,
    /// Its number, where the phone says one.
    pub order: Option<u32>,
    /// How far the phone has come with it, in percent, where it says so.
    pub progress: Option<u32>,
    /// Whether it could be read.
    pub legible: Legible,
}

/// What came of the newest part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Latest {
    part: HistoryPart,
    /// The furthest it has come; `None` when the phone does not tell.
    progress: Option<u32>,
}

/// The history of an account that was linked a moment ago, as long as it is waited for. It is written
/// down, so that a restart goes on waiting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstHistory {
    pub(super) linked_at: Timestamp,
    /// When something was last heard of it, or the connection came back.
    heard_at: Timestamp,
    latest: Option<Latest>,
    /// Numbers of the pieces that came, whatever their part: phones number them through, or begin anew
    /// with each part.
    orders: BTreeSet<(HistoryPart, u32)>,
    illegible: bool,
    /// That it does not come was told.
    pub(super) told: bool,
}

impl FirstHistory {
    pub(super) fn awaited_since(linked_at: Timestamp) -> Self {
        Self {
            linked_at,
            heard_at: linked_at,
            latest: None,
            orders: BTreeSet::new(),
            illegible: false,
            told: false,
        }
    }

    pub(super) fn came(&mut self, piece: Piece, now: Timestamp) {
        self.heard_at = now;
        self.illegible |= piece.legible == Legible::No;
        if let Some(order) = piece.order
            && self.orders.len() < PIECES_MAX
        {
            self.orders.insert((piece.part, order));
        }
        match &mut self.latest {
            Some(latest) if latest.part > piece.part => {}
            Some(latest) if latest.part == piece.part => {
                latest.progress = latest.progress.max(piece.progress);
            }
            latest => {
                *latest = Some(Latest {
                    part: piece.part,
                    progress: piece.progress,
                });
            }
        }
    }

    /// The waiting begins anew: nothing comes while nobody is connected.
    pub(super) fn connected(&mut self, now: Timestamp) {
        self.heard_at = now;
    }

    /// When it counts as broken off, unless more of it comes.
    pub(super) fn due_at(&self, patience: Duration) -> Option<Timestamp> {
        (!self.told).then(|| self.heard_at + patience)
    }

    /// Whether all of it is here, as far as can be known. A phone that does not tell how far it has
    /// come is believed.
    pub(super) fn is_whole(&self) -> bool {
        let ended = self
            .latest
            .as_ref()
            .is_some_and(|latest| latest.progress.is_none_or(|progress| progress >= WHOLE));
        ended && !self.illegible && !self.lacks_a_piece()
    }

    /// Whether a number is missing between two of the same part.
    fn lacks_a_piece(&self) -> bool {
        let orders = self.orders.iter();
        let next = self.orders.iter().skip(1);
        orders
            .zip(next)
            .any(|((part, order), (after, next))| part == after && *next > order + 1)
    }
}
