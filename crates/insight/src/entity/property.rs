//! Kinds of property: apartment, villa, townhouse and the rest, in English and Arabic.

use super::{Kind, Pass};
use crate::doc::Doc;

const CONFIDENCE: f32 = 0.90;

/// Words of offers and searches, with which an office or a shop is a property.
const OFFERED: &[&str] = &[
    "rent",
    "sale",
    "buy",
    "lease",
    "leased",
    "sell",
    "looking",
    "fitted",
    "space",
    "sqft",
    "sqm",
    "commercial",
    "retail",
    "shell",
    "frontage",
    "mezzanine",
    "tenant",
    "tenants",
    "landlord",
    "split",
    "desks",
    "warehouse",
    "corner",
    "floor",
    "license",
    "licence",
    "unit",
    "vacant",
    "investor",
    "sf",
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
    "ايجار",
    "الايجار",
    "مساحه",
    "مساحتها",
    "يبيع",
    "اشوف",
    "صاحب",
    "متر",
    "قدم",
    "زاويه",
    "بدنا",
    "نبي",
    "نبغي",
    "نحتاج",
    "ندور",
    "ادور",
    "عايز",
    "عاوز",
    "abgha",
    "adawwer",
];

/// What the whole message speaks of.
#[derive(Debug, Clone, Copy)]
struct Talk {
    /// Words of offers and searches.
    of_offers: usize,
    /// Whether a house is named, whose land is no plot of its own.
    of_houses: bool,
}

impl Talk {
    fn new(doc: &Doc<'_>) -> Self {
        let words = || (0..doc.len()).map(|i| doc.word(i));
        Self {
            of_offers: words().filter(|word| OFFERED.contains(word)).count(),
            of_houses: words().any(is_house),
        }
    }
}

/// Finds kinds of property.
pub(super) fn find(pass: &mut Pass<'_, '_>) {
    let talk = Talk::new(pass.doc);
    let mut i = 0;
    while i < pass.doc.len() {
        // `850k flat`, `ex warehouse`: words of prices.
        let rate = matches!(pass.doc.word(i), "flat" | "apt")
            && (pass.ends_at(Kind::Money, i) || pass.doc.word_before(i) == "sudo")
            || pass.doc.word(i) == "warehouse" && pass.doc.word_before(i) == "ex";
        match type_at(pass, i, talk)
            .filter(|_| !rate)
            .filter(|(_, end)| pass.is_free(i..*end))
        {
            Some((name, end)) => {
                pass.add(Kind::PropertyType, name.to_owned(), i..end, CONFIDENCE);
                i = end;
            }
            None => i += 1,
        }
    }
}

fn type_at(pass: &Pass<'_, '_>, i: usize, talk: Talk) -> Option<(&'static str, usize)> {
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
    let word = doc.word(i).strip_suffix("'s").unwrap_or(doc.word(i));
    let name = plain_type(word)
        .or_else(|| {
            let bare = word
                .strip_prefix("ال")
                .or_else(|| word.strip_prefix("وال"))
                .or_else(|| word.strip_prefix("بال"))
                .or_else(|| word.strip_prefix("لل"))
                .or_else(|| word.strip_prefix("فال"))?;
            plain_type(bare)
        })
        .or_else(|| {
            let bare = word.strip_prefix(['و', 'ب', 'ل'])?;
            (bare.chars().count() >= 3).then(|| plain_type(bare))?
        })
        .or_else(|| doubtful_type(pass, i, talk))?;
    Some((name, i + 1))
}

fn plain_type(word: &str) -> Option<&'static str> {
    Some(match word {
        "apartment" | "apartments" | "apt" | "apts" | "appartment" | "appartments"
        | "apartement" | "apartements" | "flat" | "flats" | "apartmnt" | "aparment"
        | "apartmet" | "apratment" | "apartament" | "appartement" | "apartmen" | "appartments'"
        | "appt" | "aprtment" | "sha2a" | "sha22a" | "sha2at" | "shaqa" | "aptmt" | "condo"
        | "condos" | "شقه" | "شقق" | "شقتين" | "شقتي" => "apartment",
        "villa" | "villas" | "villah" | "viila" | "vila" | "vilas" | "villla" | "فيلا" | "فله"
        | "فلل" | "فيلات" | "فيلتين" | "فلتين" | "فيللا" => "villa",
        "townhouse" | "townhouses" | "townhome" | "townhomes" | "townhous" | "تاونهاوس" => {
            "townhouse"
        }
        "penthouse" | "penthouses" | "penthous" | "penthose" | "بنتهاوس" => "penthouse",
        "duplex" | "duplexes" | "duplx" | "دوبلكس" | "دوبليكس" => "duplex",
        "warehouse" | "warehouses" | "warehous" | "godown" | "مستودع" | "مستودعات" | "مخزن" => {
            "warehouse"
        }
        _ => return None,
    })
}

