//! What the sheets of a workbook share: their names, the strings, and which numbers are dates.

use super::package::{Package, part};
use crate::error::ReadError;
use crate::limits::TABLES_MAX;
use quick_xml::Reader;
use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::{BytesStart, Event};
use std::collections::HashMap;

/// Days between 0000-03-01 and the day before the first of Excel's calendar, 1899-12-30.
const EXCEL_EPOCH: i64 = 693_899;
/// Days between the calendar that begins in 1904 and the usual one.
const MAC_EPOCH: f64 = 1_462.0;
/// Excel believes that 1900 was a leap year; this day never was.
const FALSE_LEAP_DAY: f64 = 60.0;
/// The last day that a sheet can show, 9999-12-31.
const DAY_MAX: f64 = 2_958_465.0;

/// What a number is shown as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    Number,
    Date,
    Duration,
}

/// What all sheets share.
#[derive(Debug, Default)]
pub(super) struct Book {
    /// Names and paths of the sheets in their order.
    pub(super) sheets: Vec<(String, String)>,
    strings: Vec<String>,
    styles: Vec<Shown>,
    from_1904: bool,
}

impl Book {
    pub(super) fn read(package: &mut Package<'_>) -> Result<Self, ReadError> {
        let mut book = Self::default();
        let targets = match part(package, "xl/_rels/workbook.xml.rels")? {
            Some(xml) => targets(&xml)?,
            None => HashMap::new(),
        };
        if let Some(xml) = part(package, "xl/workbook.xml")? {
            book.read_workbook(&xml, &targets)?;
        }
        if let Some(xml) = part(package, "xl/sharedStrings.xml")? {
            book.strings = strings(&xml)?;
        }
        if let Some(xml) = part(package, "xl/styles.xml")? {
            book.styles = styles(&xml)?;
        }
        Ok(book)
    }

    fn read_workbook(
        &mut self,
        xml: &[u8],
        targets: &HashMap<String, String>,
    ) -> Result<(), ReadError> {
        elements(xml, |element| match element.local_name().as_ref() {
            "sheet" if self.sheets.len() <= TABLES_MAX => {
                let id = attribute(element, "id").unwrap_or_default();
                let target = targets.get(&id);
                if let (Some(name), Some(path)) = (attribute(element, "name"), target) {
                    self.sheets.push((name, path.clone()));
                }
            }
            "workbookPr" => {
                self.from_1904 = matches!(
                    attribute(element, "date1904").as_deref(),
                    Some("1" | "true")
                );
            }
            _ => {}
        })
    }

    /// A cell's value as text: numbers plain, dates ISO 8601, truth values TRUE and FALSE.
    pub(super) fn text_of(&self, kind: &str, style: usize, value: String) -> String {
        match kind {
            "s" => {
                let at = value.trim().parse::<usize>().ok();
                at.and_then(|at| self.strings.get(at))
                    .cloned()
                    .unwrap_or_default()
            }
            "b" => if value.trim() == "1" { "TRUE" } else { "FALSE" }.into(),
            "str" | "inlineStr" | "e" | "d" => value,
            _ => match value.trim().parse::<f64>() {
                Ok(number) if number.is_finite() => self.number_of(style, number),
                _ => value,
            },
        }
    }

    fn number_of(&self, style: usize, value: f64) -> String {
        match self.styles.get(style).unwrap_or(&Shown::Number) {
            Shown::Date => {
                let day = if self.from_1904 {
                    value + MAC_EPOCH
                } else {
                    value
                };
                date(day).unwrap_or_else(|| number(value))
            }
            Shown::Duration => duration(value),
            Shown::Number => number(value),
        }
    }
}

/// Every start tag of a part.
fn elements(xml: &[u8], mut each: impl FnMut(&BytesStart<'_>)) -> Result<(), ReadError> {
    let mut reader = Reader::from_reader(xml);
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        match reader
            .read_event_into(&mut buffer)
            .map_err(ReadError::damaged)?
        {
            Event::Start(element) | Event::Empty(element) => each(&element),
            Event::Eof => return Ok(()),
            _ => {}
        }
    }
}

/// An attribute's value, whatever its namespace.
pub(super) fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let found = element
        .attributes()
        .filter_map(Result::ok)
        .find(|a| a.key.local_name().as_ref() == name)?;
    let raw = found.value.as_ref();
    Some(
        quick_xml::escape::unescape(raw)
            .map_or_else(|_| raw.to_owned(), std::borrow::Cow::into_owned),
    )
}

