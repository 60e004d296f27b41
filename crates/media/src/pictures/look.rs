//! Knowing a picture again after it was compressed anew, resized or cropped.
//!
//! A [`Look`] is a coarse grey copy of the picture. Two looks are compared by laying one over every
//! part of the other that a crop could have left, first coarsely and then closer, and taking the
//! best normalised cross-correlation, of the brightness and of the detail in it. The detail tells
//! pictures of the same layout (two screenshots of one app) apart.

/// Edge of a look, in cells.
pub(super) const EDGE: u32 = 64;
const N: usize = EDGE as usize;
/// Likeness from which two pictures count as the same; found on the generated set of
/// docs/accuracy.md.
pub const SAME_MIN: f32 = 0.86;
/// The most that a crop may have taken from each side, as a share.
const CROP_MAX: f32 = 0.30;
/// Steps of the coarse search over each side.
const COARSE: [f32; 4] = [0.0, 0.09, 0.18, 0.27];
/// Cells across of the coarse comparison, which every pair of pictures goes through.
const COARSE_CELLS: usize = 8;
/// Coarse correlation under which pictures cannot be the same.
const COARSE_MIN: f32 = 0.5;
/// Windows of the coarse search that are moved into place.
const CLOSER: usize = 6;
/// Cells across of the comparison by which they are moved.
const MIDDLE_CELLS: usize = 16;
/// Correlation there under which pictures cannot be the same.
const MIDDLE_MIN: f32 = 0.8;
/// Steps of the closer search, as shares.
const STEPS: [f32; 3] = [0.045, 0.02, 0.008];
/// Moves of one closer search at most.
const MOVES_MAX: usize = 60;
/// Cells across of the closer comparison.
const FINE_CELLS: usize = 40;
/// Contrast (standard deviation of 0..255) under which a picture is a plain surface.
const PLAIN: f32 = 2.0;

/// What a picture looks like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    luma: Vec<u8>,
}

/// A part of a picture: how much is cut from the left, right, top and bottom, as shares.
type Window = [f32; 4];

/// Sums over a look, so that the mean of any part of it is quick.
#[derive(Debug)]
pub struct Prepared {
    sums: Vec<f32>,
}

impl Look {
    pub(super) fn from_luma(luma: Vec<u8>) -> Self {
        Self { luma }
    }

    /// As text, to be stored.
    #[must_use]
    pub fn to_hex(&self) -> String {
        let digit = |d: u8| char::from_digit(u32::from(d), 16).unwrap_or('0');
        self.luma
            .iter()
            .flat_map(|b| [digit(b >> 4), digit(b & 15)])
            .collect()
    }

    /// From text as stored; `None` for what is no look.
    #[must_use]
    pub fn from_hex(hex: &str) -> Option<Self> {
        if hex.len() != N * N * 2 {
            return None;
        }
        let digits: Option<Vec<u8>> = hex
            .chars()
            .map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok()))
            .collect();
        let luma = digits?
            .chunks(2)
            .map(|pair| pair[0] << 4 | pair[1])
            .collect();
        Some(Self { luma })
    }

    /// Readies it for many comparisons.
    #[must_use]
    pub fn prepare(&self) -> Prepared {
        let mut sums = vec![0.0; (N + 1) * (N + 1)];
        for y in 0..N {
            let mut row = 0.0;
            for x in 0..N {
                row += f32::from(self.luma[y * N + x]);
                sums[(y + 1) * (N + 1) + x + 1] = sums[y * (N + 1) + x + 1] + row;
            }
        }
        Prepared { sums }
    }
}

impl Prepared {
    /// How alike two pictures are, from 0 to 1, when one may be a crop of the other.
    #[must_use]
    pub fn likeness(&self, other: &Self) -> f32 {
        if self.is_plain() || other.is_plain() {
            return if self.is_plain() && other.is_plain() && self.mean_gap(other) < 3.0 {
                1.0
            } else {
                0.0
            };
        }
        let mut best = crop_likeness(self, other);
        if best < 0.999 {
            best = best.max(crop_likeness(other, self));
        }
        best
    }

