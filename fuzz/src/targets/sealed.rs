//! Values sealed at rest: whoever writes into the database without the key makes nothing that opens. The
//! first byte says where a sealed value is bent; the rest is the value.

use std::sync::LazyLock;
use waypost_store::fuzzing::Forger;

static FORGER: LazyLock<Forger> =
    LazyLock::new(|| Forger::new().unwrap_or_else(|error| panic!("no keys: {error}")));

pub(crate) fn run(data: &[u8]) {
    let Some((&at, value)) = data.split_first() else {
        return;
    };
    assert!(FORGER.open(b"k", value).is_none(), "a forged value opens");
    let Ok(mut sealed) = FORGER.seal(b"k", value) else {
        return;
    };
    assert_eq!(FORGER.open(b"k", &sealed).as_deref(), Some(value));
    assert!(
        FORGER.open(b"another", &sealed).is_none(),
        "moved, it opens"
    );
    let at = usize::from(at) % sealed.len();
    sealed[at] ^= 1;
    assert!(
        FORGER.open(b"k", &sealed).is_none(),
        "bent at {at}, it opens"
    );
    sealed[at] ^= 1;
    sealed.truncate(at);
    assert!(
        FORGER.open(b"k", &sealed).is_none(),
        "cut at {at}, it opens"
    );
}
