//! Tables that are asked with every word of every message.
//!
//! They are hashed quickly and alike in every run. Nobody can crowd them: what they hold comes with the program
//! or from its owner, never from whoever writes a message.

use foldhash::fast::FixedState;
use std::collections::{HashMap, HashSet};

/// Values by a key.
pub(crate) type Table<K, V> = HashMap<K, V, FixedState>;
/// Words that are there or not.
pub(crate) type Set<K> = HashSet<K, FixedState>;
