//! One message as it is read: folded to plain letters and digits, with the way back to what was typed.
//!
//! People type Arabic and Persian digits, stretched letters, vowel marks, invisible direction marks, keycap
//! emoji and curly quotes. All of it is folded here once, in linear time, so that no other room needs to
//! know. Every folded byte remembers which bytes of the original it came from.

use std::ops::Range;
use unicode_normalization::char::decompose_canonical;

/// Characters of a message that are read; WhatsApp's own limit for a text. The rest is left unread, and
/// [`Text::truncated`] says so.
pub const CHARS_MAX: usize = 65_536;

/// A message, folded for reading.
#[derive(Debug)]
pub struct Text<'a> {
    original: &'a str,
    folded: String,
    /// For each byte of `folded`: where its original character begins and ends.
    origin: Vec<(u32, u32)>,
    truncated: bool,
}

impl<'a> Text<'a> {
    /// Folds a message. Reads at most [`CHARS_MAX`] characters.
    pub fn new(original: &'a str) -> Self {
        let mut text = Self {
            original,
            folded: String::with_capacity(original.len().min(CHARS_MAX * 2)),
            origin: Vec::with_capacity(original.len().min(CHARS_MAX * 2)),
            truncated: false,
        };
        for (count, (at, c)) in original.char_indices().enumerate() {
            if count == CHARS_MAX {
                text.truncated = true;
                break;
            }
            text.push(at, c);
        }
        text
    }

    fn push(&mut self, at: usize, c: char) {
        let end = at + c.len_utf8();
        if is_mark(c) {
            // A mark belongs to the letter before it, so that a span never cuts a letter from its marks.
            self.stretch_last(end);
            return;
        }
        if c.is_ascii() {
            self.push_folded(at, end, c.to_ascii_lowercase());
            return;
        }
        match fold(c) {
            Folded::One(plain) => self.push_folded(at, end, plain),
            Folded::Lower => {
                for lower in c.to_lowercase().filter(|c| !is_mark(*c)) {
                    self.push_folded(at, end, lower);
                }
            }
        }
    }

    fn stretch_last(&mut self, end: usize) {
        let Some(last) = self.folded.chars().next_back() else {
            return;
        };
        let from = self.origin.len() - last.len_utf8();
        for (_, to) in &mut self.origin[from..] {
            *to = end as u32;
        }
    }

    fn push_folded(&mut self, at: usize, end: usize, c: char) {
        self.folded.push(c);
        for _ in 0..c.len_utf8() {
            self.origin.push((at as u32, end as u32));
        }
    }

    /// The folded text.
    pub fn folded(&self) -> &str {
        &self.folded
    }

    /// What was typed.
    pub fn original(&self) -> &'a str {
        self.original
    }

    /// Whether the message was longer than [`CHARS_MAX`], so that its end was not read.
    pub fn truncated(&self) -> bool {
        self.truncated
    }

    /// The bytes of the original that a range of folded bytes came from.
    pub fn span(&self, folded: Range<usize>) -> Range<usize> {
        if folded.is_empty() || folded.end > self.origin.len() {
            return 0..0;
        }
        self.origin[folded.start].0 as usize..self.origin[folded.end - 1].1 as usize
    }

    /// What was typed at a range of folded bytes.
    pub fn typed(&self, folded: Range<usize>) -> &'a str {
        &self.original[self.span(folded)]
    }
}

enum Folded {
    One(char),
    Lower,
}

/// Marks that change nothing about what a word says: vowel signs, accents, stretching, direction, joiners.
fn is_mark(c: char) -> bool {
    matches!(c,
        '\u{0300}'..='\u{036F}' | '\u{0483}'..='\u{0489}' | '\u{0610}'..='\u{061A}' | '\u{061C}'
        | '\u{0640}' | '\u{064B}'..='\u{065F}' | '\u{0670}' | '\u{06D6}'..='\u{06DC}'
        | '\u{06DF}'..='\u{06E8}' | '\u{06EA}'..='\u{06ED}' | '\u{08D3}'..='\u{08FF}'
        | '\u{1AB0}'..='\u{1AFF}' | '\u{1DC0}'..='\u{1DFF}'
        | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}'
        | '\u{20D0}'..='\u{20FF}' | '\u{FE00}'..='\u{FE0F}' | '\u{FE20}'..='\u{FE2F}' | '\u{FEFF}'
        | '\u{00AD}')
}

