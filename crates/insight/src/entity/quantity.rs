//! What is counted or measured, and the numbers that are left over.

use super::{Kind, Pass};
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
        } else if let Some((value, end)) = number_at(pass, i).filter(|(_, end)| pass.is_free(i..*end)) {
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
    let at = if doc.is_mark(number.next, '-') && doc.is_word(number.next + 1) { number.next + 1 } else { number.next };
    let (unit, end) = unit_at(pass, at)?;
    Some((format!("{} {unit}", plain(number.value)), end))
}

/// A unit, in its short or singular form, and the token after it.
fn unit_at(pass: &Pass<'_, '_>, i: usize) -> Option<(&'static str, usize)> {
    let doc = pass.doc;
    let adjective = matches!(
        doc.word(i),
        "post" | "dated" | "covered" | "parking" | "post-dated" | "full" | "more" | "car" | "different" | "reserved" | "allocated"
    );
    let unit = match doc.word(i) {
        "km" | "kms" | "kilometer" | "kilometers" | "kilometre" | "kilometres" | "كيلو" | "كم" => "km",
        "m" | "meter" | "meters" | "metre" | "metres" | "mtr" | "mtrs" | "متر" | "امتار" => "m",
        "cm" => "cm",
        "mm" => "mm",
        "ft" | "feet" | "foot" => "ft",
        "inch" | "inches" => "inch",
        "mile" | "miles" => "mile",
        "kg" | "kgs" | "kilo" | "kilos" | "kilogram" | "kilograms" => "kg",
        "g" | "gram" | "grams" => "g",
        "ton" | "tons" | "tonne" | "tonnes" => "ton",
        "l" | "liter" | "liters" | "litre" | "litres" => "l",
        "gb" => "GB",
        "mb" => "MB",
        "kw" => "kW",
        "kwh" => "kWh",
        "acre" | "acres" => "acre",
        "hectare" | "hectares" => "hectare",
        "sqyd" | "yards" | "yard" => "yard",
        "bathroom" | "bathrooms" | "bath" | "baths" | "bathrm" | "washroom" | "washrooms" | "toilets" | "حمام" | "حمامات" => "bathroom",
        "cheque" | "cheques" | "chq" | "chqs" | "check" | "checks" | "chk" | "chks" | "chqe" | "شيك" | "شيكات" => "cheque",
        "parking" | "parkings" | "carpark" | "carparks" | "موقف" | "مواقف" => "parking",
        "car" if doc.word(i + 1).starts_with("park") => return Some(("parking", i + 2)),
        "payments" | "payment" | "installments" | "instalments" | "installment" | "دفعات" => "payment",
        "unit" | "units" | "وحدات" => "unit",
        "floor" | "floors" | "storey" | "storeys" | "stories" | "طوابق" | "طابق" => "floor",
        "balcony" | "balconies" => "balcony",
        "person" | "persons" | "people" | "pax" | "adults" | "اشخاص" | "شخص" => "person",
        "kids" | "children" => "child",
        "keys" | "key" | "مفاتيح" => "key",
        "copies" | "copy" | "نسخ" => "copy",
        "cars" | "سيارات" => "car",
        "photos" | "pictures" | "pics" | "صور" => "photo",
        "properties" => "property",
        "options" | "option" => "option",
        "rooms" | "room" => "room",
        "tenants" => "tenant",
        "times" | "مرات" => "time",
        "pieces" | "pcs" | "قطع" => "piece",
        _ if adjective => {
            let (unit, end) = unit_at(pass, i + 1)?;
            return Some((unit, end));
        }
        _ => return None,
    };
    Some((unit, i + 1))
}

fn arabic_pair(word: &str) -> Option<&'static str> {
    Some(match word {
        "حمامين" => "bathroom",
        "شيكين" => "cheque",
        "موقفين" => "parking",
        "دفعتين" => "payment",
        "طابقين" => "floor",
        _ => return None,
    })
}

/// A number in digits that no other grammar wanted.
fn number_at(pass: &Pass<'_, '_>, i: usize) -> Option<(String, usize)> {
    let doc = pass.doc;
    let number = if doc.digits(i).is_some() { amount_at(doc, i).or_else(|| digits_at(doc, i))? } else { return None };
    let first = doc.str(i);
    // Part of a word, a code or a clock: no number of its own.
    let attached = (doc.is_glued(i) && i > 0 && !doc.is_any_mark(i - 1, "(:*\"'~=+-,?!•/"))
        || (number.next < doc.len() && doc.is_glued(number.next) && doc.is_word(number.next));
    let listed = doc.begins_line(i) && doc.is_any_mark(number.next, ".)-") && doc.is_glued(number.next);
    let padded = first.len() > 1 && first.starts_with('0') && number.value > Decimal::ONE;
    let clock = doc.str(i) == "24" && doc.is_mark(i + 1, '/');
    let first_half = doc.is_mark(number.next, '/') && doc.is_glued(number.next) && doc.digits(number.next + 1).is_some();
    let other_half = first_half
        || i >= 2 && doc.is_mark(i - 1, '/') && doc.is_glued(i) && doc.digits(i - 2).is_some();
    if attached || listed || padded || clock || other_half {
        return None;
    }
    Some((plain(number.value), number.next))
}
