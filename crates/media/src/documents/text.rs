//! Bytes to characters.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

/// Bytes from which the encoding is guessed.
const GUESS_BYTES: usize = 256 * 1024;
/// Bytes from which UTF-16 without a mark is told.
const UTF16_SAMPLE: usize = 1_024;

/// The text of a file whose encoding nobody tells: by its mark, else UTF-8 when it is valid, else
/// what the bytes look like.
pub(super) fn decode(bytes: &[u8]) -> String {
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        return encoding
            .decode_without_bom_handling(&bytes[mark..])
            .0
            .into_owned();
    }
    if let Some(encoding) = utf16_without_mark(bytes) {
        return encoding.decode_without_bom_handling(bytes).0.into_owned();
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        return text.to_owned();
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(&bytes[..bytes.len().min(GUESS_BYTES)], true);
    let encoding = detector.guess(None, Utf8Detection::Allow);
    let encoding = if encoding == UTF_8 {
        encoding_rs::WINDOWS_1252
    } else {
        encoding
    };
    encoding.decode_without_bom_handling(bytes).0.into_owned()
}

/// Every second byte of mostly Latin text is zero in UTF-16.
fn utf16_without_mark(bytes: &[u8]) -> Option<&'static Encoding> {
    let sample = &bytes[..bytes.len().min(UTF16_SAMPLE) & !1];
    if sample.len() < 4 {
        return None;
    }
    let zeros = |offset: usize| {
        sample
            .iter()
            .skip(offset)
            .step_by(2)
            .filter(|b| **b == 0)
            .count()
    };
    let (even, odd, pairs) = (zeros(0), zeros(1), sample.len() / 2);
    if odd * 10 > pairs * 7 && even * 10 < pairs {
        Some(UTF_16LE)
    } else if even * 10 > pairs * 7 && odd * 10 < pairs {
        Some(UTF_16BE)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_in_the_encoding_it_was_written_in() {
        assert_eq!(decode("Zoë,5".as_bytes()), "Zoë,5");
        assert_eq!(decode(b"\xef\xbb\xbfa,b"), "a,b");
        assert_eq!(decode(b"\xff\xfea\0,\0"), "a,");
        assert_eq!(decode(b"a\0,\0b\0\n\0"), "a,b\n");
        let german = "Straße;Größe;Müller;Käse;schöne Grüße aus Köln".to_owned();
        let (latin, ..) = encoding_rs::WINDOWS_1252.encode(&german);
        assert_eq!(decode(&latin), german);
        let arabic = "الاسم,السعر\nشقة في دبي مارينا,١٥٠٠٠٠٠\nفيلا في جميرا,٢٥٠٠٠٠٠".to_owned();
        let latin_digits = arabic.replace(['١', '٥', '٠', '٢'], "1");
        let (bytes, _, lossy) = encoding_rs::WINDOWS_1256.encode(&latin_digits);
        assert!(!lossy);
        assert!(decode(&bytes).starts_with("الاسم,السعر"));
    }
}
