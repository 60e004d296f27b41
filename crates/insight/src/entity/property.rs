//! Kinds of property: apartment, villa, townhouse and the rest, in English and Arabic.

use super::{Kind, Pass};
use crate::doc::Doc;

const CONFIDENCE: f32 = 0.90;

/// Finds kinds of property.
pub(super) fn find(pass: &mut Pass<'_, '_>) {
    let mut i = 0;
    while i < pass.doc.len() {
        match type_at(pass, i).filter(|(_, end)| pass.is_free(i..*end)) {
            Some((name, end)) => {
                pass.add(Kind::PropertyType, name.to_owned(), i..end, CONFIDENCE);
                i = end;
            }
            None => i += 1,
        }
    }
}

fn type_at(pass: &Pass<'_, '_>, i: usize) -> Option<(&'static str, usize)> {
    let doc = pass.doc;
    let two = match (doc.word(i), doc.word(i + 1)) {
        ("town", "house" | "houses" | "home" | "homes") => Some("townhouse"),
        ("pent", "house" | "houses") => Some("penthouse"),
        ("تاون", "هاوس") => Some("townhouse"),
        ("بنت", "هاوس") => Some("penthouse"),
        ("قطعه", "ارض") => Some("plot"),
        ("office", "space") => Some("office"),
        ("retail", "space" | "shop" | "unit") => Some("shop"),
        _ => None,
    };
    if let Some(name) = two {
        return Some((name, i + 2));
    }
    let word = doc.word(i);
    let name = plain_type(word)
        .or_else(|| {
            let bare = word
                .strip_prefix("ال")
                .or_else(|| word.strip_prefix("وال"))
                .or_else(|| word.strip_prefix("بال"))
                .or_else(|| word.strip_prefix("لل"))?;
            plain_type(bare)
        })
        .or_else(|| {
            let bare = word.strip_prefix(['و', 'ب', 'ل'])?;
            (bare.chars().count() >= 3).then(|| plain_type(bare))?
        })
        .or_else(|| doubtful_type(pass, i))?;
    Some((name, i + 1))
}

fn plain_type(word: &str) -> Option<&'static str> {
    Some(match word {
        "apartment" | "apartments" | "apt" | "apts" | "appartment" | "appartments"
        | "apartement" | "apartements" | "flat" | "flats" | "apartmnt" | "aparment"
        | "apartmet" | "apratment" | "appt" | "aprtment" | "aptmt" | "condo" | "condos" | "شقه"
        | "شقق" | "شقتين" | "شقتي" => "apartment",
        "villa" | "villas" | "vila" | "vilas" | "villla" | "فيلا" | "فله" | "فلل" | "فيلات"
        | "فيللا" => "villa",
        "townhouse" | "townhouses" | "townhome" | "townhomes" | "townhous" | "تاونهاوس" => {
            "townhouse"
        }
        "penthouse" | "penthouses" | "penthous" | "بنتهاوس" => "penthouse",
        "duplex" | "duplexes" | "دوبلكس" => "duplex",
        "warehouse" | "warehouses" | "مستودع" | "مستودعات" | "مخزن" => {
            "warehouse"
        }
        "plot" | "plots" => "plot",
        _ => return None,
    })
}

/// Words that are a kind of property only in the right surroundings.
fn doubtful_type(pass: &Pass<'_, '_>, i: usize) -> Option<&'static str> {
    let doc = pass.doc;
    match doc.word(i) {
        "office" | "offices" | "مكتب" | "مكاتب" => is_offered(doc, i).then_some("office"),
        "shop" | "shops" | "محل" | "محلات" => is_offered(doc, i).then_some("shop"),
        "retail" => is_offered(doc, i).then_some("shop"),
        "land" | "ارض" | "الارض" | "اراضي" => (doc.word(i + 1) != "department"
            && doc.word(i + 1) != "line"
            && doc.word(i + 1) != "lord")
            .then_some("plot"),
        "building" | "bldg" | "buildings" | "بنايه" | "عماره" => {
            whole_building(doc, i).then_some("building")
        }
        "th" | "ths" => {
            (doc.is_shouted(i) && (i == 0 || doc.digits(i - 1).is_none())).then_some("townhouse")
        }
        "ph" => (doc.is_shouted(i) && pass.has(Kind::Bedrooms) && !doc.is_any_mark(i + 1, ":."))
            .then_some("penthouse"),
        _ => None,
    }
}

/// Whether an office or shop is spoken of as property and not as a place to go to.
fn is_offered(doc: &Doc<'_>, i: usize) -> bool {
    const NOT_BEFORE: &[&str] = &[
        "my",
        "your",
        "our",
        "his",
        "her",
        "their",
        "post",
        "head",
        "main",
        "coffee",
        "barber",
        "in",
        "sales",
        "the",
        "at",
        "back",
        "box",
        "home",
        "site",
        "to",
        "from",
        "trustee",
        "typing",
        "leasing",
        "admissions",
    ];
    const FOR: &[&str] = &[
        "rent",
        "sale",
        "buy",
        "lease",
        "sell",
        "need",
        "looking",
        "want",
        "fitted",
        "space",
        "available",
        "sqft",
        "sq",
        "sqm",
        "unit",
        "commercial",
        "retail",
        "shell",
        "core",
        "خزانه",
        "للايجار",
        "للبيع",
        "ابحث",
        "ابغى",
        "ابغي",
        "اريد",
        "احتاج",
        "محتاج",
        "تجاري",
        "ابي",
        "بدي",
    ];
    let before = doc.word_before(i);
    let numbered = doc.digits(i + 1).is_some()
        || doc.is_mark(i + 1, '#')
        || matches!(doc.word(i + 1), "no" | "number" | "رقم");
    let near = doc.has_word_near(&(i..i + 1), 6, FOR);
    numbered || (near && !NOT_BEFORE.contains(&before))
}

/// Whether a whole building is offered or sought.
fn whole_building(doc: &Doc<'_>, i: usize) -> bool {
    let before = matches!(
        doc.word_before(i),
        "whole" | "entire" | "full" | "residential" | "commercial" | "complete" | "buy"
    );
    let sold = matches!(
        doc.word(i + 1),
        "for" | "للبيع" | "للايجار" | "كامله" | "سكنيه" | "تجاريه"
    );
    before || sold
}
