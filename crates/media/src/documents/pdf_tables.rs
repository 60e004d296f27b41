//! Tables on a page: by their drawn grid, else by columns that line up.

use super::pdf_layout::{Line, Mark, Piece, Rule, lines};

/// Drawn lines nearer than this are the same, in points.
const SNAP: f64 = 2.5;
/// Lines that meet may miss each other by this much, in points.
const TOUCH: f64 = 4.0;
/// Rules of one page that are looked at; a drawing has more.
const RULES_MAX: usize = 4_000;
/// Columns that line up make a table from this many rows.
const ALIGNED_ROWS_MIN: usize = 3;
/// Rows of a table without a grid stand no further apart than this many letter sizes.
const ALIGNED_GAP_MAX: f64 = 3.2;

/// What stands on a page.
#[derive(Debug)]
pub(super) enum Found {
    Line(Line),
    Table { top: f64, rows: Vec<Vec<String>> },
}

impl Found {
    pub(super) fn top(&self) -> f64 {
        match self {
            Self::Line(line) => line.y,
            Self::Table { top, .. } => *top,
        }
    }
}

/// A grid of drawn lines: the edges of its columns and rows.
#[derive(Debug)]
struct Grid {
    columns: Vec<f64>,
    rows: Vec<f64>,
    uprights: Vec<Rule>,
    levels: Vec<Rule>,
}

/// The tables whose grid is drawn, and the letters outside of them.
pub(super) fn ruled(marks: Vec<Mark>, rules: &[Rule]) -> (Vec<Found>, Vec<Mark>) {
    if rules.len() > RULES_MAX {
        return (Vec::new(), marks);
    }
    let grids: Vec<Grid> = components(rules).into_iter().filter_map(grid).collect();
    let mut inside: Vec<Vec<Mark>> = grids.iter().map(|_| Vec::new()).collect();
    let mut rest = Vec::new();
    for mark in marks {
        match grids.iter().position(|grid| grid.cell_of(&mark).is_some()) {
            Some(index) => inside[index].push(mark),
            None => rest.push(mark),
        }
    }
    let tables = grids
        .iter()
        .zip(inside)
        .filter_map(|(grid, marks)| grid.fill(marks))
        .collect();
    (tables, rest)
}

/// Rules that touch each other, directly or through others.
fn components(rules: &[Rule]) -> Vec<Vec<Rule>> {
    let mut group: Vec<usize> = (0..rules.len()).collect();
    for a in 0..rules.len() {
        for b in 0..a {
            if group[a] != group[b] && touch(&rules[a], &rules[b]) {
                let (from, to) = (group[a], group[b]);
                group
                    .iter_mut()
                    .filter(|g| **g == from)
                    .for_each(|g| *g = to);
            }
        }
    }
    let mut names = group.clone();
    names.sort_unstable();
    names.dedup();
    names
        .into_iter()
        .map(|name| {
            let of = |(_, g): &(&Rule, &usize)| **g == name;
            rules
                .iter()
                .zip(&group)
                .filter(of)
                .map(|(rule, _)| *rule)
                .collect()
        })
        .collect()
}

fn touch(a: &Rule, b: &Rule) -> bool {
    let reaches = |rule: &Rule, at: f64| rule.from - TOUCH <= at && at <= rule.to + TOUCH;
    if a.is_level == b.is_level {
        (a.at - b.at).abs() <= SNAP && a.from - TOUCH <= b.to && b.from - TOUCH <= a.to
    } else {
        reaches(a, b.at) && reaches(b, a.at)
    }
}

fn grid(rules: Vec<Rule>) -> Option<Grid> {
    let (levels, uprights): (Vec<Rule>, Vec<Rule>) = rules.into_iter().partition(|r| r.is_level);
    let (rows, columns) = (snap(&levels), snap(&uprights));
    // One box is a frame, not a table.
    if rows.len() < 2 || columns.len() < 2 || (rows.len() - 1) * (columns.len() - 1) < 2 {
        return None;
    }
    Some(Grid {
        columns,
        rows,
        uprights,
        levels,
    })
}

fn snap(rules: &[Rule]) -> Vec<f64> {
    let mut at: Vec<f64> = rules.iter().map(|r| r.at).collect();
    at.sort_by(f64::total_cmp);
    at.dedup_by(|next, kept| *next - *kept <= SNAP);
    at
}

impl Grid {
    fn cell_of(&self, mark: &Mark) -> Option<(usize, usize)> {
        let x = mark.x + mark.width / 2.0;
        let y = mark.y - mark.size * 0.3;
        Some((between(&self.rows, y)?, between(&self.columns, x)?))
    }

    /// Letters into cells. Cells that no line parts are one: the text stands in the first.
    fn fill(&self, marks: Vec<Mark>) -> Option<Found> {
        let (height, width) = (self.rows.len() - 1, self.columns.len() - 1);
        let mut cells: Vec<Vec<Vec<Mark>>> = vec![vec![Vec::new(); width]; height];
        for mark in marks {
            let (row, column) = self.cell_of(&mark)?;
            let (row, column) = self.first_of(row, column);
            cells[row][column].push(mark);
        }
        let rows: Vec<Vec<String>> = cells
            .into_iter()
            .map(|row| row.into_iter().map(cell_text).collect())
            .collect();
        if rows.iter().flatten().all(String::is_empty) {
            return None;
        }
        Some(Found::Table {
            top: self.rows[0],
            rows,
        })
    }

