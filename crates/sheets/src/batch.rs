//! Rows that go into one call, pure.

use crate::cell::{Cell, Row};

/// Most rows of one call.
pub const ROWS_MAX: usize = 500;
/// Most bytes of one call; Google recommends at most 2 MB.
pub const BYTES_MAX: usize = 1 << 20;
/// What a cell costs besides its text, in bytes.
const CELL_BYTES: usize = 8;

/// Whether a row may share a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Company {
    /// With others.
    Shared,
    /// By itself: a call that it was part of was refused, and one row must not spoil the rest.
    Alone,
}

/// How many of the rows, from the first on, go into the next call. At least one, if there are any.
pub fn next<'a>(rows: impl IntoIterator<Item = (&'a Row, Company)>) -> usize {
    let (mut count, mut bytes) = (0, 0);
    for (row, company) in rows {
        bytes += size(row);
        let is_full = count >= ROWS_MAX || bytes > BYTES_MAX || company == Company::Alone;
        if count > 0 && is_full {
            break;
        }
        count += 1;
        if company == Company::Alone {
            break;
        }
    }
    count
}

/// About how many bytes a row takes in a call.
#[must_use]
pub fn size(row: &[Cell]) -> usize {
    let cell = |cell: &Cell| match cell {
        Cell::Text(text) => text.len() + CELL_BYTES,
        _ => 2 * CELL_BYTES,
    };
    row.iter().map(cell).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn row(bytes: usize) -> Row {
        vec![Cell::Text("x".repeat(bytes))]
    }

    #[test]
    fn rows_share_a_call_until_it_is_full() {
        let small = row(10);
        let many = || std::iter::repeat_n((&small, Company::Shared), 2_000);
        assert_eq!(next(many()), ROWS_MAX);
        let large = row(BYTES_MAX / 2 - 100);
        assert_eq!(next(std::iter::repeat_n((&large, Company::Shared), 5)), 2);
        let huge = row(BYTES_MAX * 2);
        assert_eq!(next([(&huge, Company::Shared)]), 1);
        assert_eq!(next([]), 0);
    }

    #[test]
    fn a_suspect_goes_alone() {
        let r = row(1);
        let (shared, alone) = ((&r, Company::Shared), (&r, Company::Alone));
        assert_eq!(next([alone, shared]), 1);
        assert_eq!(next([shared, shared, alone, shared]), 2);
    }

    proptest! {
        #[test]
        fn every_row_gets_its_turn(sizes in prop::collection::vec(0usize..400_000, 0..60)) {
            let rows: Vec<Row> = sizes.into_iter().map(row).collect();
            let (mut at, mut calls) = (0, 0);
            while at < rows.len() {
                let n = next(rows[at..].iter().map(|r| (r, Company::Shared)));
                prop_assert!((1..=ROWS_MAX).contains(&n));
                let bytes: usize = rows[at..at + n].iter().map(|row| size(row)).sum();
                prop_assert!(n == 1 || bytes <= BYTES_MAX);
                at += n;
                calls += 1;
            }
            prop_assert!(calls <= rows.len());
        }
    }
}
