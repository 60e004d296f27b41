//! What must hold for any text at all.

use super::{ANALYZER, monday};
use jiff::civil::{Date, DateTime};
use proptest::prelude::*;
use rust_decimal::Decimal;
use waypost_insight::Input;
use waypost_insight::entity::{Entity, Kind};

/// Pieces that grammars bite on, between which anything may stand.
fn biting() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "050",
        "576",
        "0056",
        "+971",
        "1.5",
        "M",
        "k",
        "AED",
        "د.إ",
        "٪",
        "%",
        "-",
        "/",
        ":",
        ".",
        ",",
        "25",
        "02",
        "2026",
        "feb",
        "next",
        "friday",
        "at",
        "pm",
        "in",
        "2",
        "br",
        "unit",
        "#",
        "A",
        "ref",
        "no",
        "sqft",
        "m2",
        "مليون",
        "ونص",
        "الساعة",
        "بعد",
        "غرفتين",
        "between",
        "and",
        "to",
        "marina",
        "gate",
        "Mr",
        "Ahmed",
        "@",
        "x.com",
        "http://",
        "half",
        "a",
        "year",
        "\u{200f}",
        "é",
        "\u{0301}",
        "😀",
        "\n",
        "  ",
        "999999999999999",
    ]);
    prop::collection::vec((pieces, prop::sample::select(vec!["", " "])), 0..24).prop_map(|parts| {
        parts
            .into_iter()
            .map(|(piece, gap)| format!("{piece}{gap}"))
            .collect()
    })
}

fn is_normal(entity: &Entity) -> bool {
    let value = entity.value.as_str();
    let decimal = |text: &str| {
        text.parse::<Decimal>()
            .is_ok_and(|d| d.normalize().to_string() == text)
    };
    match entity.kind {
        Kind::Phone => value
            .strip_prefix('+')
            .is_some_and(|d| (4..=15).contains(&d.len()) && d.bytes().all(|b| b.is_ascii_digit())),
        Kind::Money => value
            .split_once(' ')
            .is_some_and(|(code, amount)| code.len() == 3 && decimal(amount)),
        Kind::Date => value.parse::<Date>().is_ok(),
        Kind::Datetime => value.len() == 16 && value.parse::<DateTime>().is_ok(),
        Kind::Duration => value.parse::<jiff::Span>().is_ok(),
        Kind::Percentage | Kind::Number => decimal(value),
        Kind::Quantity | Kind::AreaSize => value
            .split_once(' ')
            .is_some_and(|(amount, _)| decimal(amount)),
        Kind::Bedrooms => value.parse::<u8>().is_ok(),
        _ => !value.is_empty(),
    }
}

fn holds(text: &str) -> Result<(), TestCaseError> {
    let at = monday();
    let analysis = ANALYZER.analyze(&Input {
        text,
        at: &at,
        locale: None,
    });
    for entity in &analysis.entities {
        prop_assert_eq!(
            text.get(entity.start..entity.end),
            Some(entity.text.as_str())
        );
        prop_assert!(is_normal(entity), "{:?}", entity);
        prop_assert!((0.7..=1.0).contains(&entity.confidence));
    }
    prop_assert!((-1.0..=1.0).contains(&analysis.sentiment.score));
    prop_assert!((0.0..=1.0).contains(&analysis.intent.confidence));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_text_is_read_without_harm(text in "\\PC{0,120}") {
        holds(&text)?;
    }

    #[test]
    fn whatever_grammars_bite_on_is_in_normal_form(text in biting()) {
        holds(&text)?;
    }

    #[test]
    fn every_emirati_mobile_is_found_in_every_form(number in 0_u32..10_000_000, prefix in prop::sample::select(vec!["50", "52", "54", "55", "56", "58"])) {
        let digits = format!("{prefix}{number:07}");
        let (a, b, c) = (&digits[..2], &digits[2..5], &digits[5..]);
        for typed in [format!("+971 {a} {b} {c}"), format!("0{a}-{b}-{c}"), format!("00971{digits}"), format!("+971{digits}"), format!("0{a} {b}{c}")] {
            let at = monday();
            let analysis = ANALYZER.analyze(&Input { text: &format!("call {typed} ok"), at: &at, locale: None });
            let found: Vec<_> = analysis.entities.iter().map(|e| e.value.as_str()).collect();
            prop_assert_eq!(found, [format!("+971{digits}")]);
        }
    }

    #[test]
    fn every_amount_is_read_exactly_in_every_form(dirhams in 1_000_u64..50_000_000, fils in 0_u64..100) {
        let amount = Decimal::new((dirhams * 100 + fils) as i64, 2).normalize();
        let wanted = vec![format!("money AED {amount}")];
        let grouped = grouped(dirhams);
        for typed in [format!("AED {grouped}.{fils:02}"), format!("{dirhams}.{fils:02} dhs"), format!("Dhs. {grouped}.{fils:02}"), format!("{grouped}.{fils:02} درهم")] {
            prop_assert_eq!(super::values(&typed), wanted.clone(), "{}", typed);
        }
    }

    #[test]
    fn every_day_is_read_in_every_form(year in 2001_i16..2099, month in 1_i8..=12, day in 1_i8..=28) {
        const MONTHS: [&str; 12] = ["Jan", "Feb", "March", "Apr", "May", "June", "July", "Aug", "Sept", "Oct", "Nov", "Dec"];
        let name = MONTHS[usize::from(month.unsigned_abs()) - 1];
        let wanted = vec![format!("date {year:04}-{month:02}-{day:02}")];
        for typed in [format!("{day}/{month}/{year}"), format!("{day:02}-{month:02}-{year}"), format!("{day:02}.{month:02}.{year}"), format!("{year}-{month:02}-{day:02}"), format!("{day} {name} {year}"), format!("{name} {day}, {year}")] {
            prop_assert_eq!(super::values(&typed), wanted.clone(), "{}", typed);
        }
    }

    #[test]
    fn every_minute_of_a_named_day_is_read(hour in 0_i8..24, minute in 0_i8..60) {
        let wanted = vec![format!("datetime 2026-02-24T{hour:02}:{minute:02}")];
        let half = if hour < 12 { "am" } else { "pm" };
        let shown = if hour % 12 == 0 { 12 } else { hour % 12 };
        for typed in [format!("tomorrow at {hour:02}:{minute:02}"), format!("tomorrow {shown}:{minute:02} {half}"), format!("{shown}:{minute:02}{half} tomorrow"), format!("2026-02-24T{hour:02}:{minute:02}")] {
            prop_assert_eq!(super::values(&typed), wanted.clone(), "{}", typed);
        }
    }
}

/// Digits in groups of three.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
