//! How a browser is told to treat a file that an outsider sent (RFC 6266).

use std::fmt::Write as _;

/// Longest file name put into a header, in characters.
const NAME_CHARS_MAX: usize = 150;

/// Shown in place for kinds that browsers show safely, else saved; under the sender's name
/// without anything that could be a path.
pub(crate) fn disposition(mime: &str, name: Option<&str>) -> String {
    let shown = matches!(
        mime.split(';').next().unwrap_or_default(),
        "image/png"
            | "image/jpeg"
            | "image/webp"
            | "image/gif"
            | "audio/ogg"
            | "audio/mpeg"
            | "audio/mp4"
            | "audio/m4a"
            | "video/mp4"
            | "video/webm"
    );
    let way = if shown { "inline" } else { "attachment" };
    let Some(name) = name else {
        return way.to_owned();
    };
    let plain = |c: &char| !c.is_control() && !"/\\:*?\"<>|".contains(*c);
    let safe: String = name.chars().filter(plain).take(NAME_CHARS_MAX).collect();
    let safe = safe.trim_matches(['.', ' ']);
    if safe.is_empty() {
        return way.to_owned();
    }
    let mut encoded = String::new();
    for byte in safe.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => {
                encoded.push(byte.into())
            }
            // Writing to a String cannot fail.
            other => {
                let _ = write!(encoded, "%{other:02X}");
            }
        }
    }
    format!("{way}; filename*=UTF-8''{encoded}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_cannot_leave_its_place() {
        let check =
            |name: &str, said: &str| assert_eq!(disposition("application/pdf", Some(name)), said);
        check("offer.pdf", "attachment; filename*=UTF-8''offer.pdf");
        check("../../etc/passwd", "attachment; filename*=UTF-8''etcpasswd");
        check(
            "a\r\nSet-Cookie: x=1",
            "attachment; filename*=UTF-8''aSet-Cookie%20x%3D1",
        );
        check(
            "عرض.pdf",
            "attachment; filename*=UTF-8''%D8%B9%D8%B1%D8%B6.pdf",
        );
        check("..", "attachment");
    }

    #[test]
    fn only_what_browsers_show_safely_is_shown_in_place() {
        assert_eq!(disposition("image/png", None), "inline");
        assert_eq!(disposition("image/svg+xml", None), "attachment");
        assert_eq!(disposition("text/html", None), "attachment");
    }
}
