//! A message's protobuf, as whoever wrote it encoded it.

use super::{content, limits};
use waypost_wa::normalise::content_of_raw;

pub(crate) fn run(data: &[u8]) {
    let said = content_of_raw(data);
    assert_eq!(said, content_of_raw(data), "the same bytes say the same");
    if let Some(said) = said {
        limits::within(&said);
        content::kept(&said);
    }
}
