//! Which language a message is in.

use crate::doc::{Doc, TokenKind};

/// Letters from which on a Latin text is told apart by its language; shorter ones are taken for English.
const LETTERS_MIN: usize = 40;
/// How sure the detector must be to name another language than English.
const SURE: f64 = 0.9;

/// `en`, `ar`, `mixed` for English and Arabic together, another ISO 639-1 code, or `und`.
pub(crate) fn language(doc: &Doc<'_>) -> String {
    let mut letters = [0_usize; 3];
    for i in 0..doc.len() {
        let count = doc.str(i).chars().count();
        match doc.kind(i) {
            Some(TokenKind::Latin) => letters[0] += count,
            Some(TokenKind::Arabic) => letters[1] += count,
            Some(TokenKind::Letters) => letters[2] += count,
            _ => {}
        }
    }
    let [latin, arabic, other] = letters;
    let all = latin + arabic + other;
    if all == 0 {
        return "und".to_owned();
    }
    if arabic * 5 >= all && latin * 5 >= all {
        return "mixed".to_owned();
    }
    if arabic > latin && arabic > other {
        return "ar".to_owned();
    }
    if other == 0 && latin < LETTERS_MIN {
        return "en".to_owned();
    }
    detected(doc).unwrap_or_else(|| "en".to_owned())
}

fn detected(doc: &Doc<'_>) -> Option<String> {
    let text = doc.text().folded();
    let head = &text[..text.floor_char_boundary(1_000)];
    let info = whatlang::detect(head)?;
    let sure = info.confidence() >= SURE || info.script() != whatlang::Script::Latin;
    sure.then(|| short_code(info.lang().code()).to_owned())
}

/// ISO 639-1 for the languages spoken most in the Gulf; ISO 639-3 for the rest.
fn short_code(code: &str) -> &str {
    match code {
        "eng" => "en",
        "ara" => "ar",
        "rus" => "ru",
        "hin" => "hi",
        "urd" => "ur",
        "fra" => "fr",
        "deu" => "de",
        "spa" => "es",
        "ita" => "it",
        "tgl" => "tl",
        "cmn" => "zh",
        "pes" => "fa",
        "tur" => "tr",
        "por" => "pt",
        "ben" => "bn",
        "mal" => "ml",
        "tam" => "ta",
        "ukr" => "uk",
        other => other,
    }
}
