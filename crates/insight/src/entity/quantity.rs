//! What is counted or measured, with its unit.

use super::{Kind, Pass};
use crate::doc::{Doc, Gap};
use crate::number::{Number, Written, amount_at, digits_at, plain, words_at};
use rust_decimal::Decimal;

const CONFIDENCE: f32 = 0.85;
/// How many times larger the first number of `6 or 4 cheques` may be than the second.
const ALIKE_MAX: u32 = 4;

/// Finds quantities.
pub(super) fn find(pass: &mut Pass<'_, '_>) {
    let mut i = 0;
    while i < pass.doc.len() {
        if let Some((value, end)) = quantity_at(pass, i).filter(|(_, end)| pass.is_free(i..*end)) {
            pass.add(Kind::Quantity, value, i..end, CONFIDENCE);
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
    // `دور واحد`, `شيك واحد`: Arabic puts the one behind what it counts.
    if matches!(doc.word(i + 1), "واحد" | "واحده" | "وحده" | "وحد")
        && let Some(unit) = thing(doc.word(i))
    {
        return Some((format!("1 {}", one_of(unit)), i + 2));
    }
    // `Baths: 3`, as in a list of details.
    if doc.is_any_mark(i + 1, ":=")
        && let Some((unit, _)) = unit_at(pass, i).filter(|(unit, _)| is_detail(unit))
        && let Some(number) = digits_at(doc, i + 2).filter(|n| n.value < Decimal::ONE_HUNDRED)
        && doc.gap(i + 2) != Gap::Line
    {
        return Some((normal_form(number.value, unit), number.next));
    }
    if doc.word(i) == "single"
        && let Some(unit) =
            thing(doc.word(i + 1)).filter(|unit| *unit == "cheques" || *unit == "payments")
    {
        return Some((normal_form(Decimal::ONE, unit), i + 2));
    }
    // `B1 parking` is where it is, and not how many.
    let lettered = i > 0 && doc.word(i - 1).len() == 1 && doc.is_capitalised(i - 1);
    if i > 0 && doc.is_glued(i) && (doc.is_mark(i - 1, '/') || lettered) {
        return None;
    }
    // `type 4M`: a layout.
    if doc.word_before(i) == "type" {
        return None;
    }
    // `40k km`, `٤٠ ألف كيلو`: what a car has run.
    if let Some(number) = amount_at(doc, i).filter(|n| n.multiplied)
        && (measure(doc.word(number.next)) == Some("km") || doc.word(number.next) == "كيلو")
    {
        return Some((normal_form(number.value, "km"), number.next + 1));
    }
    let number = digits_at(doc, i).or_else(|| words_at(doc, i))?;
    let at = if doc.is_mark(number.next, '-') && doc.is_word(number.next + 1) {
        number.next + 1
    } else {
        number.next
    };
    let (unit, end) = unit_at(pass, at)
        .or_else(|| {
            let digits = number.written == Written::Digits;
            digits.then(|| described_at(doc, at)).flatten()
        })
        .or_else(|| shared_unit(pass, number))?;
    // `two people, one room` is a way of speaking; rooms and people are counted in digits.
    let way_of_speaking = unit == "people" || unit == "rooms" && number.value == Decimal::ONE;
    if number.written == Written::Words && way_of_speaking {
        return None;
    }
    Some((normal_form(number.value, unit), end))
}

/// `3 cheques`, `1 cheque`.
pub(super) fn normal_form(count: Decimal, unit: &str) -> String {
    let unit = if count == Decimal::ONE {
        one_of(unit)
    } else {
        unit
    };
    format!("{} {unit}", plain(count))
}

/// Things whose number stands behind them in a list of details.
fn is_detail(unit: &str) -> bool {
    matches!(
        unit,
        "bathrooms" | "parking spaces" | "cheques" | "payments" | "floors"
    )
}

/// Whether a word is a unit, or a thing that is counted.
pub(super) fn is_unit(word: &str) -> bool {
    measure(word).or_else(|| thing(word)).is_some()
}

/// A unit, in its short or plural form, and the token after it.
fn unit_at(pass: &Pass<'_, '_>, i: usize) -> Option<(&'static str, usize)> {
    let doc = pass.doc;
    let word = doc.word(i);
    if matches!(
        word,
        "parking" | "parkings" | "carpark" | "carparks" | "موقف" | "مواقف"
    ) {
        // A card or a ticket for parking is another thing.
        let thing_of_it = thing(doc.word(i + 1)).filter(|_| doc.gap(i + 1) == Gap::Space);
        return Some(match thing_of_it {
            Some(unit) => (unit, i + 2),
            None => ("parking spaces", parking_end(pass, i + 1)),
        });
    }
    if matches!(word, "car" | "covered" | "basement") && doc.word(i + 1).starts_with("park") {
        return unit_at(pass, i + 1);
    }
    if word == "كيلو" && (i.saturating_sub(3)..i).any(|at| doc.word(at).contains("كهربا"))
    {
        return Some(("kW", i + 1));
    }
    // `tower 2 unit 3309`: the number of a unit stands behind it.
    if matches!(word, "unit" | "seat") && (doc.digits(i + 1).is_some() || doc.is_mark(i + 1, '#')) {
        return None;
    }
    if let Some(unit) = measure(word).or_else(|| thing(word)) {
        return Some((unit, i + 1));
    }
    // `3 off plan units`
    if word == "off" {
        let at = if doc.is_mark(i + 1, '-') {
            i + 2
        } else {
            i + 1
        };
        let unit = (doc.word(at) == "plan").then(|| thing(doc.word(at + 1)))??;
        return Some((unit, at + 2));
    }
    let described = matches!(
        word,
        "post"
            | "dated"
            | "pdc"
            | "more"
            | "full"
            | "different"
            | "monthly"
            | "quarterly"
            | "yearly"
            | "equal"
    );
    described.then(|| unit_at(pass, i + 1))?
}

/// A unit of measure, by its sign.
fn measure(word: &str) -> Option<&'static str> {
    Some(match word {
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
        "gallon" | "gallons" | "جالون" => "gallons",
        "gb" => "GB",
        "mb" => "MB",
        "tb" => "TB",
        "kw" => "kW",
        "kwh" => "kWh",
        "kva" => "kVA",
        "acre" | "acres" => "acres",
        _ => return None,
    })
}

/// A thing that is counted, in the plural.
fn thing(word: &str) -> Option<&'static str> {
    Some(match word {
        "bathroom" | "bathrooms" | "bath" | "baths" | "bathrm" | "bathrms" | "washroom"
        | "washrooms" | "toilet" | "toilets" | "7ammam" | "7amam" | "7ammamat" | "7amamat"
        | "حمام" | "حمامات" => "bathrooms",
        "cheque" | "cheques" | "chq" | "chqs" | "check" | "checks" | "chk" | "chks" | "chqe"
        | "pdc" | "pdcs" | "cheks" | "cheqs" | "cheqe" | "cheqes" | "cheqeus" | "chequess"
        | "شيك" | "شيكات" | "شيكا" | "sheikat" | "shekat" | "chekat" | "shikat" => {
            "cheques"
        }
        "payments" | "payment" | "pymnts" | "pymts" | "pmts" | "installments" | "instalments"
        | "installment" | "instalment" | "دفعات" | "اقساط" | "دفعه" | "قسط" => {
            "payments"
        }
        "unit" | "units" | "وحدات" => "units",
        "floor" | "floors" | "storey" | "storeys" | "stories" | "طوابق" | "ادوار" | "دور"
        | "طابق" => "floors",
        "person" | "persons" | "people" | "pax" | "ppl" | "اشخاص" | "شخص" | "اشخاصا" => {
            "people"
        }
        "key" | "keys" | "keyset" | "مفاتيح" | "مفتاح" => "keys",
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
        _ => return None,
    })
}