    fn is_plain(&self) -> bool {
        let cells = self.sample(FINE_CELLS, &[0.0; 4]);
        deviation(&cells) < PLAIN
    }

    fn mean_gap(&self, other: &Self) -> f32 {
        let total = N * N;
        let last = (N + 1) * (N + 1) - 1;
        (self.sums[last] - other.sums[last]).abs() / total as f32
    }

    /// The sum over everything left of `x` and above `y`, in cells, between which it is even.
    fn sum_to(&self, x: f32, y: f32) -> f32 {
        let (xi, yi) = ((x as usize).min(N - 1), (y as usize).min(N - 1));
        let (fx, fy) = (x - xi as f32, y - yi as f32);
        let at = |x: usize, y: usize| self.sums[y * (N + 1) + x];
        let above = at(xi, yi) * (1.0 - fx) + at(xi + 1, yi) * fx;
        let below = at(xi, yi + 1) * (1.0 - fx) + at(xi + 1, yi + 1) * fx;
        above * (1.0 - fy) + below * fy
    }

    /// The part of the picture in this window, as `cells` by `cells` means.
    fn sample(&self, cells: usize, window: &Window) -> Vec<f32> {
        let n = N as f32;
        let [left, right, top, bottom] = *window;
        let edge =
            |from: f32, to: f32, i: usize| (from + (1.0 - from - to) * i as f32 / cells as f32) * n;
        let corners: Vec<f32> = (0..=cells)
            .flat_map(|j| {
                let y = edge(top, bottom, j);
                (0..=cells).map(move |i| (edge(left, right, i), y))
            })
            .map(|(x, y)| self.sum_to(x, y))
            .collect();
        let area = (1.0 - left - right) * (1.0 - top - bottom) * n * n / (cells * cells) as f32;
        let at = |i: usize, j: usize| corners[j * (cells + 1) + i];
        (0..cells)
            .flat_map(|j| (0..cells).map(move |i| (i, j)))
            .map(|(i, j)| (at(i + 1, j + 1) - at(i, j + 1) - at(i + 1, j) + at(i, j)) / area)
            .collect()
    }
}

/// How alike the small picture and the best part of the large one are.
fn crop_likeness(large: &Prepared, small: &Prepared) -> f32 {
    let whole = [0.0; 4];
    let coarse = unit(small.sample(COARSE_CELLS, &whole));
    let mut windows: Vec<(f32, Window)> = Vec::with_capacity(COARSE.len().pow(4));
    for l in COARSE {
        for r in COARSE {
            for t in COARSE {
                for b in COARSE {
                    let window = [l, r, t, b];
                    let score = dot(&coarse, &unit(large.sample(COARSE_CELLS, &window)));
                    windows.push((score, window));
                }
            }
        }
    }
    windows.sort_by(|a, b| b.0.total_cmp(&a.0));
    if windows.first().is_none_or(|(score, _)| *score < COARSE_MIN) {
        return 0.0;
    }
    let middle = unit(small.sample(MIDDLE_CELLS, &whole));
    let in_middle = |window: &Window| dot(&middle, &unit(large.sample(MIDDLE_CELLS, window)));
    let placed = windows
        .iter()
        .take(CLOSER)
        .map(|(_, window)| climb(*window, &in_middle))
        .max_by(|a, b| a.0.total_cmp(&b.0));
    match placed {
        Some((score, window)) if score >= MIDDLE_MIN => {
            let fine = Fine::of(small.sample(FINE_CELLS, &whole));
            climb(window, &|window| fine.likeness(large, window)).0
        }
        _ => 0.0,
    }
}

/// Moves the sides of the window as long as that makes the pictures more alike.
fn climb(mut window: Window, likeness: &impl Fn(&Window) -> f32) -> (f32, Window) {
    let mut best = likeness(&window);
    let mut moves = 0;
    for step in STEPS {
        loop {
            let before = best;
            for side in 0..4 {
                for way in [step, -step] {
                    let mut next = window;
                    next[side] = (next[side] + way).clamp(0.0, CROP_MAX);
                    let score = likeness(&next);
                    if score > best {
                        (best, window) = (score, next);
                    }
                }
            }
            moves += 1;
            if best <= before || moves > MOVES_MAX {
                break;
            }
        }
    }
    (best, window)
}