    fn first_of(&self, row: usize, column: usize) -> (usize, usize) {
        let (mut r, mut c) = (row, column);
        let middle = |edges: &[f64], i: usize| f64::midpoint(edges[i], edges[i + 1]);
        while c > 0 && !is_drawn(&self.uprights, self.columns[c], middle(&self.rows, r)) {
            c -= 1;
        }
        while r > 0 && !is_drawn(&self.levels, self.rows[r], middle(&self.columns, c)) {
            r -= 1;
        }
        (r, c)
    }
}

fn is_drawn(rules: &[Rule], at: f64, along: f64) -> bool {
    rules
        .iter()
        .any(|r| (r.at - at).abs() <= 2.0 * SNAP && r.from - 1.0 <= along && along <= r.to + 1.0)
}

fn between(edges: &[f64], at: f64) -> Option<usize> {
    edges
        .windows(2)
        .position(|pair| pair[0] <= at && at < pair[1])
}

fn cell_text(marks: Vec<Mark>) -> String {
    lines(marks)
        .into_iter()
        .map(|line| {
            line.pieces
                .into_iter()
                .map(|p| p.text)
                .collect::<Vec<_>>()
                .join(" ")
        })
        .collect::<Vec<_>>()
        .join(" ")
}

/// Lines with their tables, where pieces of following lines stand below each other.
pub(super) fn aligned(lines: Vec<Line>) -> Vec<Found> {
    let mut found = Vec::new();
    let mut block: Vec<Line> = Vec::new();
    for line in lines {
        if line.pieces.len() < 2 || block.last().is_some_and(|last| !follows(last, &line)) {
            finish(std::mem::take(&mut block), &mut found);
        }
        if line.pieces.len() < 2 {
            found.push(Found::Line(line));
        } else {
            block.push(line);
        }
    }
    finish(block, &mut found);
    found
}

fn follows(last: &Line, line: &Line) -> bool {
    line.y - last.y <= ALIGNED_GAP_MAX * last.size.max(line.size)
}

fn finish(block: Vec<Line>, found: &mut Vec<Found>) {
    match columns(&block) {
        Some(columns) if block.len() >= ALIGNED_ROWS_MIN => {
            let top = block[0].y;
            let rows = block.iter().map(|line| row(line, &columns)).collect();
            found.push(Found::Table { top, rows });
        }
        _ => found.extend(block.into_iter().map(Found::Line)),
    }
}

/// The columns: pieces that overlap from side to side share one. `None` when two pieces of a line
/// would fall into the same.
fn columns(block: &[Line]) -> Option<Vec<(f64, f64)>> {
    let mut spans: Vec<(f64, f64)> = block
        .iter()
        .flat_map(|line| &line.pieces)
        .map(|p| (p.left, p.right))
        .collect();
    spans.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut columns: Vec<(f64, f64)> = Vec::new();
    for (left, right) in spans {
        match columns.last_mut() {
            Some(last) if left <= last.1 => last.1 = last.1.max(right),
            _ => columns.push((left, right)),
        }
    }
    let fits = |line: &Line| {
        let at: Vec<usize> = line
            .pieces
            .iter()
            .filter_map(|p| column_of(&columns, p))
            .collect();
        at.windows(2).all(|pair| pair[0] < pair[1])
    };
    (columns.len() >= 2 && block.iter().all(fits)).then_some(columns)
}

fn column_of(columns: &[(f64, f64)], piece: &Piece) -> Option<usize> {
    columns
        .iter()
        .position(|(left, right)| *left <= piece.left && piece.right <= *right)
}

fn row(line: &Line, columns: &[(f64, f64)]) -> Vec<String> {
    let mut cells = vec![String::new(); columns.len()];
    for piece in &line.pieces {
        if let Some(at) = column_of(columns, piece) {
            cells[at].clone_from(&piece.text);
        }
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(x: f64, y: f64, text: &str) -> Mark {
        Mark {
            x,
            y,
            width: 5.0 * text.len() as f64,
            size: 10.0,
            text: text.into(),
        }
    }

    #[test]
    fn a_drawn_grid_is_a_table_and_a_merged_cell_has_its_text_once() {
        let mut rules: Vec<Rule> = [0.0, 20.0, 40.0]
            .iter()
            .map(|y| Rule::level(0.0, 200.0, *y))
            .collect();
        rules.extend([0.0, 200.0].iter().map(|x| Rule::upright(0.0, 40.0, *x)));
        rules.push(Rule::upright(20.0, 40.0, 100.0));
        let marks = vec![
            word(90.0, 15.0, "Wide"),
            word(10.0, 35.0, "a"),
            word(110.0, 35.0, "b"),
            word(10.0, 60.0, "after"),
        ];
        let (tables, rest) = ruled(marks, &rules);
        assert_eq!(rest.len(), 1);
        match &tables[..] {
            [Found::Table { rows, .. }] => assert_eq!(rows, &[["Wide", ""], ["a", "b"]]),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn columns_that_line_up_are_a_table_with_its_gaps() {
        let mut marks = Vec::new();
        for (row, cells) in [
            ["Unit", "Beds", "Price"],
            ["1203", "2", "1500000"],
            ["1204", "", "990000"],
        ]
        .iter()
        .enumerate()
        {
            for (column, cell) in cells.iter().enumerate().filter(|(_, c)| !c.is_empty()) {
                marks.push(word(10.0 + 100.0 * column as f64, 15.0 * row as f64, cell));
            }
        }
        match &aligned(lines(marks))[..] {
            [Found::Table { rows, .. }] => assert_eq!(rows[2], ["1204", "", "990000"]),
            other => panic!("{other:?}"),
        }
    }
}
