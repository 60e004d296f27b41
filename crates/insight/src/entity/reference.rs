//! Reference, permit, invoice and document numbers, as written.

use super::{Kind, Pass};
use crate::doc::{Doc, Gap};

const CONFIDENCE: f32 = 0.93;
const CONFIDENCE_SHAPE: f32 = 0.85;
/// Digits that need no word for number between them and a doubtful introduction.
const LONG_MIN: usize = 6;
/// Tokens of one reference at most.
const TOKENS_MAX: usize = 16;

/// Finds references.
pub(super) fn find(pass: &mut Pass<'_, '_>) {
    let mut i = 0;
    while i < pass.doc.len() {
        let found = shaped_at(pass, i)
            .map(|end| (i, end, CONFIDENCE_SHAPE))
            .or_else(|| introduced_at(pass, i).map(|(from, end)| (from, end, CONFIDENCE)))
            .filter(|&(from, end, _)| pass.is_free(from..end));
        match found {
            Some((from, end, confidence)) => {
                let value = pass.doc.typed(from..end).to_owned();
                pass.add(Kind::Reference, value, from..end, confidence);
                i = more(pass, end);
            }
            None => i += 1,
        }
    }
}

/// `invoices 3301 and 3320`: more numbers behind the first.
fn more(pass: &mut Pass<'_, '_>, mut i: usize) -> usize {
    for _ in 0..8 {
        let doc = pass.doc;
        let joined = doc.is_any_mark(i, ",&/") || matches!(doc.word(i), "and" | "n" | "or" | "و");
        let long = doc.digits(i + 1).is_some_and(|d| d.len() >= 4);
        let Some(end) = (joined && long)
            .then(|| code_end(pass, i + 1))
            .flatten()
            .filter(|end| pass.is_free(i + 1..*end) && !is_price(doc, *end))
        else {
            return i;
        };
        let value = doc.typed(i + 1..end).to_owned();
        pass.add(Kind::Reference, value, i + 1..end, CONFIDENCE_SHAPE);
        i = end;
    }
    i
}

/// How much a word says about what follows it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Intro {
    /// What follows is a reference.
    Strong,
    /// Only with `no`, `number`, `id`, `#` or `:` between.
    Weak,
}

fn intro(word: &str) -> Option<Intro> {
    Some(match word {
        "ref" | "refs" | "invoices" | "tickets" | "orders" | "order" | "request" | "ticket"
        | "case" | "application" | "complaint" | "package" | "parcel" | "shipment"
        | "quotation" | "booking" | "job" | "rcpt" | "reference" | "refno" | "permit"
        | "trakheesi" | "invoice" | "inv" | "brn" | "orn" | "trn" | "rera" | "ejari" | "makani"
        | "dewa" | "eid" | "iban" | "txn" | "passport" | "deed" | "pnr" | "dtcm"
        | "reservation" | "utr" | "awb" | "mls" | "waybill" | "sewa" | "addc" | "premise"
        | "listing" | "tracking" | "مرجع" | "المرجع" | "مرجعي" | "المرجعي" | "فاتوره"
        | "الفاتوره" | "تصريح" | "التصريح" | "حجز" | "الحجز" | "تذكره" | "التذكره" => {
            Intro::Strong
        }
        "po" | "quote" | "lpo" | "grn" | "folio" | "claim" | "serial" | "contract" | "cheque"
        | "chq" | "transaction" | "receipt" | "license" | "licence" | "file" | "account"
        | "property" | "policy" | "certificate" | "id" | "code" | "payment" | "noc" | "report"
        | "visa" | "plate" | "confirmation" | "agreement" | "طلب" | "الطلب" | "العقد" | "عقد"
        | "شيك" | "الشيك" | "معامله" | "المعامله" | "رخصه" | "شكوى" | "الشكوي" | "شكوي"
        | "الشحنه" | "العمليه" | "عمليه" | "الحواله" | "حواله" | "المعاينه" | "شحنه" | "التتبع"
        | "المعاملات" | "الملف" | "ملف" | "الملكيه" | "ملكيه" | "سند" | "وصل" | "ايصال"
        | "الايصال" | "بلاغ" | "البلاغ" | "الاعلان" | "اعلان" => {
            Intro::Weak
        }
        _ => return None,
    })
}

