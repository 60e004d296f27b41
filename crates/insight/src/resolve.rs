//! What becomes of the values that the grammars found: surroundings raise confidence, doubt drops.

use crate::doc::Doc;
use crate::entity::{CONFIDENCE_AGREED, CONFIDENCE_MIN, Entity, Found, Kind};

/// Tokens on either side of a value that may speak for it.
const REACH: usize = 4;

/// Raises what the surroundings agree with, drops what stays doubtful, and puts the rest in order.
pub(crate) fn settle(found: Vec<Found>, doc: &Doc<'_>) -> Vec<Entity> {
    let mut entities: Vec<Entity> = found
        .into_iter()
        .filter_map(|value| {
            let confidence = confidence(&value, doc);
            (confidence >= CONFIDENCE_MIN).then(|| entity(value, confidence, doc))
        })
        .collect();
    entities.sort_by_key(|e| (e.start, e.end, e.kind));
    entities.dedup_by(|a, b| a.start == b.start && a.end == b.end && a.kind == b.kind);
    entities
}

fn confidence(value: &Found, doc: &Doc<'_>) -> f32 {
    if value.confidence < CONFIDENCE_MIN {
        return value.confidence;
    }
    if doc.has_word_near(&value.tokens, REACH, |word| {
        cues(value.kind).contains(&word)
    }) {
        value.confidence.max(CONFIDENCE_AGREED)
    } else {
        value.confidence
    }
}

fn entity(value: Found, confidence: f32, doc: &Doc<'_>) -> Entity {
    let span = doc.span(value.tokens.clone());
    Entity {
        kind: value.kind,
        value: value.value,
        text: doc.typed(value.tokens).to_owned(),
        start: span.start,
        end: span.end,
        confidence,
        source: value.source,
    }
}

/// Words next to a value that agree with its kind.
fn cues(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Phone => &[
            "call",
            "phone",
            "mobile",
            "number",
            "whatsapp",
            "tel",
            "contact",
            "cell",
            "reach",
            "mob",
            "رقم",
            "رقمي",
            "هاتف",
            "جوال",
            "موبايل",
            "اتصل",
            "واتساب",
        ],
        Kind::Money => &[
            "price",
            "budget",
            "rent",
            "offer",
            "pay",
            "asking",
            "deposit",
            "cost",
            "aed",
            "السعر",
            "سعر",
            "ميزانيتي",
            "الميزانيه",
            "ايجار",
            "الايجار",
        ],
        Kind::Unit => &[
            "unit",
            "apartment",
            "apt",
            "flat",
            "villa",
            "office",
            "شقه",
            "وحده",
        ],
        Kind::Project | Kind::Location => &[
            "in",
            "at",
            "near",
            "from",
            "tower",
            "community",
            "في",
            "ب",
            "بـ",
            "منطقه",
        ],
        Kind::Date | Kind::Datetime => &["on", "by", "at", "viewing", "meeting", "يوم", "الساعه"],
        Kind::Person => &[
            "mr",
            "mrs",
            "ms",
            "name",
            "agent",
            "this",
            "اسمي",
            "انا",
            "السيد",
        ],
        _ => &[],
    }
}
