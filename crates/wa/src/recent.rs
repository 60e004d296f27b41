//! A bounded memory of message ids.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};

/// Which ids are known, and in which order they came.
type Ids = (HashSet<Box<str>>, VecDeque<Box<str>>);

/// The ids seen last. At the limit the oldest is forgotten.
pub(crate) struct RecentIds {
    limit: usize,
    ids: Mutex<Ids>,
}

impl RecentIds {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            ids: Mutex::default(),
        }
    }

    pub(crate) fn insert(&self, id: &str) {
        let mut guard = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        let (known, order) = &mut *guard;
        if !known.insert(id.into()) {
            return;
        }
        order.push_back(id.into());
        if order.len() > self.limit
            && let Some(oldest) = order.pop_front()
        {
            known.remove(&oldest);
        }
    }

    pub(crate) fn contains(&self, id: &str) -> bool {
        self.ids
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .0
            .contains(id)
    }
}

#[cfg(test)]
mod tests {
    use super::RecentIds;

    #[test]
    fn the_oldest_id_is_forgotten_first() {
        let ids = RecentIds::new(2);
        for id in ["a", "b", "b", "c"] {
            ids.insert(id);
        }
        assert!(!ids.contains("a"));
        assert!(ids.contains("b") && ids.contains("c"));
    }
}
