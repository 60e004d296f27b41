//! Letters on a page to lines of text.

use super::pdf_tables::{self, Found};
use crate::reading::Collector;
use unicode_normalization::UnicodeNormalization as _;

/// A gap of this many letter sizes is a space.
const SPACE_GAP: f64 = 0.18;
/// A gap of this many letter sizes parts a line into pieces: columns, or labels and values.
const PIECE_GAP: f64 = 0.8;
/// How far, in letter sizes, letters of one line may stand from each other up and down.
const LINE_DRIFT: f64 = 0.45;
/// Copies of a letter nearer than this, in letter sizes, are a way to print it bold.
const OVERPRINT: f64 = 0.12;

/// A letter, or what stands for several; `x` is its left edge and `y` its foot, growing downward.
#[derive(Debug, Clone)]
pub(super) struct Mark {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) size: f64,
    pub(super) text: String,
}

impl Mark {
    pub(super) fn right(&self) -> f64 {
        self.x + self.width
    }
}

/// A drawn line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    pub(super) is_level: bool,
    /// Where it begins and ends along its direction.
    pub(super) from: f64,
    pub(super) to: f64,
    /// Where it lies across.
    pub(super) at: f64,
}

impl Rule {
    pub(super) fn level(a: f64, b: f64, y: f64) -> Self {
        Self {
            is_level: true,
            from: a.min(b),
            to: a.max(b),
            at: y,
        }
    }

    pub(super) fn upright(a: f64, b: f64, x: f64) -> Self {
        Self {
            is_level: false,
            from: a.min(b),
            to: a.max(b),
            at: x,
        }
    }
}

/// One page.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) marks: Vec<Mark>,
    pub(super) rules: Vec<Rule>,
}

/// Letters beside each other, without a wide gap.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) text: String,
}

/// A line, its pieces from left to right.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) y: f64,
    pub(super) size: f64,
    pub(super) pieces: Vec<Piece>,
}

impl Line {
    /// The pieces in reading order.
    fn text(&self) -> String {
        let all: Vec<&str> = self.pieces.iter().map(|p| p.text.as_str()).collect();
        if is_rtl(&all.concat()) {
            all.into_iter().rev().collect::<Vec<_>>().join("\t")
        } else {
            all.join("\t")
        }
    }
}

impl Page {
    /// Adds the page's lines and tables, from the top.
    pub(super) fn put_into(self, out: &mut Collector) {
        let (tables, rest) = pdf_tables::ruled(self.marks, &self.rules);
        let mut found: Vec<Found> = tables;
        found.extend(pdf_tables::aligned(lines(rest)));
        found.sort_by(|a, b| a.top().total_cmp(&b.top()));
        for item in found {
            match item {
                Found::Line(line) => out.line(&line.text()),
                Found::Table { rows, .. } => {
                    let name = format!("Table {}", out.tables() + 1);
                    out.table(name, rows);
                }
            }
        }
    }
}

/// Letters to lines, from the top.
pub(super) fn lines(mut marks: Vec<Mark>) -> Vec<Line> {
    marks.sort_by(|a, b| a.y.total_cmp(&b.y));
    let mut rows: Vec<Vec<Mark>> = Vec::new();
    for mark in marks {
        match rows.last_mut() {
            Some(row) if belongs(row, &mark) => row.push(mark),
            _ => rows.push(vec![mark]),
        }
    }
    rows.into_iter().filter_map(line).collect()
}

fn belongs(row: &[Mark], mark: &Mark) -> bool {
    let Some(first) = row.first() else {
        return false;
    };
    mark.y - first.y <= LINE_DRIFT * first.size.min(mark.size)
}

fn line(mut marks: Vec<Mark>) -> Option<Line> {
    marks.sort_by(|a, b| a.x.total_cmp(&b.x));
    let (y, size) = marks
        .iter()
        .find(|m| !m.text.trim().is_empty())
        .map(|m| (m.y, m.size))?;
    let mut groups: Vec<Vec<Mark>> = Vec::new();
    for mark in marks {
        let Some(group) = groups.last_mut() else {
            if !mark.text.trim().is_empty() {
                groups.push(vec![mark]);
            }
            continue;
        };
        if group
            .iter()
            .rev()
            .take(3)
            .any(|before| is_copy(before, &mark))
        {
            continue;
        }
        let edge = group
            .iter()
            .rev()
            .find(|m| !m.text.trim().is_empty())
            .map_or(mark.x, Mark::right);
        if !mark.text.trim().is_empty() && mark.x - edge > PIECE_GAP * mark.size {
            groups.push(vec![mark]);
        } else {
            group.push(mark);
        }
    }
    let pieces: Vec<Piece> = groups.into_iter().filter_map(piece).collect();
    (!pieces.is_empty()).then_some(Line { y, size, pieces })
}