/// `30 access cards`, `2 spare keys`: a thing behind one word that describes it.
fn described_at(doc: &Doc<'_>, i: usize) -> Option<(&'static str, usize)> {
    let plain_word = doc.is_word(i)
        && doc.gap(i) == Gap::Space
        && doc.gap(i + 1) == Gap::Space
        && !super::price_words::UNCOUNTED.contains(doc.word(i))
        && doc.word(i).chars().count() >= 3;
    let unit = plain_word.then(|| thing(doc.word(i + 1)))??;
    (unit != "people" && unit != "rooms").then_some((unit, i + 2))
}

/// `from 80 to 150 kW`, `2 or 3 cheques`: the first number shares the unit of the second.
fn shared_unit(pass: &Pass<'_, '_>, first: Number) -> Option<(&'static str, usize)> {
    let (doc, i) = (pass.doc, first.next);
    let joined = doc.is_mark(i, '-')
        || matches!(
            doc.word(i),
            "to" | "or" | "and" | "till" | "الى" | "الي" | "او"
        );
    let second = joined.then(|| digits_at(doc, i + 1).or_else(|| words_at(doc, i + 1)))??;
    // `at 75 or 4 chqs`: two things.
    let alike = first.value <= second.value.checked_mul(ALIKE_MAX.into())?;
    let (unit, _) = alike.then(|| unit_at(pass, second.next))??;
    Some((unit, i))
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
        "حمامين" | "وحمامين" => "bathrooms",
        "شيكين" | "بشيكين" => "cheques",
        "موقفين" | "وموقفين" => "parking spaces",
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
