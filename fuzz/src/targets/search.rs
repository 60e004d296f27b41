//! What people type into the search, and the words it is looked for in. The first line is the search.

use std::cell::OnceCell;
use waypost_store::fuzzing::WordIndex;

thread_local! {
    static INDEX: OnceCell<WordIndex> = const { OnceCell::new() };
}

pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let (query, words) = text.split_once('\n').unwrap_or((text, text));
    INDEX.with(|index| {
        let index = index.get_or_init(|| {
            WordIndex::new().unwrap_or_else(|error| panic!("no index of words: {error}"))
        });
        let found = index.finds(words, query).unwrap_or_else(|error| {
            panic!("{query:?} makes a search that cannot be read: {error}")
        });
        // A plain word finds the message that is that word.
        if query == words && is_plain(query) {
            assert_ne!(found, Some(false), "{query:?} does not find itself");
        }
    });
}

fn is_plain(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric())
}
