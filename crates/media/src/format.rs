//! What a file is, by its first bytes. A name only decides between kinds of plain text.

use crate::limits;
use crate::reading::Kind;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Bytes of an Ogg file in which its codec must show.
const OGG_HEAD: usize = 512;

/// The files that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// A JPEG, PNG, WebP or GIF picture.
    Picture,
    /// A PDF.
    Pdf,
    /// A ZIP container: XLSX, DOCX, or neither.
    Zip,
    /// Comma-separated values.
    Csv,
    /// Text, which may turn out to be a table.
    Text,
    /// Opus in Ogg: a voice note.
    OggOpus,
    /// Sound that is only passed on.
    OtherAudio,
    /// Something else.
    Other,
}

impl Format {
    /// What the file is. `name` is what its sender calls it.
    #[must_use]
    pub fn guess(bytes: &[u8], name: Option<&str>) -> Self {
        let head = &bytes[..bytes.len().min(OGG_HEAD)];
        let starts = |magic: &[u8]| head.starts_with(magic);
        if starts(b"\x89PNG\r\n\x1a\n")
            || starts(b"\xff\xd8\xff")
            || starts(b"GIF8")
            || (starts(b"RIFF") && head.get(8..12) == Some(b"WEBP"))
        {
            return Self::Picture;
        }
        if starts(b"OggS") {
            let is_opus = head.windows(8).any(|w| w == b"OpusHead");
            return if is_opus {
                Self::OggOpus
            } else {
                Self::OtherAudio
            };
        }
        let is_audio = starts(b"ID3")
            || starts(b"\xff\xfb")
            || starts(b"\xff\xf1")
            || starts(b"fLaC")
            || (starts(b"RIFF") && head.get(8..12) == Some(b"WAVE"))
            || head.get(4..11) == Some(b"ftypM4A");
        if is_audio {
            return Self::OtherAudio;
        }
        // Writers may put up to a kilobyte of something else before the mark.
        if bytes[..bytes.len().min(1_024)]
            .windows(5)
            .any(|w| w == b"%PDF-")
        {
            return Self::Pdf;
        }
        if starts(b"PK\x03\x04") || starts(b"PK\x05\x06") {
            return Self::Zip;
        }
        Self::guess_text(bytes, name)
    }

    fn guess_text(bytes: &[u8], name: Option<&str>) -> Self {
        let head = &bytes[..bytes.len().min(8 * 1_024)];
        let is_utf16 = head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff");
        if head.is_empty() || (!is_utf16 && head.contains(&0)) {
            return Self::Other;
        }
        let ending = name
            .and_then(|n| n.rsplit_once('.'))
            .map(|(_, ending)| ending.to_lowercase());
        match ending.as_deref() {
            Some("csv" | "tsv" | "tab") => Self::Csv,
            _ => Self::Text,
        }
    }

    /// What people would call it.
    #[must_use]
    pub fn kind(self) -> Option<Kind> {
        match self {
            Self::Picture => Some(Kind::Picture),
            Self::Pdf | Self::Zip | Self::Csv | Self::Text => Some(Kind::Document),
            Self::OggOpus | Self::OtherAudio => Some(Kind::Audio),
            Self::Other => None,
        }
    }

    /// The largest such file that is read, in bytes.
    #[must_use]
    pub fn bytes_max(self) -> usize {
        match self.kind() {
            Some(Kind::Picture) => limits::PICTURE_BYTES_MAX,
            Some(Kind::Audio) => limits::AUDIO_BYTES_MAX,
            Some(Kind::Document) | None => limits::DOCUMENT_BYTES_MAX,
        }
    }

    /// How long such a file may take.
    #[must_use]
    pub fn time_max(self) -> Duration {
        match self.kind() {
            Some(Kind::Picture) => limits::PICTURE_TIME,
            Some(Kind::Audio) => limits::AUDIO_TIME,
            Some(Kind::Document) | None => limits::DOCUMENT_TIME,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_what_its_first_bytes_say_whatever_its_name() {
        let check = |bytes: &[u8], name, format| assert_eq!(Format::guess(bytes, name), format);
        check(b"\x89PNG\r\n\x1a\n", Some("a.pdf"), Format::Picture);
        check(b"\n%PDF-1.7", Some("a.png"), Format::Pdf);
        check(b"PK\x03\x04", None, Format::Zip);
        check(b"OggS..........OpusHead", None, Format::OggOpus);
        check(b"a,b\n1,2", Some("x.CSV"), Format::Csv);
        check(b"a,b\n1,2", None, Format::Text);
        check(b"MZ\x00\x01", Some("a.csv"), Format::Other);
        check(b"", Some("a.csv"), Format::Other);
    }
}
