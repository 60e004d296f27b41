//! How many bedrooms: `2BR`, `3-bed`, `two bedroom`, `غرفتين وصالة`, `studio`.

use super::{Kind, Pass};
use crate::number::count_at;

/// More bedrooms than this are no bedrooms.
const BEDROOMS_MAX: u32 = 20;
const CONFIDENCE: f32 = 0.95;

/// Finds bedrooms, and studios, which are both no bedroom and a kind of property.
pub(super) fn find(pass: &mut Pass<'_, '_>) {
    let mut i = 0;
    while i < pass.doc.len() {
        if is_studio(pass, i) && pass.is_open(i) {
            pass.add(Kind::Bedrooms, "0".to_owned(), i..i + 1, CONFIDENCE);
            pass.add(
                Kind::PropertyType,
                "studio".to_owned(),
                i..i + 1,
                CONFIDENCE,
            );
            i += 1;
        } else if let Some((value, end)) =
            bedrooms_at(pass, i).filter(|(_, end)| pass.is_free(i..*end))
        {
            pass.add(Kind::Bedrooms, value.to_string(), i..end, CONFIDENCE);
            i = end;
        } else {
            i += 1;
        }
    }
}

fn is_studio(pass: &Pass<'_, '_>, i: usize) -> bool {
    matches!(
        pass.doc.word(i),
        "studio"
            | "studios"
            | "stdio"
            | "stuido"
            | "studo"
            | "studioo"
            | "stodio"
            | "estudio"
            | "stduio"
            | "studiio"
            | "ستيديو"
            | "اوستوديو"
            | "باستوديو"
            | "استديوهات"
            | "استوديو"
            | "ستوديو"
            | "استديو"
            | "ستديو"
            | "الاستوديو"
            | "الستوديو"
            | "استوديوهات"
    )
}

fn bedrooms_at(pass: &Pass<'_, '_>, i: usize) -> Option<(u32, usize)> {
    if let Some(found) = arabic_at(pass, i) {
        return Some(found);
    }
    let doc = pass.doc;
    if matches!(doc.word(i), "bedrooms" | "beds" | "br" | "bedroom") && doc.is_any_mark(i + 1, ":=")
    {
        // `Bedrooms: 3`, as in a list of details.
        let (count, end) = count_at(doc, i + 2, BEDROOMS_MAX)?;
        return Some((count, end));
    }
    if matches!(doc.word(i), "single" | "double") && matches!(doc.word(i + 1), "bedroom" | "bhk") {
        return Some((if doc.word(i) == "single" { 1 } else { 2 }, i + 2));
    }
    if i > 0
        && doc.is_glued(i)
        && doc.is_any_mark(i - 1, ".,")
        && i >= 2
        && doc.digits(i - 2).is_some()
    {
        return None;
    }
    let (count, next) = count_at(doc, i, BEDROOMS_MAX)?;
    let end = noun_end(pass, next).or_else(|| shared_noun(pass, count, next))?;
    Some((count, end))
}

/// The token after a word for bedrooms.
fn noun_end(pass: &Pass<'_, '_>, i: usize) -> Option<usize> {
    let doc = pass.doc;
    let i = if doc.is_any_mark(i, "-") { i + 1 } else { i };
    match doc.word(i) {
        "br" | "bhk" | "bhks" | "bed" | "beds" | "bedroom" | "bedrooms" | "bdr" | "bdrm"
        | "bdrms" | "bd" | "brs" | "bedrm" | "bedrms" | "bedrom" | "bedroms" | "bedrooom"
        | "badroom" | "bdroom" | "bhkk" | "bk" | "beedroom" | "bedrooms'" | "brm" | "bedder"
        | "bdrs" | "bds" => {
            let room =
                matches!(doc.word(i), "bed") && matches!(doc.word(i + 1), "room" | "rooms" | "rm");
            Some(if room { i + 2 } else { i + 1 })
        }
        "b" if doc.is_mark(i + 1, '/') && matches!(doc.word(i + 2), "r" | "room") => Some(i + 3),
        "b" if doc.is_glued(i) && doc.is_mark(i + 1, '.') && doc.word(i + 2) == "r" => Some(i + 3),
        "master" | "masters" if matches!(doc.word(i + 1), "bedroom" | "bedrooms") => Some(i + 2),
        "master" | "masters" if !doc.word(i + 1).starts_with("bath") => Some(i + 1),
        // `2 rooms hall`, `3 rooms and hall`
        "room" | "rooms" if doc.word(i + 1) == "hall" => Some(i + 2),
        "room" | "rooms"
            if matches!(doc.word(i + 1), "and" | "n" | "w" | "with")
                && doc.word(i + 2) == "hall" =>
        {
            Some(i + 3)
        }
        "chambre" | "chambres" => Some(i + 1),
        "غرف" | "غرفه" | "اوض" | "اوضه" | "ghuraf" | "ghoraf" | "8oraf" => {
            Some(arabic_tail(pass, i + 1))
        }
        _ => None,
    }
}

/// `1-2 BR`, `2 or 3 bedroom`, `1, 2 and 3 bed`: the first number shares the noun of a later, larger one.
fn shared_noun(pass: &Pass<'_, '_>, count: u32, i: usize) -> Option<usize> {
    let doc = pass.doc;
    let (mut least, mut at) = (count, i);
    for _ in 0..3 {
        // `Mudon 2, 4 bed`: a comma alone joins only what goes on with another.
        let listed = doc.is_mark(at, ',')
            && (matches!(doc.word(at + 2), "and" | "or" | "و") || doc.is_any_mark(at + 2, ",&"));
        let joined = doc.is_any_mark(at, "-/&")
            || listed
            || matches!(doc.word(at), "or" | "to" | "and" | "او" | "الى" | "الي");
        let (more, next) = joined.then(|| count_at(doc, at + 1, BEDROOMS_MAX))??;
        if more <= least {
            return None;
        }
        if noun_end(pass, next).is_some() {
            return Some(i);
        }
        (least, at) = (more, next);
    }
    None
}

/// `غرفة وصالة`, `غرفتين`, `غرفة نوم`.
fn arabic_at(pass: &Pass<'_, '_>, i: usize) -> Option<(u32, usize)> {
    let doc = pass.doc;
    match doc.word(i) {
        "غرفتين" | "غرفتان" | "بغرفتين" | "وغرفتين" | "اوضتين" | "اودتين" => {
            Some((2, arabic_tail(pass, i + 1)))
        }
        "غرفه" | "بغرفه" | "اوضه" => {
            let tail = arabic_tail(pass, i + 1);
            (tail > i + 1).then_some((1, tail))
        }
        "ثلاث" | "ثلث" | "اربع" | "خمس" | "ست" | "سبع" if doc.word(i + 1) == "غرف" => {
            crate::number::word_value(doc.word(i))
                .or(Some(3))
                .map(|n| (n, arabic_tail(pass, i + 2)))
        }
        _ => None,
    }
}

/// Past `نوم`, `وصالة`, `واحدة` behind a word for rooms.
fn arabic_tail(pass: &Pass<'_, '_>, mut i: usize) -> usize {
    let doc = pass.doc;
    for _ in 0..4 {
        match doc.word(i) {
            "نوم" | "النوم" | "واحده" | "وصاله" | "وصالون" | "وصالة" | "ماستر" => {
                i += 1
            }
            "و" if matches!(doc.word(i + 1), "صاله" | "صالون") => i += 2,
            _ => break,
        }
    }
    i
}
