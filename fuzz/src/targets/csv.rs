//! Tables and text in any encoding, with any separators.

use super::files::document;
use waypost_media::Format;

pub(crate) fn run(data: &[u8]) {
    document(Format::Csv, data);
    document(Format::Text, data);
}