fn fold(c: char) -> Folded {
    Folded::One(match c {
        '\u{0660}'..='\u{0669}' => digit(c, '\u{0660}'),
        '\u{06F0}'..='\u{06F9}' => digit(c, '\u{06F0}'),
        '\u{0966}'..='\u{096F}' => digit(c, '\u{0966}'),
        '\u{1D7CE}'..='\u{1D7FF}' => mathematical_digit(c),
        '\u{FF01}'..='\u{FF5E}' => full_width(c),
        '٫' => '.',
        '٬' => ',',
        '٪' | '﹪' => '%',
        '،' => ',',
        '؛' => ';',
        '؟' => '?',
        '‘' | '’' | '‚' | '‛' | '′' | '`' | '´' => '\'',
        '“' | '”' | '„' | '″' | '«' | '»' => '"',
        '‐' | '‑' | '‒' | '–' | '—' | '―' | '−' | '﹣' => '-',
        '×' => 'x',
        '⁄' => '/',
        '²' => '2',
        '…' => '.',
        '\u{00A0}' | '\u{2000}'..='\u{200A}' | '\u{202F}' | '\u{205F}' | '\u{3000}' => ' ',
        '\u{2028}' | '\u{2029}' | '\u{0085}' => '\n',
        'أ' | 'إ' | 'آ' | 'ٱ' => 'ا',
        'ى' | 'ی' | 'ئ' => 'ي',
        'ؤ' => 'و',
        'ة' | 'ۀ' | 'ہ' => 'ه',
        'ک' => 'ك',
        'گ' => 'ك',
        'ڤ' => 'ف',
        'پ' => 'ب',
        'چ' => 'ج',
        'ß' => 's',
        'ø' | 'Ø' => 'o',
        'ł' | 'Ł' => 'l',
        'ı' => 'i',
        '\u{00C0}'..='\u{024F}' | '\u{1E00}'..='\u{1EFF}' => return base_letter(c),
        _ => return Folded::Lower,
    })
}

fn digit(c: char, zero: char) -> char {
    char::from_digit(c as u32 - zero as u32, 10).unwrap_or(c)
}

fn mathematical_digit(c: char) -> char {
    char::from_digit((c as u32 - 0x1D7CE) % 10, 10).unwrap_or(c)
}

fn full_width(c: char) -> char {
    char::from_u32(c as u32 - 0xFF01 + 0x21).map_or(c, |plain| plain.to_ascii_lowercase())
}

/// The letter without its accent: é is e.
fn base_letter(c: char) -> Folded {
    let mut base = None;
    decompose_canonical(c, |part| {
        base.get_or_insert(part);
    });
    match base {
        Some(letter) if letter.is_ascii() => Folded::One(letter.to_ascii_lowercase()),
        _ => Folded::Lower,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn folded(typed: &str) -> String {
        Text::new(typed).folded().to_owned()
    }

    #[test]
    fn arabic_digits_marks_and_stretching_become_plain() {
        assert_eq!(folded("٠٥٠-٥٧٦-٠٠٥٦"), "050-576-0056");
        assert_eq!(folded("مرحبـــــا"), "مرحبا");
        assert_eq!(folded("شُقَّة"), "شقه");
        assert_eq!(folded("أإآ ى"), "ااا ي");
        assert_eq!(folded("١٫٥"), "1.5");
        assert_eq!(folded("1️⃣ Café ＡＥＤ"), "1 cafe aed");
    }

    #[test]
    fn a_span_leads_back_to_what_was_typed() {
        let text = Text::new("\u{200F}السعر ١٫٥ مليون");
        let at = text.folded().find("1.5").unwrap();
        assert_eq!(text.typed(at..at + 3), "١٫٥");
    }

    #[test]
    fn a_megabyte_of_combining_marks_is_cut_and_says_so() {
        let text = "a\u{0301}".repeat(350_000);
        let text = Text::new(&text);
        assert!(text.truncated());
        assert_eq!(text.folded().len(), CHARS_MAX / 2);
    }

    proptest! {
        #[test]
        fn every_folded_range_is_a_whole_piece_of_the_original(typed in "\\PC{0,60}") {
            let text = Text::new(&typed);
            let cuts: Vec<usize> = text.folded().char_indices().map(|(at, _)| at).collect();
            for from in &cuts {
                let one = text.folded()[*from..].chars().next().unwrap().len_utf8();
                let span = text.span(*from..from + one);
                prop_assert!(typed.is_char_boundary(span.start) && typed.is_char_boundary(span.end));
            }
        }
    }
}
