//! What is counted or measured, and the numbers that are left over.

use super::{Kind, Pass};
use crate::Doc;
use crate::number::{amount_at, digits_at, plain, words_at};
use rust_decimal::Decimal;

const CONFIDENCE: f32 = 0.85;

/// Finds quantities, then takes what digits are left as numbers.
pub(super) fn find(pass: &mut Pass<'_, '_>) {
    let mut i = 0;
    while i < pass.doc.len() {
        if let Some((value, end)) = quantity_at(pass, i).filter(|(_, end)| pass.is_free(i..*end)) {
            pass.add(Kind::Quantity, value, i..end, CONFIDENCE);
            i = end;
        } else if let Some((value, end)) =
            number_at(pass, i).filter(|(_, end)| pass.is_free(i..*end))
        {
            pass.add(Kind::Number, value, i..end, CONFIDENCE);
            i = end;
        } else {
            i += 1;
        }
    }
}

fn quantity_at(pass: &Pass<'_, '_>, i: usize) -> Option<(String, usize)> {
    let doc = pass.doc;
    if let Some(unit) = arabic_pair(doc.word(i)) {
        return Some((format!("2 {unit}"), i + 1));
    }
    if i > 0 && doc.is_glued(i) && doc.is_mark(i - 1, '/') {
        return None;
    }
    let number = digits_at(doc, i).or_else(|| words_at(doc, i))?;
    let at = if doc.is_mark(number.next, '-') && doc.is_word(number.next + 1) {
        number.next + 1
    } else {
        number.next
    };
    let (unit, end) = unit_at(pass, at)?;
    let unit = if number.value == Decimal::ONE {
        one_of(unit)
    } else {
        unit
    };
    Some((format!("{} {unit}", plain(number.value)), end))
}

/// A unit, in its short or singular form, and the token after it.
fn unit_at(pass: &Pass<'_, '_>, i: usize) -> Option<(&'static str, usize)> {
    let doc = pass.doc;
    let adjective = matches!(
        doc.word(i),
        "post"
            | "dated"
            | "covered"
            | "parking"
            | "post-dated"
            | "full"
            | "more"
            | "car"
            | "different"
            | "reserved"
            | "allocated"
    );
    let unit = match doc.word(i) {
        "km" | "kms" | "kilometer" | "kilometers" | "kilometre" | "kilometres" | "كيلومتر"
        | "كم" => "km",
        "m" | "meter" | "meters" | "metre" | "metres" | "mtr" | "mtrs" | "متر" | "امتار" => {
            "m"
        }
        "cm" | "سم" => "cm",
        "mm" => "mm",
        "ft" | "feet" | "foot" => "ft",
        "inch" | "inches" => "inch",
        "mile" | "miles" => "miles",
        "kg" | "kgs" | "kilo" | "kilos" | "kilogram" | "kilograms" | "كيلو" | "كغ" | "كجم" => {
            "kg"
        }
        "g" | "gr" | "gram" | "grams" | "غرام" | "جرام" => "g",
        "ton" | "tons" | "tonne" | "tonnes" | "طن" | "اطنان" => "tons",
        "l" | "ltr" | "ltrs" | "liter" | "liters" | "litre" | "litres" | "لتر" => "l",
        "ml" => "ml",
        "gb" => "GB",
        "mb" => "MB",
        "tb" => "TB",
        "kw" => "kW",
        "kwh" => "kWh",
        "kva" => "kVA",
        "acre" | "acres" => "acres",
        "bathroom" | "bathrooms" | "bath" | "baths" | "bathrm" | "washroom" | "washrooms"
        | "toilet" | "toilets" | "حمام" | "حمامات" => "bathrooms",
        "cheque" | "cheques" | "chq" | "chqs" | "check" | "checks" | "chk" | "chks" | "chqe"
        | "cheks" | "cheqs" | "شيك" | "شيكات" => "cheques",
        "parking" | "parkings" | "carpark" | "carparks" | "موقف" | "مواقف" => {
            return Some(("parking spaces", parking_end(pass, i + 1)));
        }
        "car" | "covered" | "basement" if doc.word(i + 1).starts_with("park") => {
            return Some(("parking spaces", parking_end(pass, i + 2)));
        }
        "payments" | "payment" | "installments" | "instalments" | "installment" | "instalment"
        | "دفعات" | "اقساط" => "payments",
        "unit" | "units" | "وحدات" | "وحده" => "units",
        "floor" | "floors" | "storey" | "storeys" | "stories" | "طوابق" | "ادوار" => {
            "floors"
        }
        "person" | "persons" | "people" | "pax" | "ppl" | "اشخاص" | "شخص" | "اشخاصا" => {
            "people"
        }
        "key" | "keys" | "مفاتيح" | "مفتاح" => "keys",
        "copy" | "copies" | "نسخ" | "نسخه" => "copies",
        "room" | "rooms" => "rooms",
        "card" | "cards" | "كروت" | "بطاقات" | "بطاقه" => "cards",
        "piece" | "pieces" | "pcs" | "pc" | "قطع" | "قطعه" | "حبه" | "حبات" => {
            "pieces"
        }
        "box" | "boxes" | "صناديق" | "صندوق" | "علب" | "علبه" => "boxes",
        "carton" | "cartons" | "ctn" | "ctns" | "كرتون" | "كراتين" | "كرتونه" => {
            "cartons"
        }
        "bag" | "bags" | "اكياس" | "كيس" => "bags",
        "bottle" | "bottles" | "زجاجات" | "غراش" => "bottles",
        "pallet" | "pallets" => "pallets",
        "seat" | "seats" | "مقاعد" => "seats",
        _ if adjective => {
            let (unit, end) = unit_at(pass, i + 1)?;
            return Some((unit, end));
        }
        _ => return None,
    };
    Some((unit, i + 1))
}

