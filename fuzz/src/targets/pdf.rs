//! PDF: objects, streams, fonts, what is drawn where.

use super::files::document;
use waypost_media::Format;

pub(crate) fn run(data: &[u8]) {
    document(Format::Pdf, data);
}