fn targets(xml: &[u8]) -> Result<HashMap<String, String>, ReadError> {
    let mut all = HashMap::new();
    elements(xml, |element| {
        if element.local_name().as_ref() == "Relationship"
            && let (Some(id), Some(target)) =
                (attribute(element, "Id"), attribute(element, "Target"))
        {
            let path = match target.strip_prefix('/') {
                Some(from_root) => from_root.to_owned(),
                None => format!("xl/{target}"),
            };
            all.insert(id, path);
        }
    })?;
    Ok(all)
}

fn strings(xml: &[u8]) -> Result<Vec<String>, ReadError> {
    let mut reader = Reader::from_reader(xml);
    let mut buffer = Vec::new();
    let mut all = Vec::new();
    let mut current = String::new();
    let (mut in_text, mut spoken) = (false, false);
    loop {
        buffer.clear();
        match reader
            .read_event_into(&mut buffer)
            .map_err(ReadError::damaged)?
        {
            Event::Start(element) => match element.local_name().as_ref() {
                "t" => in_text = !spoken,
                "rPh" => spoken = true,
                _ => {}
            },
            Event::End(element) => match element.local_name().as_ref() {
                "t" => in_text = false,
                "rPh" => spoken = false,
                "si" => all.push(std::mem::take(&mut current)),
                _ => {}
            },
            Event::Empty(element) if element.local_name().as_ref() == "si" => {
                all.push(String::new())
            }
            Event::Text(text) if in_text => current.push_str(&text.xml10_content()),
            Event::CData(text) if in_text => current.push_str(&text.xml10_content()),
            Event::GeneralRef(entity) if in_text => {
                match entity.resolve_char_ref().map_err(ReadError::damaged)? {
                    Some(c) => current.push(c),
                    None => {
                        current.push_str(resolve_xml_entity(entity.as_ref()).unwrap_or_default())
                    }
                }
            }
            Event::Eof => return Ok(all),
            _ => {}
        }
    }
}

fn styles(xml: &[u8]) -> Result<Vec<Shown>, ReadError> {
    let mut own: HashMap<u32, Shown> = HashMap::new();
    let mut all = Vec::new();
    let mut reader = Reader::from_reader(xml);
    let mut buffer = Vec::new();
    let mut in_cells = false;
    loop {
        buffer.clear();
        match reader
            .read_event_into(&mut buffer)
            .map_err(ReadError::damaged)?
        {
            Event::Start(element) | Event::Empty(element) => match element.local_name().as_ref() {
                "numFmt" => {
                    let id = attribute(&element, "numFmtId").and_then(|id| id.parse().ok());
                    if let (Some(id), Some(code)) = (id, attribute(&element, "formatCode")) {
                        own.insert(id, shown_by(&code));
                    }
                }
                "cellXfs" => in_cells = true,
                "xf" if in_cells => {
                    let id = attribute(&element, "numFmtId")
                        .and_then(|id| id.parse().ok())
                        .unwrap_or(0);
                    all.push(own.get(&id).copied().unwrap_or_else(|| built_in(id)));
                }
                _ => {}
            },
            Event::End(element) if element.local_name().as_ref() == "cellXfs" => in_cells = false,
            Event::Eof => return Ok(all),
            _ => {}
        }
    }
}

/// The formats that every workbook knows without saying (ECMA-376, part 1, 18.8.30).
fn built_in(id: u32) -> Shown {
    match id {
        14..=22 | 27..=36 | 45 | 47 | 50..=58 => Shown::Date,
        46 => Shown::Duration,
        _ => Shown::Number,
    }
}

/// What a format's code makes of a number: letters of dates outside of quotes and brackets.
fn shown_by(code: &str) -> Shown {
    let first = code.split(';').next().unwrap_or(code).to_lowercase();
    let mut letters = first.chars();
    let mut is_date = false;
    while let Some(c) = letters.next() {
        match c {
            '"' => while letters.next().is_some_and(|c| c != '"') {},
            '\\' | '_' | '*' => {
                letters.next();
            }
            '[' => {
                let inside: String = letters.by_ref().take_while(|c| *c != ']').collect();
                if !inside.is_empty() && inside.chars().all(|c| matches!(c, 'h' | 'm' | 's')) {
                    return Shown::Duration;
                }
            }
            'y' | 'd' | 'h' | 's' | 'm' => is_date = true,
            'g' => return Shown::Number,
            _ => {}
        }
    }
    if is_date { Shown::Date } else { Shown::Number }
}