fn parking_end(pass: &Pass<'_, '_>, i: usize) -> usize {
    let more = matches!(
        pass.doc.word(i),
        "space"
            | "spaces"
            | "spot"
            | "spots"
            | "slot"
            | "slots"
            | "lots"
            | "bays"
            | "سيارات"
            | "سياره"
    );
    if more { i + 1 } else { i }
}

/// The thing in the singular, of which there is one.
fn one_of(unit: &str) -> &str {
    match unit {
        "people" => "person",
        "copies" => "copy",
        "boxes" => "box",
        "tons" => "tons",
        _ => unit.strip_suffix('s').unwrap_or(unit),
    }
}

fn arabic_pair(word: &str) -> Option<&'static str> {
    Some(match word {
        "حمامين" => "bathrooms",
        "شيكين" | "بشيكين" => "cheques",
        "موقفين" => "parking spaces",
        "دفعتين" | "بدفعتين" => "payments",
        "طابقين" => "floors",
        "مفتاحين" => "keys",
        "نسختين" => "copies",
        "كرتونين" => "cartons",
        "قطعتين" => "pieces",
        "شخصين" => "people",
        _ => return None,
    })
}

/// A number in digits that no other grammar wanted.
fn number_at(pass: &Pass<'_, '_>, i: usize) -> Option<(String, usize)> {
    let doc = pass.doc;
    let number = if doc.digits(i).is_some() {
        amount_at(doc, i).or_else(|| digits_at(doc, i))?
    } else {
        return None;
    };
    let first = doc.str(i);
    // Part of a word, a code or a clock: no number of its own.
    let attached = (doc.is_glued(i) && i > 0 && !doc.is_any_mark(i - 1, "(:*\"'~=+-,?!•/"))
        || (number.next < doc.len() && doc.is_glued(number.next) && doc.is_word(number.next));
    let listed =
        doc.begins_line(i) && doc.is_any_mark(number.next, ".)-") && doc.is_glued(number.next);
    let padded = first.len() > 1 && first.starts_with('0') && number.value > Decimal::ONE;
    let clock = doc.str(i) == "24" && doc.is_mark(i + 1, '/');
    let first_half = doc.is_mark(number.next, '/')
        && doc.is_glued(number.next)
        && doc.digits(number.next + 1).is_some();
    let other_half = first_half
        || i >= 2 && doc.is_mark(i - 1, '/') && doc.is_glued(i) && doc.digits(i - 2).is_some();
    if attached
        || listed
        || padded
        || clock
        || other_half
        || is_label(doc, i, number.next, number.value)
    {
        return None;
    }
    let counts = super::money::counts_something(doc, number.next);
    if !counts && !super::money::stands_alone(pass, i, number.next) {
        return None;
    }
    Some((plain(number.value), number.next))
}

/// Whether the digits are a year, a score, a code, or the number of a page, floor or tower.
fn is_label(doc: &Doc<'_>, i: usize, next: usize, value: Decimal) -> bool {
    let digits = doc.str(i);
    let plain_year = next == i + 1
        && digits.len() == 4
        && (digits.starts_with("19") || digits.starts_with("20"))
        && value < Decimal::from(2_040);
    let code = next == i + 1 && digits.len() >= 5;
    let labelled = matches!(
        doc.word_before(i),
        "page"
            | "tower"
            | "floor"
            | "floors"
            | "ext"
            | "extension"
            | "code"
            | "type"
            | "version"
            | "phase"
            | "iphone"
            | "class"
            | "model"
            | "press"
            | "reply"
            | "row"
            | "gate"
            | "level"
            | "cheque"
            | "step"
            | "no"
            | "number"
            | "option"
            | "block"
            | "cluster"
            | "building"
            | "galaxy"
            | "windows"
            | "form"
            | "room"
            | "line"
            | "terminal"
            | "route"
            | "year"
            | "until"
            | "since"
            | "aged"
            | "i'm"
            | "im"
            | "exit"
            | "day"
            | "zone"
            | "street"
            | "chapter"
            | "q"
            | "parking"
            | "slot"
            | "lot"
            | "group"
            | "team"
            | "sa3a"
            | "طابق"
            | "الدور"
            | "دور"
            | "الطابق"
            | "رقم"
            | "صفحه"
            | "الصناعيه"
            | "عمري"
            | "شارع"
            | "بلوك"
            | "سنه"
            | "عام"
            | "برج"
            | "الساعه"
    );
    let score = doc.word(next) == "out"
        || (i >= 2 && doc.word_before(i) == "of" && doc.word(i - 2) == "out");
    let joined = |mark: usize, digits: usize| {
        doc.is_any_mark(mark, "-+x")
            && doc.is_glued(mark)
            && doc.digits(digits).is_some()
            && doc.is_glued(digits)
    };
    let chained = joined(next, next + 1)
        || (i >= 2
            && doc.is_any_mark(i - 1, "-+x")
            && doc.is_glued(i)
            && doc.is_glued(i - 1)
            && doc.digits(i - 2).is_some());
    plain_year || code || labelled || score || chained
}
