//! What a file is, by its first bytes. The answer goes into a header and decides what a browser does.

use crate::server::file_type;

/// What could run scripts where a browser shows it.
const SCRIPTED: [&str; 5] = ["html", "svg", "xml", "javascript", "ecmascript"];

pub(crate) fn run(data: &[u8]) {
    let head = data.get(..file_type::HEAD_BYTES).unwrap_or(data);
    let mime = file_type::of(head);
    let visible = |b: u8| b.is_ascii_graphic() || b == b' ';
    assert!(
        mime.contains('/') && mime.bytes().all(visible),
        "{mime:?} is no header value"
    );
    // Office files are XML in a ZIP: nothing that a browser would run.
    let office = mime.contains("openxmlformats");
    let scripted = SCRIPTED.iter().any(|kind| mime.contains(kind)) && !office;
    assert!(!scripted, "a browser would run {mime}");
}
