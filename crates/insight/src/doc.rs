//! The folded text as tokens: words, digits and single marks.
//!
//! All grammars walk over these tokens and never over characters, so that each of them is linear and none
//! needs a pattern engine.

use crate::text::Text;
use std::ops::Range;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// Latin letters, with apostrophes inside.
    Latin,
    /// Arabic letters.
    Arabic,
    /// Letters of another script.
    Letters,
    /// ASCII digits.
    Digits,
    /// One mark, symbol or emoji.
    Mark,
}

/// What stands between a token and the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gap {
    /// Nothing: they touch.
    None,
    /// Spaces.
    Space,
    /// A new line, or the beginning.
    Line,
}

/// One token of the folded text.
#[derive(Debug, Clone)]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// What stands before it.
    pub gap: Gap,
    /// Its bytes in the folded text.
    pub at: Range<usize>,
}

/// A message as tokens.
#[derive(Debug)]
pub struct Doc<'a> {
    text: Text<'a>,
    tokens: Vec<Token>,
}

impl<'a> Doc<'a> {
    /// Folds and splits a message.
    pub fn new(original: &'a str) -> Self {
        let text = Text::new(original);
        let tokens = split(text.folded());
        Self { text, tokens }
    }

    /// The folded text behind the tokens.
    pub fn text(&self) -> &Text<'a> {
        &self.text
    }

    /// How many tokens there are.
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Whether there is nothing to read.
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// The token at an index.
    pub fn token(&self, i: usize) -> Option<&Token> {
        self.tokens.get(i)
    }

    /// The folded text of a token; empty past the end.
    pub fn str(&self, i: usize) -> &str {
        self.tokens
            .get(i)
            .map_or("", |token| &self.text.folded()[token.at.clone()])
    }

    /// The folded text of a word; empty for anything else.
    pub fn word(&self, i: usize) -> &str {
        if self.is_word(i) { self.str(i) } else { "" }
    }

    /// The folded word before a token; empty when there is none.
    pub fn word_before(&self, i: usize) -> &str {
        i.checked_sub(1).map_or("", |before| self.word(before))
    }

    /// The digits of a token.
    pub fn digits(&self, i: usize) -> Option<&str> {
        (self.kind(i)? == TokenKind::Digits).then(|| self.str(i))
    }

    /// What a token is.
    pub fn kind(&self, i: usize) -> Option<TokenKind> {
        self.tokens.get(i).map(|token| token.kind)
    }

    /// Whether a token is made of letters.
    pub fn is_word(&self, i: usize) -> bool {
        matches!(
            self.kind(i),
            Some(TokenKind::Latin | TokenKind::Arabic | TokenKind::Letters)
        )
    }

    /// Whether a token is this mark.
    pub fn is_mark(&self, i: usize, mark: char) -> bool {
        self.kind(i) == Some(TokenKind::Mark) && self.str(i).starts_with(mark)
    }

    /// Whether a token is one of these marks.
    pub fn is_any_mark(&self, i: usize, marks: &str) -> bool {
        self.kind(i) == Some(TokenKind::Mark)
            && self
                .str(i)
                .chars()
                .next()
                .is_some_and(|c| marks.contains(c))
    }

    /// Whether a token touches the one before it.
    pub fn is_glued(&self, i: usize) -> bool {
        self.gap(i) == Gap::None
    }

    /// What stands before a token; past the end, a new line.
    pub fn gap(&self, i: usize) -> Gap {
        self.tokens.get(i).map_or(Gap::Line, |token| token.gap)
    }

    /// Whether a token begins a line.
    pub fn begins_line(&self, i: usize) -> bool {
        self.gap(i) == Gap::Line
    }

    /// The bytes of the original that some tokens cover.
    pub fn span(&self, tokens: Range<usize>) -> Range<usize> {
        self.text.span(self.folded_range(tokens))
    }

    /// What was typed for some tokens.
    pub fn typed(&self, tokens: Range<usize>) -> &'a str {
        self.text.typed(self.folded_range(tokens))
    }

    fn folded_range(&self, tokens: Range<usize>) -> Range<usize> {
        match (
            self.tokens.get(tokens.start),
            tokens
                .end
                .checked_sub(1)
                .and_then(|last| self.tokens.get(last)),
        ) {
            (Some(first), Some(last)) if first.at.start < last.at.end => {
                first.at.start..last.at.end
            }
            _ => 0..0,
        }
    }

    /// Whether a word was typed with a capital first letter.
    pub fn is_capitalised(&self, i: usize) -> bool {
        self.kind(i) == Some(TokenKind::Latin)
            && self
                .typed(i..i + 1)
                .chars()
                .next()
                .is_some_and(char::is_uppercase)
    }

    /// Whether a word of two letters or more was typed in capitals only.
    pub fn is_shouted(&self, i: usize) -> bool {
        let typed = self.typed(i..i + 1);
        self.kind(i) == Some(TokenKind::Latin)
            && typed.len() > 1
            && typed.chars().all(|c| !c.is_lowercase())
    }

    /// Whether a wanted word stands within `reach` tokens before or after a range, on either side.
    pub fn has_word_near(
        &self,
        tokens: &Range<usize>,
        reach: usize,
        is_wanted: impl Fn(&str) -> bool,
    ) -> bool {
        let from = tokens.start.saturating_sub(reach);
        let to = (tokens.end + reach).min(self.len());
        (from..tokens.start)
            .chain(tokens.end..to)
            .any(|i| is_wanted(self.word(i)))
    }
}