fn is_copy(before: &Mark, mark: &Mark) -> bool {
    before.text == mark.text
        && !mark.text.trim().is_empty()
        && (before.x - mark.x).abs() < OVERPRINT * mark.size
}

fn piece(marks: Vec<Mark>) -> Option<Piece> {
    let left = marks.first()?.x;
    let right = marks
        .iter()
        .filter(|m| !m.text.trim().is_empty())
        .map(Mark::right)
        .fold(left, f64::max);
    let joined: String = marks.iter().map(|m| m.text.as_str()).collect();
    let text = if is_rtl(&joined) {
        rtl_text(marks)
    } else {
        joined_text(&marks)
    };
    let text: String = text.nfkc().filter(|c| !c.is_control()).collect();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    (!text.is_empty()).then_some(Piece { left, right, text })
}

fn joined_text(marks: &[Mark]) -> String {
    let mut text = String::new();
    let mut edge: Option<f64> = None;
    for mark in marks {
        if edge.is_some_and(|edge| mark.x - edge > SPACE_GAP * mark.size) {
            text.push(' ');
        }
        text.push_str(&mark.text);
        edge = Some(mark.right());
    }
    text
}

/// Letters of a right-to-left line lie in the order in which they are seen. Words of it are read from
/// the right; numbers and Latin words in it keep their own direction.
fn rtl_text(marks: Vec<Mark>) -> String {
    let mut words: Vec<Vec<Mark>> = Vec::new();
    let mut edge: Option<f64> = None;
    for mark in marks {
        let is_gap = edge.is_none_or(|edge| mark.x - edge > SPACE_GAP * mark.size);
        edge = Some(mark.right());
        if mark.text.trim().is_empty() {
            words.push(Vec::new());
        } else if let (false, Some(word)) = (is_gap, words.last_mut()) {
            word.push(mark);
        } else {
            words.push(vec![mark]);
        }
    }
    words.retain(|word| !word.is_empty());
    let mut texts: Vec<(bool, String)> = words
        .into_iter()
        .map(|word| {
            let all: String = word.iter().map(|m| m.text.as_str()).collect();
            if is_rtl(&all) {
                (true, word.iter().rev().map(|m| m.text.as_str()).collect())
            } else {
                (false, all)
            }
        })
        .collect();
    texts.reverse();
    // A run of words in the other direction comes back into its own order.
    let mut start = 0;
    while start < texts.len() {
        let end = texts[start..]
            .iter()
            .position(|(rtl, _)| *rtl)
            .map_or(texts.len(), |n| start + n);
        texts[start..end].reverse();
        start = end + 1;
    }
    texts
        .into_iter()
        .map(|(_, text)| text)
        .collect::<Vec<_>>()
        .join(" ")
}

/// Whether most of its letters are of a right-to-left script.
fn is_rtl(text: &str) -> bool {
    let rtl = text.chars().filter(|c| is_rtl_letter(*c)).count();
    rtl > 0 && rtl * 2 > text.chars().filter(|c| c.is_alphabetic()).count()
}

fn is_rtl_letter(c: char) -> bool {
    matches!(c, '\u{590}'..='\u{65f}' | '\u{66e}'..='\u{6ef}' | '\u{6fa}'..='\u{8ff}'
        | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(x: f64, y: f64, text: &str) -> Vec<Mark> {
        text.chars()
            .enumerate()
            .map(|(i, c)| Mark {
                x: x + 6.0 * i as f64,
                y,
                width: 6.0,
                size: 10.0,
                text: c.into(),
            })
            .collect()
    }

    #[test]
    fn letters_become_lines_whatever_order_they_were_drawn_in() {
        let mut all = marks(50.0, 120.0, "second");
        all.extend(marks(50.0, 100.0, "first"));
        all.extend(marks(200.0, 101.0, "right"));
        let lines: Vec<String> = lines(all).iter().map(Line::text).collect();
        assert_eq!(lines, ["first\tright", "second"]);
    }

    #[test]
    fn right_to_left_lines_are_read_from_the_right() {
        // As they lie on the page, from the left: the number, then the word with its last letter first.
        let mut all = marks(10.0, 10.0, "1500");
        all.extend(marks(40.0, 10.0, "رعسلا"));
        assert_eq!(lines(all)[0].text(), "السعر 1500");
    }

    #[test]
    fn letters_printed_twice_to_be_bold_are_read_once() {
        let mut all = marks(10.0, 10.0, "Total");
        all.extend(marks(10.3, 10.0, "Total"));
        assert_eq!(lines(all)[0].text(), "Total");
    }
}