/// Words that are a kind of property only in the right surroundings.
fn doubtful_type(pass: &Pass<'_, '_>, i: usize, talk: Talk) -> Option<&'static str> {
    let doc = pass.doc;
    match doc.word(i) {
        "office" | "offices" | "makteb" | "maktab" | "مكتب" | "مكاتب" => {
            is_offered(doc, i, talk).then_some("office")
        }
        "shop" | "shops" | "محل" | "محلات" | "محلين" | "المحل" | "للمحلات" => {
            is_offered(doc, i, talk).then_some("shop")
        }
        "plot" | "plots" | "ard" => {
            let measures = talk.of_houses && is_measured(pass, i);
            (!measures).then_some("plot")
        }
        "retail" => is_offered(doc, i, talk).then_some("shop"),
        "land"
            if matches!(
                doc.word_before(i),
                "should"
                    | "will"
                    | "to"
                    | "can"
                    | "gold"
                    | "dubai"
                    | "we"
                    | "i"
                    | "they"
                    | "flight"
            ) =>
        {
            None
        }
        // `plot of land` is said once.
        "land" if doc.word_before(i) == "of" && i >= 2 && doc.word(i - 2) == "plot" => None,
        "land" | "ارض" | "الارض" | "اراضي" => (doc.word(i + 1) != "department"
            && doc.word(i + 1) != "line"
            && doc.word(i + 1) != "lord")
            .then_some("plot"),
        "building" | "bldg" | "buildings" | "بنايه" | "عماره" | "البنايه" | "العماره" => {
            whole_building(doc, i).then_some("building")
        }
        "th" | "ths" => {
            let ordinal =
                i > 0 && doc.digits(i - 1).is_some() && (doc.is_glued(i) || !doc.is_shouted(i));
            let offered = doc.is_shouted(i) || pass.has(Kind::Bedrooms);
            (offered && !ordinal).then_some("townhouse")
        }
        "ph" => (doc.is_shouted(i) && pass.has(Kind::Bedrooms) && !doc.is_any_mark(i + 1, ":."))
            .then_some("penthouse"),
        _ => None,
    }
}

/// Whether a size stands right beside a plot, so that the plot may be the land of a house.
fn is_measured(pass: &Pass<'_, '_>, i: usize) -> bool {
    pass.found.iter().any(|f| {
        f.kind == Kind::AreaSize
            && ((f.tokens.start > i && f.tokens.start <= i + 4) || f.tokens.end == i)
    })
}

fn is_house(word: &str) -> bool {
    matches!(
        word,
        "villa"
            | "villas"
            | "townhouse"
            | "townhouses"
            | "mansion"
            | "bua"
            | "فيلا"
            | "الفيلا"
            | "فله"
    )
}

/// Digits of an office's number at most; a longer one behind it is a phone.
const NUMBER_DIGITS_MAX: usize = 5;

/// Whether an office or shop is spoken of as property and not as a place to go to.
fn is_offered(doc: &Doc<'_>, i: usize, talk: Talk) -> bool {
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
        "sales",
        "at",
        "back",
        "home",
        "site",
        "to",
        "from",
        "trustee",
        "typing",
        "leasing",
        "admissions",
        "ur",
        "uk",
        "branch",
        "registration",
        "ticket",
        "box",
        "gift",
        "management",
        "notary",
    ];
    const NOT_AFTER: &[&str] = &[
        "hours", "phone", "number", "manager", "boy", "open", "today", "address", "address?",
        "staff", "timing", "timings",
    ];
    let before = doc.word_before(i);
    let lettered = doc.word(i + 1).len() == 1
        && doc.is_any_mark(i + 2, "-")
        && doc.is_glued(i + 2)
        && doc.digits(i + 3).is_some();
    let numbered = lettered
        || doc
            .digits(i + 1)
            .is_some_and(|d| d.len() <= NUMBER_DIGITS_MAX)
        || doc.is_mark(i + 1, '#')
        || matches!(doc.word(i + 1), "no" | "رقم");
    let several = matches!(
        doc.word(i),
        "offices" | "shops" | "محلات" | "محلين" | "مكاتب" | "للمحلات"
    );
    let own = usize::from(OFFERED.contains(&doc.word(i)));
    let talks = talk.of_offers > own;
    numbered
        || several
        || (talks && !NOT_BEFORE.contains(&before) && !NOT_AFTER.contains(&doc.word(i + 1)))
}

/// Whether a whole building is offered or sought.
fn whole_building(doc: &Doc<'_>, i: usize) -> bool {
    let before = matches!(
        doc.word_before(i),
        "whole" | "entire" | "full" | "residential" | "commercial" | "complete" | "buy" | "selling"
    ) || matches!(doc.word_before(i), "one" | "the")
        && (i.saturating_sub(5)..i)
            .any(|at| matches!(doc.word(at), "offer" | "offering" | "bid" | "buy"))
        && !matches!(doc.word_before(i.saturating_sub(1)), "in" | "at" | "of");
    let sold = matches!(
        doc.word(i + 1),
        "for" | "للبيع" | "للايجار" | "كامله" | "سكنيه" | "تجاريه"
    );
    before || sold
}
