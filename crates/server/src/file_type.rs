//! What a file is, by what is in it. A name or a type that an outsider gave is never trusted.

/// Bytes from the beginning of a file that are enough to tell.
pub const HEAD_BYTES: usize = 8_192;
/// What could be anything.
pub const UNKNOWN: &str = "application/octet-stream";

/// The MIME type of a file that begins so.
#[must_use]
pub fn of(head: &[u8]) -> &'static str {
    if head.starts_with(b"OggS") && head.windows(8).take(512).any(|w| w == b"OpusHead") {
        return "audio/ogg; codecs=opus";
    }
    if let Some(kind) = infer::get(head) {
        // Markup could run scripts where a browser shows it.
        return match kind.mime_type() {
            "text/html" | "text/xml" | "image/svg+xml" => "text/plain",
            mime => mime,
        };
    }
    match std::str::from_utf8(head) {
        Ok(text) if !head.is_empty() && !text.contains('\0') => "text/plain",
        // A character may be cut at the end of the head.
        Err(e) if e.error_len().is_none() && e.valid_up_to() > 0 => "text/plain",
        _ => UNKNOWN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn files_are_known_by_their_content() {
        let check = |head: &[u8], mime: &str| assert_eq!(of(head), mime);
        check(b"\x89PNG\r\n\x1a\n0000", "image/png");
        check(b"\xff\xd8\xff\xe0", "image/jpeg");
        check(b"%PDF-1.7", "application/pdf");
        check(b"RIFF\x10\0\0\0WEBPVP8 ", "image/webp");
        check(
            b"OggS\0\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x13OpusHead",
            "audio/ogg; codecs=opus",
        );
        check(b"name,amount\nAna,5\n", "text/plain");
        check(b"<html><script>alert(1)</script>", "text/plain");
        check(b"\0\x01\x02\x03", UNKNOWN);
        check(b"", UNKNOWN);
    }

    proptest! {
        #[test]
        fn any_file_has_a_type(head in proptest::collection::vec(any::<u8>(), 0..600)) {
            prop_assert!(!of(&head).contains("html"));
        }
    }
}