fn introduced_at(pass: &Pass<'_, '_>, i: usize) -> Option<(usize, usize)> {
    let doc = pass.doc;
    let (strength, mut at) = match intro(doc.word(i)) {
        Some(strength) => (strength, i + 1),
        // `رقم الطلب 123`: the word for number comes first.
        None if doc.word(i) == "رقم" && intro(doc.word(i + 1)).is_some() => {
            (Intro::Strong, i + 2)
        }
        None => return None,
    };
    let long = is_paper_number(doc, i, at)
        || doc.digits(at).is_some_and(|d| d.len() >= LONG_MIN)
            && matches!(
                doc.word(i),
                "po" | "lpo" | "chq" | "cheque" | "contract" | "receipt" | "transaction"
            );
    let mut labelled = strength == Intro::Strong || long;
    for _ in 0..5 {
        let label = matches!(
            doc.word(at),
            "no" | "number"
                | "num"
                | "nr"
                | "id"
                | "code"
                | "رقم"
                | "رقمه"
                | "رقمها"
                | "nbr"
                | "ref"
                | "reference"
        ) || doc.is_any_mark(at, "#:");
        let filler = matches!(doc.word(at), "is" | "was" | "هو" | "هي" | "card")
            || doc.is_any_mark(at, ".-=(")
            || doc.is_mark(at, ',') && doc.digits(at + 1).is_some_and(|d| d.len() > LONG_MIN);
        if !label && !filler {
            break;
        }
        labelled |= label;
        at += 1;
    }
    if !labelled || doc.gap(at) == Gap::Line {
        return None;
    }
    let end = code_end(pass, at)?;
    let end = grouped_end(doc, i, at, end);
    // `gate code: 5567`
    if doc.word(i) == "code" && end == at + 1 && doc.digits(at).is_some_and(|d| d.len() <= LONG_MIN)
    {
        return None;
    }
    let digits: usize = (at..end).filter_map(|t| doc.digits(t)).map(str::len).sum();
    let spelled = labelled_by_number(doc, at)
        || (at..end).any(|t| doc.is_word(t) || doc.is_any_mark(t, "-/"));
    let lettered = doc.is_word(at) && (at..end).any(|t| doc.is_shouted(t) || doc.is_capitalised(t));
    let enough = match (strength, spelled) {
        _ if labelled && lettered && digits > 0 => 2,
        (Intro::Strong, true) => 3,
        _ => 4,
    };
    (digits >= enough && !is_price(doc, end) && !is_amount(doc, at, end)).then_some((at, end))
}

/// `receipt 5540`, `contract 2025/1881`: a number right behind a paper, which is no round sum and no year.
fn is_paper_number(doc: &Doc<'_>, i: usize, at: usize) -> bool {
    let paper = matches!(
        doc.word(i),
        "receipt"
            | "license"
            | "licence"
            | "file"
            | "contract"
            | "po"
            | "lpo"
            | "policy"
            | "agreement"
    );
    let Some(digits) = doc
        .digits(at)
        .filter(|_| paper && doc.gap(at) == Gap::Space)
    else {
        return false;
    };
    let parted = doc.is_any_mark(at + 1, "/-")
        && doc.is_glued(at + 1)
        && doc.is_glued(at + 2)
        && doc.digits(at + 2).is_some_and(|d| d.len() >= 3);
    let year = digits.len() == 4 && (digits.starts_with("19") || digits.starts_with("20"));
    parted || digits.len() >= 4 && !year && !digits.ends_with("00") && !digits.ends_with("50")
}

/// `AWB 3345 6671 2209`: past further groups of as many digits.
fn grouped_end(doc: &Doc<'_>, intro: usize, at: usize, end: usize) -> usize {
    let carried = matches!(
        doc.word(intro),
        "awb" | "tracking" | "waybill" | "shipment" | "parcel" | "account" | "eid"
    );
    let size = doc.digits(at).map_or(0, str::len);
    if !carried || end != at + 1 || !(3..=4).contains(&size) {
        return end;
    }
    let more = (end..at + TOKENS_MAX).take_while(|&t| {
        doc.gap(t) == Gap::Space && doc.digits(t).is_some_and(|d| d.len() == size)
    });
    end + more.count()
}

/// `order 2000 pieces`: a number of things, which nothing calls a number of a paper.
fn is_amount(doc: &Doc<'_>, at: usize, end: usize) -> bool {
    let counted = matches!(
        doc.word(end),
        "pcs"
            | "pieces"
            | "boxes"
            | "bags"
            | "cartons"
            | "units"
            | "kg"
            | "tons"
            | "bottles"
            | "pallets"
            | "litres"
            | "sqm"
            | "sqft"
            | "meters"
            | "people"
            | "copies"
    );
    counted && end == at + 1 && !labelled_by_number(doc, at)
}