/// A plain decimal. Sums that binary arithmetic left a hair off are shown with the fifteen digits
/// that a spreadsheet keeps.
fn number(f: f64) -> String {
    if f == 0.0 {
        return "0".into();
    }
    let exact = f.to_string();
    let digits = exact.trim_start_matches('-').replace('.', "");
    if digits.trim_matches('0').len() <= 15 {
        return exact;
    }
    let rounded: f64 = format!("{f:.14e}").parse().unwrap_or(f);
    rounded.to_string()
}

/// `2026-02-25`, `2026-02-25T15:00` or, without a day, `15:00`. Seconds only when there are some.
fn date(serial: f64) -> Option<String> {
    if !(0.0..=DAY_MAX + 1.0).contains(&serial) {
        return None;
    }
    let millis = (serial * 86_400_000.0).round() as i64;
    let (day, rest) = (millis.div_euclid(86_400_000), millis.rem_euclid(86_400_000));
    let (hour, minute) = (rest / 3_600_000, rest / 60_000 % 60);
    let (second, milli) = (rest / 1_000 % 60, rest % 1_000);
    let time = match (second, milli) {
        (0, 0) => format!("{hour:02}:{minute:02}"),
        (_, 0) => format!("{hour:02}:{minute:02}:{second:02}"),
        _ => format!("{hour:02}:{minute:02}:{second:02}.{milli:03}"),
    };
    if day == 0 {
        return Some(time);
    }
    let day = if (day as f64) < FALSE_LEAP_DAY {
        day + 1
    } else {
        day
    };
    let (year, month, of_month) = civil(day);
    let date = format!("{year:04}-{month:02}-{of_month:02}");
    Some(if rest == 0 {
        date
    } else {
        format!("{date}T{time}")
    })
}

/// Hours, minutes and, when there are some, seconds.
fn duration(days: f64) -> String {
    let seconds = (days * 86_400.0).round() as i64;
    let sign = if seconds < 0 { "-" } else { "" };
    let seconds = seconds.abs();
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    match second {
        0 => format!("{sign}{hour:02}:{minute:02}"),
        _ => format!("{sign}{hour:02}:{minute:02}:{second:02}"),
    }
}

/// The date of a day of Excel's calendar, by counting years that begin in March.
fn civil(day: i64) -> (i64, i64, i64) {
    let day = day + EXCEL_EPOCH;
    let era = day.div_euclid(146_097);
    let of_era = day.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let of_month = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    (year, month, of_month)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_plain_decimals() {
        assert_eq!(number(1_500_000.0), "1500000");
        assert_eq!(number(0.1 + 0.2), "0.3");
        assert_eq!(number(-2.5), "-2.5");
        assert_eq!(number(1e20), "100000000000000000000");
        assert_eq!(number(-0.0), "0");
    }

    #[test]
    fn days_are_counted_as_spreadsheets_do() {
        let check = |serial: f64, text: &str| assert_eq!(date(serial).as_deref(), Some(text));
        check(1.0, "1900-01-01");
        check(59.0, "1900-02-28");
        check(61.0, "1900-03-01");
        check(45_658.0, "2025-01-01");
        check(46_078.625, "2026-02-25T15:00");
        check(0.625, "15:00");
        check(2_958_465.0, "9999-12-31");
        assert_eq!(date(-1.0), None);
        assert_eq!(duration(1.5), "36:00");
    }

    #[test]
    fn formats_tell_dates_from_numbers() {
        let check = |code: &str, shown: Shown| assert_eq!(shown_by(code), shown, "{code}");
        check("dd/mm/yyyy", Shown::Date);
        check("[$-409]d-mmm-yy;@", Shown::Date);
        check("[h]:mm:ss", Shown::Duration);
        check("#,##0.00", Shown::Number);
        check("\"days\" 0", Shown::Number);
        check("[Red]0.0", Shown::Number);
        check("General", Shown::Number);
        check("_(* #,##0_)", Shown::Number);
    }
}
