//! Fonts: which letters the bytes of a string stand for, and how wide they are.

use crate::limits::PDF_STREAM_MAX;
use lopdf::{Dictionary, Document, Encoding, Object};
use std::collections::HashMap;

/// What stands for a letter that nobody names.
const UNKNOWN: &str = "\u{fffd}";
/// Width of a letter that nobody tells, as a share of its size.
const WIDTH_DEFAULT: f64 = 0.5;
/// Codes of a font at most: two bytes.
const CODES: usize = 65_536;

/// Widths of the letters from space to `~` in the fonts that a file need not bring along, in
/// thousandths (Adobe's core 14 metrics).
const HELVETICA: [u16; 95] = [
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556,
    556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667,
    611, 778, 722, 278, 500, 667, 556, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667,
    667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500,
    222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
];
const HELVETICA_BOLD: [u16; 95] = [
    278, 333, 474, 556, 556, 889, 722, 238, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556,
    556, 556, 556, 556, 556, 556, 556, 333, 333, 584, 584, 584, 611, 975, 722, 722, 722, 722, 667,
    611, 778, 722, 278, 556, 722, 611, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667,
    667, 611, 333, 278, 333, 584, 556, 333, 556, 611, 556, 611, 556, 333, 611, 611, 278, 278, 556,
    278, 889, 611, 611, 611, 611, 389, 556, 333, 611, 556, 778, 556, 556, 500, 389, 280, 389, 584,
];
const TIMES: [u16; 95] = [
    250, 333, 408, 500, 500, 833, 778, 180, 333, 333, 500, 564, 250, 333, 250, 278, 500, 500, 500,
    500, 500, 500, 500, 500, 500, 500, 278, 278, 564, 564, 564, 444, 921, 722, 667, 667, 722, 611,
    556, 722, 722, 333, 389, 722, 611, 889, 722, 722, 556, 722, 667, 556, 611, 722, 722, 944, 722,
    722, 611, 333, 278, 333, 469, 500, 333, 444, 500, 444, 500, 444, 333, 500, 500, 278, 278, 500,
    278, 778, 500, 500, 500, 500, 333, 389, 278, 500, 500, 722, 500, 500, 444, 480, 200, 480, 541,
];
const COURIER: f64 = 0.6;

/// A letter of a string.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Glyph<'a> {
    /// What it says; empty when nobody knows.
    pub(super) text: &'a str,
    /// How wide it is, as a share of its size.
    pub(super) width: f64,
    /// Whether it is the one-byte space, which is spaced apart.
    pub(super) is_space: bool,
}

/// A font.
pub(super) struct Font {
    /// Bytes of a code.
    bytes: usize,
    texts: HashMap<u16, String>,
    widths: HashMap<u16, f64>,
    width_else: f64,
}

impl Font {
    pub(super) fn read(dictionary: &Dictionary, document: &Document) -> Self {
        let is_composite = dictionary
            .get(b"Subtype")
            .and_then(Object::as_name)
            .is_ok_and(|s| s == b"Type0");
        if is_composite {
            Self::composite(dictionary, document)
        } else {
            Self::simple(dictionary, document)
        }
    }

    fn simple(dictionary: &Dictionary, document: &Document) -> Self {
        let own = unicode_map(dictionary, document);
        let base = dictionary
            .get_font_encoding_with_limit(document, PDF_STREAM_MAX)
            .ok();
        let says = |encoding: &Encoding<'_>, code: u8| {
            encoding
                .bytes_to_string(&[code])
                .ok()
                .filter(|s| !s.is_empty() && !s.contains(UNKNOWN))
        };
        let mut texts = HashMap::new();
        for code in 0..=u8::MAX {
            let text = own.as_ref().and_then(|map| says(map, code));
            let text = text.or_else(|| base.as_ref().and_then(|base| says(base, code)));
            if let Some(text) = text {
                texts.insert(u16::from(code), text);
            }
        }
        let (widths, width_else) = simple_widths(dictionary, document, &texts);
        Self {
            bytes: 1,
            texts,
            widths,
            width_else,
        }
    }

    fn composite(dictionary: &Dictionary, document: &Document) -> Self {
        let mut texts = HashMap::new();
        if let Some(map) = unicode_map(dictionary, document) {
            for code in 0..=u16::MAX {
                let text = map.bytes_to_string(&code.to_be_bytes()).ok();
                if let Some(text) = text.filter(|s| !s.is_empty() && !s.contains(UNKNOWN)) {
                    texts.insert(code, text);
                }
            }
        }
        let below = dictionary
            .get_deref(b"DescendantFonts", document)
            .and_then(Object::as_array)
            .ok()
            .and_then(|fonts| fonts.first())
            .and_then(|font| document.dereference(font).ok())
            .and_then(|(_, font)| font.as_dict().ok());
        let width_else = below
            .and_then(|font| font.get_deref(b"DW", document).ok())
            .and_then(thousandths)
            .unwrap_or(1.0);
        let widths = below
            .and_then(|font| {
                font.get_deref(b"W", document)
                    .and_then(Object::as_array)
                    .ok()
            })
            .map(|list| composite_widths(list, document))
            .unwrap_or_default();
        Self {
            bytes: 2,
            texts,
            widths,
            width_else,
        }
    }

    /// The letters of a string.
    pub(super) fn glyphs<'a>(&'a self, bytes: &'a [u8]) -> impl Iterator<Item = Glyph<'a>> {
        bytes.chunks(self.bytes).map(|code| {
            let number = code
                .iter()
                .fold(0_u16, |all, byte| all << 8 | u16::from(*byte));
            Glyph {
                text: self.texts.get(&number).map_or("", String::as_str),
                width: self.widths.get(&number).copied().unwrap_or(self.width_else),
                is_space: self.bytes == 1 && number == 32,
            }
        })
    }
}