/// A picture as it is compared closely.
struct Fine {
    brightness: Vec<f32>,
    detail: Vec<f32>,
}

impl Fine {
    fn of(cells: Vec<f32>) -> Self {
        let detail = unit(detail(&cells));
        Self {
            brightness: unit(cells),
            detail,
        }
    }

    fn likeness(&self, large: &Prepared, window: &Window) -> f32 {
        let other = Self::of(large.sample(FINE_CELLS, window));
        dot(&self.brightness, &other.brightness)
            .min(dot(&self.detail, &other.detail))
            .max(0.0)
    }
}

/// What stands out from its surroundings.
fn detail(cells: &[f32]) -> Vec<f32> {
    let n = FINE_CELLS;
    let mut out = vec![0.0; cells.len()];
    for y in 0..n {
        for x in 0..n {
            let (x0, x1) = (x.saturating_sub(1), (x + 1).min(n - 1));
            let (y0, y1) = (y.saturating_sub(1), (y + 1).min(n - 1));
            let mut sum = 0.0;
            for row in y0..=y1 {
                for column in x0..=x1 {
                    sum += cells[row * n + column];
                }
            }
            let count = ((x1 - x0 + 1) * (y1 - y0 + 1)) as f32;
            out[y * n + x] = cells[y * n + x] - sum / count;
        }
    }
    out
}

/// Mean taken off and length one.
fn unit(mut cells: Vec<f32>) -> Vec<f32> {
    let mean = cells.iter().sum::<f32>() / cells.len() as f32;
    cells.iter_mut().for_each(|c| *c -= mean);
    let length = cells.iter().map(|c| c * c).sum::<f32>().sqrt().max(1e-6);
    cells.iter_mut().for_each(|c| *c /= length);
    cells
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn deviation(cells: &[f32]) -> f32 {
    let mean = cells.iter().sum::<f32>() / cells.len() as f32;
    (cells.iter().map(|c| (c - mean) * (c - mean)).sum::<f32>() / cells.len() as f32).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waves(phase: f32) -> Look {
        let cell = |x: usize, y: usize| {
            let (x, y) = (x as f32 / 9.0 + phase, y as f32 / 7.0 - phase);
            (127.0 + 60.0 * x.sin() + 50.0 * (y * 1.7).cos() + 15.0 * (x * y).sin()) as u8
        };
        Look::from_luma((0..N * N).map(|i| cell(i % N, i / N)).collect())
    }

    #[test]
    fn a_look_is_stored_and_read_back() {
        let look = waves(0.3);
        assert_eq!(Look::from_hex(&look.to_hex()), Some(look));
        assert_eq!(Look::from_hex("00"), None);
        assert_eq!(Look::from_hex(&"zz".repeat(N * N)), None);
    }

    #[test]
    fn a_picture_is_like_itself_and_its_crop_and_unlike_others() {
        let (a, b) = (waves(0.3).prepare(), waves(2.0).prepare());
        assert!(a.likeness(&a) > 0.999);
        let part = a.sample(N, &[0.1, 0.05, 0.0, 0.2]);
        let crop = Look::from_luma(part.iter().map(|c| *c as u8).collect()).prepare();
        assert!(a.likeness(&crop) >= SAME_MIN, "{}", a.likeness(&crop));
        assert!(crop.likeness(&a) >= SAME_MIN);
        assert!(a.likeness(&b) < SAME_MIN, "{}", a.likeness(&b));
    }

    #[test]
    fn plain_surfaces_are_the_same_when_they_are_as_bright() {
        let plain = |v: u8| Look::from_luma(vec![v; N * N]).prepare();
        assert!(plain(100).likeness(&plain(101)) > 0.9);
        assert!(plain(100).likeness(&plain(200)) < 0.1);
        assert!(plain(100).likeness(&waves(0.1).prepare()) < 0.1);
    }
}