fn split(folded: &str) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::with_capacity(folded.len() / 4 + 1);
    let mut gap = Gap::Line;
    let mut chars = folded.char_indices().peekable();
    while let Some((start, c)) = chars.next() {
        if c == '\n' || c == '\r' {
            gap = Gap::Line;
            continue;
        }
        if c.is_whitespace() || c.is_control() {
            if gap == Gap::None {
                gap = Gap::Space;
            }
            continue;
        }
        let kind = kind_of(c);
        let mut end = start + c.len_utf8();
        if kind != TokenKind::Mark {
            while let Some(&(at, next)) = chars.peek() {
                let inside = kind_of(next) == kind
                    || (next == '\'' && kind == TokenKind::Latin && letter_follows(folded, at));
                if !inside {
                    break;
                }
                end = at + next.len_utf8();
                chars.next();
            }
        }
        if kind == TokenKind::Latin
            && let Some(longer) = arabizi_end(folded, start, end)
        {
            while chars.next_if(|(at, _)| *at < longer).is_some() {}
            end = longer;
        }
        tokens.push(Token {
            kind,
            gap,
            at: start..end,
        });
        gap = Gap::None;
    }
    tokens
}

/// The end of an Arabic word in Latin letters with a digit for a letter inside: `jum3a`, `sa3a`.
fn arabizi_end(folded: &str, start: usize, end: usize) -> Option<usize> {
    const NOT_BEFORE: &[&str] = &[
        "aed", "dhs", "dh", "rs", "usd", "unit", "apt", "villa", "flat", "no", "jvc", "jlt", "jbr",
        "to", "at", "on", "by", "for", "ref", "phase",
    ];
    const NOT_AFTER: &[&str] = &[
        "k", "m", "mn", "b", "br", "bhk", "bed", "beds", "am", "pm", "sqft", "sqm", "x", "th",
        "st", "nd", "rd", "h", "hrs", "min", "mins", "days", "chq", "chqs", "cheques",
    ];
    let rest = folded.as_bytes().get(end..)?;
    let digit = *rest.first()?;
    if !b"2356789".contains(&digit) {
        return None;
    }
    // `sha22a`: the letter is doubled.
    let doubled = usize::from(rest.get(1) == Some(&digit));
    let letters = rest[1 + doubled..]
        .iter()
        .take_while(|b| b.is_ascii_lowercase())
        .count();
    let before = &folded[start..end];
    let end = end + doubled;
    let after = &folded[end + 1..].get(..letters)?;
    let fits = letters > usize::from(doubled == 1 && before.len() < 3)
        && before.len() + letters >= 3
        && before.len() <= 12
        && !NOT_BEFORE.contains(&before)
        && !NOT_AFTER.contains(after);
    fits.then_some(end + 1 + letters)
}

fn letter_follows(folded: &str, apostrophe: usize) -> bool {
    folded[apostrophe + 1..]
        .chars()
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic())
}

fn kind_of(c: char) -> TokenKind {
    match c {
        'a'..='z' => TokenKind::Latin,
        '0'..='9' => TokenKind::Digits,
        '\u{0600}'..='\u{06FF}'
        | '\u{0750}'..='\u{077F}'
        | '\u{FB50}'..='\u{FDFF}'
        | '\u{FE70}'..='\u{FEFC}'
            if c.is_alphabetic() =>
        {
            TokenKind::Arabic
        }
        _ if c.is_alphabetic() => TokenKind::Letters,
        _ => TokenKind::Mark,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_for_a_digit_joins_a_word_and_an_emoji_does_not() {
        let parts = |typed: &str| -> Vec<String> {
            let doc = Doc::new(typed);
            (0..doc.len()).map(|i| doc.str(i).to_owned()).collect()
        };
        assert_eq!(parts("el jum3a"), ["el", "jum3a"]);
        assert_eq!(
            parts("congrats🎉 aed5k"),
            ["congrats", "🎉", "aed", "5", "k"]
        );
    }

    #[test]
    fn words_digits_and_marks_come_apart() {
        let doc = Doc::new("2BR @ AED1.5M, don't\nشقة٣");
        let parts: Vec<&str> = (0..doc.len()).map(|i| doc.str(i)).collect();
        assert_eq!(
            parts,
            [
                "2", "br", "@", "aed", "1", ".", "5", "m", ",", "don't", "شقه", "3"
            ]
        );
        assert!(doc.is_glued(1) && !doc.is_glued(2) && doc.begins_line(10));
        assert_eq!(doc.typed(10..12), "شقة٣");
        assert!(doc.is_shouted(1) && !doc.is_capitalised(9));
    }
}