/// What the file itself says its codes mean.
fn unicode_map(dictionary: &Dictionary, document: &Document) -> Option<Encoding<'static>> {
    let map = dictionary.get(b"ToUnicode").ok()?.clone();
    let mut only = Dictionary::new();
    only.set("Type", Object::Name(b"Font".to_vec()));
    only.set("ToUnicode", map);
    match only.get_font_encoding_with_limit(document, PDF_STREAM_MAX) {
        Ok(Encoding::UnicodeMapEncoding(map)) => Some(Encoding::UnicodeMapEncoding(map)),
        _ => None,
    }
}

fn thousandths(object: &Object) -> Option<f64> {
    object
        .as_float()
        .ok()
        .map(|width| f64::from(width) / 1_000.0)
}

fn simple_widths(
    dictionary: &Dictionary,
    document: &Document,
    texts: &HashMap<u16, String>,
) -> (HashMap<u16, f64>, f64) {
    let list = dictionary
        .get_deref(b"Widths", document)
        .and_then(Object::as_array);
    if let Ok(list) = list {
        let first = dictionary
            .get_deref(b"FirstChar", document)
            .and_then(Object::as_i64)
            .unwrap_or(0);
        let first = u16::try_from(first).unwrap_or(0);
        let widths = (first..=u16::from(u8::MAX))
            .zip(list)
            .filter_map(|(code, width)| {
                Some((code, thousandths(document.dereference(width).ok()?.1)?))
            })
            .collect();
        let missing = dictionary
            .get_deref(b"FontDescriptor", document)
            .and_then(Object::as_dict)
            .ok()
            .and_then(|d| d.get_deref(b"MissingWidth", document).ok())
            .and_then(thousandths);
        return (widths, missing.unwrap_or(WIDTH_DEFAULT));
    }
    let name = dictionary
        .get(b"BaseFont")
        .and_then(Object::as_name)
        .unwrap_or_default();
    let name = String::from_utf8_lossy(name).to_lowercase();
    if name.contains("courier") {
        return (HashMap::new(), COURIER);
    }
    let table = match (name.contains("times"), name.contains("bold")) {
        (true, _) => &TIMES,
        (false, true) => &HELVETICA_BOLD,
        (false, false) => &HELVETICA,
    };
    let width = |text: &String| {
        let letter = text.chars().next().map(u32::from)?;
        table.get(usize::try_from(letter).ok()?.checked_sub(32)?)
    };
    let widths = texts
        .iter()
        .filter_map(|(code, text)| Some((*code, f64::from(*width(text)?) / 1_000.0)))
        .collect();
    (widths, WIDTH_DEFAULT)
}

/// `c [w1 w2 …]` and `first last w`, in any order.
fn composite_widths(list: &[Object], document: &Document) -> HashMap<u16, f64> {
    let mut widths = HashMap::new();
    let list: Vec<&Object> = list
        .iter()
        .filter_map(|o| document.dereference(o).ok().map(|(_, o)| o))
        .collect();
    let mut rest = list.as_slice();
    while let [first, second, tail @ ..] = rest {
        let Some(first) = first.as_i64().ok().and_then(|c| u16::try_from(c).ok()) else {
            break;
        };
        if let Ok(each) = second.as_array() {
            for (code, width) in (first..=u16::MAX).zip(each) {
                if let Some(width) = thousandths(width) {
                    widths.insert(code, width);
                }
            }
            rest = tail;
            continue;
        }
        let (Ok(last), [width, tail @ ..]) = (second.as_i64(), tail) else {
            break;
        };
        let last = u16::try_from(last).unwrap_or(u16::MAX);
        if let Some(width) = thousandths(width) {
            widths.extend((first..=last).take(CODES).map(|code| (code, width)));
        }
        rest = tail;
    }
    widths
}
