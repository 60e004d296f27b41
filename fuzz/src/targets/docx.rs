//! DOCX: the text of the document, as it is or in its container.

use super::files::packed;

pub(crate) fn run(data: &[u8]) {
    packed(data, &["word/document.xml"], &[]);
}
