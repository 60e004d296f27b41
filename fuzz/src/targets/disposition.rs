//! File names of outsiders in a header. The first line is the file's type.

use crate::server::disposition::disposition;

pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let (mime, name) = match text.split_once('\n') {
        Some((mime, name)) => (mime, Some(name)),
        None => (text, None),
    };
    let header = disposition(mime, name);
    let visible = |b: u8| b.is_ascii_graphic() || b == b' ';
    assert!(header.bytes().all(visible), "{header:?} is no header value");
    let (way, rest) = header.split_once("; ").unwrap_or((&header, ""));
    assert!(matches!(way, "inline" | "attachment"), "{header:?}");
    let shown = rest.strip_prefix("filename*=UTF-8''");
    assert!(rest.is_empty() || shown.is_some(), "{header:?}");
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._%".contains(&b);
    assert!(shown.unwrap_or_default().bytes().all(plain), "{header:?}");
    // Neither a separator of paths nor a control sign, once a browser has read it.
    for hidden in ["%2F", "%5C", "%00", "%0A", "%0D", "%22"] {
        assert!(!rest.contains(hidden), "{header:?} hides {hidden}");
    }
}