/// Whether `no`, `#` or `:` stands right before a number.
fn labelled_by_number(doc: &Doc<'_>, at: usize) -> bool {
    matches!(
        doc.word_before(at),
        "no" | "number" | "ref" | "reference" | "رقم"
    ) || at > 0 && doc.is_any_mark(at - 1, "#:.")
}

/// The token after a run of letters, digits and joining marks that touch.
fn code_end(pass: &Pass<'_, '_>, from: usize) -> Option<usize> {
    let doc = pass.doc;
    let part =
        |i: usize| doc.digits(i).is_some() || doc.word(i).is_ascii() && !doc.word(i).is_empty();
    part(from).then_some(())?;
    let mut end = from + 1;
    while end < from + TOKENS_MAX && doc.is_glued(end) {
        if part(end) {
            end += 1;
        } else if doc.is_any_mark(end, "-/_.") && doc.is_glued(end + 1) && part(end + 1) {
            end += 2;
        } else {
            break;
        }
    }
    // An IBAN or a card is typed in groups: `AE07 0331 2345 6789 0123 456`.
    while end < from + TOKENS_MAX
        && doc.gap(end) == Gap::Space
        && is_group_lead(doc, from)
        && doc.digits(end).is_some_and(|d| (3..=4).contains(&d.len()))
    {
        end += 1;
    }
    // A Makani number has two groups of five digits.
    let five = |i: usize| doc.digits(i).is_some_and(|d| d.len() == 5);
    if end == from + 1
        && five(from)
        && five(end)
        && doc.gap(end) == Gap::Space
        && (from.saturating_sub(3)..from).any(|t| matches!(doc.word(t), "makani" | "مكاني"))
    {
        end += 1;
    }
    Some(end)
}

fn is_group_lead(doc: &Doc<'_>, from: usize) -> bool {
    doc.word(from) == "ae" && doc.digits(from + 1).is_some()
}

fn is_price(doc: &Doc<'_>, end: usize) -> bool {
    matches!(
        doc.word(end),
        "aed" | "dhs" | "dirham" | "dirhams" | "درهم" | "million" | "thousand"
    )
}

/// Whether `unit`, `flat no:` or the like stands before a code.
fn is_door(doc: &Doc<'_>, i: usize) -> bool {
    let label = |at: &usize| {
        matches!(doc.word(*at), "no" | "number" | "num" | "nr") || doc.is_any_mark(*at, "#:.")
    };
    let before = (i.saturating_sub(4)..i).rev().find(|at| !label(at));
    before.is_some_and(|at| {
        matches!(
            doc.word(at),
            "unit" | "apt" | "apartment" | "flat" | "villa" | "office" | "shop" | "townhouse"
        )
    })
}

/// Codes that speak for themselves: `INV-2024-001`, `784-1990-1234567-1`, `DXB_4521`, `AE070331234567890123456`.
fn shaped_at(pass: &Pass<'_, '_>, i: usize) -> Option<usize> {
    let doc = pass.doc;
    if i > 0 && doc.is_glued(i) && !doc.is_any_mark(i - 1, "(#:[*\"'") {
        return None;
    }
    if doc.digits(i) == Some("784") && doc.is_any_mark(i + 1, "- ") {
        let end = code_end(pass, i)?;
        let digits: usize = (i..end).filter_map(|t| doc.digits(t)).map(str::len).sum();
        return (digits == 15).then_some(end);
    }
    if is_door(doc, i) {
        return None;
    }
    let lead = doc.word(i);
    if !lead.is_ascii() || !(2..=6).contains(&lead.len()) || !doc.is_shouted(i) {
        return None;
    }
    let end = code_end(pass, i)?;
    let digits: usize = (i..end).filter_map(|t| doc.digits(t)).map(str::len).sum();
    let marked = (i..end).any(|t| doc.is_any_mark(t, "-_/"));
    let iban = lead == "ae" && digits == 21;
    let currency = super::money::currency_at(doc, i).is_some();
    let coded = marked && digits >= 3 || !marked && digits >= 5;
    (iban || (coded && !currency && doc.is_glued(i + 1))).then_some(end)
}
