//! One PDF page, drawn: where letters and lines end up (ISO 32000-1, chapters 8 and 9).

use super::pdf_font::Font;
use super::pdf_layout::{Mark, Page, Rule};
use crate::limits::{PAGE_MARKS_MAX, PAGE_STEPS_MAX, PDF_STREAM_MAX};
use lopdf::content::{Content, Operation};
use lopdf::{Dictionary, Document, Object, ObjectId, Stream};
use std::collections::HashMap;
use std::rc::Rc;

/// The thickest filled box that still counts as a line, in points.
const RULE_THICK_MAX: f64 = 3.0;
/// How far a line may be from level or upright, in points.
const RULE_SLOPE_MAX: f64 = 1.0;
/// How deep drawings may stand in drawings; one that contains itself ends here.
const DEPTH_MAX: usize = 12;
/// How many states may be saved at a time.
const SAVED_MAX: usize = 256;

/// Why a page was not drawn to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// There is too much on it.
    TooMuch,
    /// It cannot be understood.
    Damaged,
}

impl From<lopdf::Error> for Stop {
    fn from(_: lopdf::Error) -> Self {
        Self::Damaged
    }
}

/// A map of the plane: `x' = a x + c y + e`, `y' = b x + d y + f`.
#[derive(Debug, Clone, Copy)]
struct Matrix([f64; 6]);

impl Matrix {
    const ONE: Self = Self([1.0, 0.0, 0.0, 1.0, 0.0, 0.0]);

    /// First this, then `next`.
    fn then(self, next: Self) -> Self {
        let ([a, b, c, d, e, f], [na, nb, nc, nd, ne, nf]) = (self.0, next.0);
        Self([
            a * na + b * nc,
            a * nb + b * nd,
            c * na + d * nc,
            c * nb + d * nd,
            e * na + f * nc + ne,
            e * nb + f * nd + nf,
        ])
    }

    fn shift(x: f64, y: f64) -> Self {
        Self([1.0, 0.0, 0.0, 1.0, x, y])
    }

    /// Where a point ends up, with the vertical axis turned to read downward.
    fn place(self, x: f64, y: f64) -> (f64, f64) {
        let [a, b, c, d, e, f] = self.0;
        (a * x + c * y + e, -(b * x + d * y + f))
    }
}

#[derive(Clone)]
struct State {
    ctm: Matrix,
    font: Option<Rc<Font>>,
    size: f64,
    spacing: f64,
    word_spacing: f64,
    stretch: f64,
    leading: f64,
    rise: f64,
}

impl State {
    fn new(ctm: Matrix) -> Self {
        Self {
            ctm,
            font: None,
            size: 1.0,
            spacing: 0.0,
            word_spacing: 0.0,
            stretch: 1.0,
            leading: 0.0,
            rise: 0.0,
        }
    }
}

/// A path under way.
#[derive(Default)]
struct Path {
    lines: Vec<((f64, f64), (f64, f64))>,
    boxes: Vec<((f64, f64), (f64, f64))>,
    corners: Vec<(f64, f64)>,
    start: (f64, f64),
    at: (f64, f64),
}

/// A page as it is being drawn. Fonts are read once for all pages.
pub(super) struct Drawing<'a> {
    document: &'a Document,
    fonts: HashMap<*const Dictionary, Rc<Font>>,
    page: Page,
    steps: usize,
}

impl<'a> Drawing<'a> {
    pub(super) fn new(document: &'a Document) -> Self {
        Self {
            document,
            fonts: HashMap::new(),
            page: Page::default(),
            steps: 0,
        }
    }

    /// What was drawn since the last time.
    pub(super) fn take_page(&mut self) -> Page {
        self.steps = 0;
        std::mem::take(&mut self.page)
    }

    /// Draws a page.
    pub(super) fn draw(&mut self, page: ObjectId) -> Result<(), Stop> {
        let content = self
            .document
            .get_page_content_with_limit(page, PDF_STREAM_MAX)?;
        let (own, inherited) = self.document.get_page_resources(page)?;
        let mut resources: Vec<&Dictionary> = own.into_iter().collect();
        resources.extend(
            inherited
                .iter()
                .filter_map(|id| self.document.get_dictionary(*id).ok()),
        );
        let turn = match self.rotation(page) {
            90 => Matrix([0.0, -1.0, 1.0, 0.0, 0.0, 0.0]),
            180 => Matrix([-1.0, 0.0, 0.0, -1.0, 0.0, 0.0]),
            270 => Matrix([0.0, 1.0, -1.0, 0.0, 0.0, 0.0]),
            _ => Matrix::ONE,
        };
        self.run(&content, &resources, State::new(turn), 0)
    }

    /// How far the page is turned clockwise when it is shown.
    fn rotation(&self, page: ObjectId) -> i64 {
        let mut at = self.document.get_dictionary(page).ok();
        for _ in 0..DEPTH_MAX {
            let Some(node) = at else { return 0 };
            if let Ok(turn) = node
                .get_deref(b"Rotate", self.document)
                .and_then(Object::as_i64)
            {
                return turn.rem_euclid(360);
            }
            at = node
                .get_deref(b"Parent", self.document)
                .and_then(Object::as_dict)
                .ok();
        }
        0
    }

    fn run(
        &mut self,
        content: &[u8],
        resources: &[&'a Dictionary],
        state: State,
        depth: usize,
    ) -> Result<(), Stop> {
        let operations = Content::decode(content)?.operations;
        let mut pen = Pen {
            saved: Vec::new(),
            text: Matrix::ONE,
            line: Matrix::ONE,
            path: Path::default(),
            state,
        };
        for operation in &operations {
            self.steps += 1;
            if self.steps > PAGE_STEPS_MAX
                || self.page.marks.len() + self.page.rules.len() > PAGE_MARKS_MAX
            {
                return Err(Stop::TooMuch);
            }
            self.step(operation, &mut pen, resources, depth)?;
        }
        Ok(())
    }

    fn step(
        &mut self,
        operation: &Operation,
        pen: &mut Pen,
        resources: &[&'a Dictionary],
        depth: usize,
    ) -> Result<(), Stop> {
        let n: Vec<f64> = operation.operands.iter().filter_map(number).collect();
        match (operation.operator.as_str(), n.as_slice()) {
            ("Tj" | "'" | "\"", _) => {
                if operation.operator != "Tj" {
                    if let [word, letter] = n.as_slice() {
                        (pen.state.word_spacing, pen.state.spacing) = (*word, *letter);
                    }
                    pen.next_line(0.0, -pen.state.leading);
                }
                if let Some(Object::String(bytes, _)) = operation.operands.last() {
                    self.show(bytes, pen);
                }
            }
            ("TJ", _) => {
                if let Some(Object::Array(items)) = operation.operands.first() {
                    for item in items {
                        match item {
                            Object::String(bytes, _) => self.show(bytes, pen),
                            other => pen.skip(number(other).unwrap_or(0.0)),
                        }
                    }
                }
            }
            ("Tf", [size]) => {
                pen.state.size = *size;
                let name = operation.operands.first().and_then(|o| o.as_name().ok());
                pen.state.font = name.and_then(|name| self.font(name, resources));
            }
            ("Do", _) => {
                let name = operation.operands.first().and_then(|o| o.as_name().ok());
                if let Some(form) = name.and_then(|name| self.form(name, resources)) {
                    self.run_form(form, pen, resources, depth)?;
                }
            }
            ("S" | "s" | "B" | "B*" | "b" | "b*", _) => pen.stroke(&mut self.page),
            ("f" | "F" | "f*", _) => pen.fill(&mut self.page),
            (operator, numbers) => pen.step(operator, numbers),
        }
        Ok(())
    }

    fn resource(
        &self,
        kind: &[u8],
        name: &[u8],
        resources: &[&'a Dictionary],
    ) -> Option<&'a Object> {
        resources.iter().find_map(|all| {
            let group = all
                .get_deref(kind, self.document)
                .and_then(Object::as_dict)
                .ok()?;
            group.get_deref(name, self.document).ok()
        })
    }

    fn font(&mut self, name: &[u8], resources: &[&'a Dictionary]) -> Option<Rc<Font>> {
        let dictionary = self.resource(b"Font", name, resources)?.as_dict().ok()?;
        let font = self.fonts.entry(std::ptr::from_ref(dictionary));
        Some(Rc::clone(font.or_insert_with(|| {
            Rc::new(Font::read(dictionary, self.document))
        })))
    }

    /// A drawing in the drawing. Pictures are none.
    fn form(&self, name: &[u8], resources: &[&'a Dictionary]) -> Option<&'a Stream> {
        let stream = self
            .resource(b"XObject", name, resources)?
            .as_stream()
            .ok()?;
        let kind = stream.dict.get(b"Subtype").and_then(Object::as_name).ok()?;
        (kind == b"Form").then_some(stream)
    }

    fn run_form(
        &mut self,
        form: &'a Stream,
        pen: &Pen,
        resources: &[&'a Dictionary],
        depth: usize,
    ) -> Result<(), Stop> {
        if depth >= DEPTH_MAX {
            return Err(Stop::TooMuch);
        }
        let content = form.get_plain_content_with_limit(PDF_STREAM_MAX)?;
        let own = form
            .dict
            .get_deref(b"Resources", self.document)
            .and_then(Object::as_dict);
        let mut all: Vec<&'a Dictionary> = own.into_iter().collect();
        if all.is_empty() {
            all.extend(resources);
        }
        let mut state = pen.state.clone();
        if let Ok(Object::Array(matrix)) = form.dict.get_deref(b"Matrix", self.document) {
            let numbers: Vec<f64> = matrix.iter().filter_map(number).collect();
            if let Ok(matrix) = numbers.try_into() {
                state.ctm = Matrix(matrix).then(state.ctm);
            }
        }
        self.run(&content, &all, state, depth + 1)
    }

    fn show(&mut self, bytes: &[u8], pen: &mut Pen) {
        let Some(font) = pen.state.font.clone() else {
            return;
        };
        for glyph in font.glyphs(bytes) {
            pen.letter(glyph.text, glyph.width, glyph.is_space, &mut self.page);
        }
    }
}

fn number(object: &Object) -> Option<f64> {
    match object {
        #[expect(clippy::cast_precision_loss, reason = "no page is that large")]
        Object::Integer(i) => Some(*i as f64),
        Object::Real(r) => Some(f64::from(*r)),
        _ => None,
    }
}

/// What draws: its place, and what it is set to.
struct Pen {
    state: State,
    saved: Vec<State>,
    text: Matrix,
    line: Matrix,
    path: Path,
}

impl Pen {
    /// The operators that only change how is drawn.
    fn step(&mut self, operator: &str, n: &[f64]) {
        match (operator, n) {
            ("q", _) if self.saved.len() < SAVED_MAX => self.saved.push(self.state.clone()),
            ("Q", _) => {
                if let Some(state) = self.saved.pop() {
                    self.state = state;
                }
            }
            ("cm", [a, b, c, d, e, f]) => {
                self.state.ctm = Matrix([*a, *b, *c, *d, *e, *f]).then(self.state.ctm)
            }
            ("BT", _) => (self.text, self.line) = (Matrix::ONE, Matrix::ONE),
            ("Tc", [v]) => self.state.spacing = *v,
            ("Tw", [v]) => self.state.word_spacing = *v,
            ("Tz", [v]) => self.state.stretch = *v / 100.0,
            ("TL", [v]) => self.state.leading = *v,
            ("Ts", [v]) => self.state.rise = *v,
            ("Td", [x, y]) => self.next_line(*x, *y),
            ("TD", [x, y]) => {
                self.state.leading = -*y;
                self.next_line(*x, *y);
            }
            ("T*", _) => self.next_line(0.0, -self.state.leading),
            ("Tm", [a, b, c, d, e, f]) => {
                self.line = Matrix([*a, *b, *c, *d, *e, *f]);
                self.text = self.line;
            }
            ("m", [x, y]) => self.move_to(*x, *y),
            ("l", [x, y]) => self.line_to(*x, *y),
            ("c", [.., x, y]) | ("v" | "y", [.., x, y]) => {
                self.path.at = self.state.ctm.place(*x, *y);
                self.path.corners.push(self.path.at);
            }
            ("h", _) => {
                let (at, start) = (self.path.at, self.path.start);
                self.path.lines.push((at, start));
                self.path.at = start;
            }
            ("re", [x, y, w, h]) => {
                let (a, b) = (
                    self.state.ctm.place(*x, *y),
                    self.state.ctm.place(x + w, y + h),
                );
                self.path.boxes.push((a, b));
            }
            ("n", _) => self.path = Path::default(),
            _ => {}
        }
    }

    fn next_line(&mut self, x: f64, y: f64) {
        self.line = Matrix::shift(x, y).then(self.line);
        self.text = self.line;
    }

    /// Moves on by thousandths of a letter's size, as between letters that lean on each other.
    fn skip(&mut self, thousandths: f64) {
        let by = -thousandths / 1_000.0 * self.state.size * self.state.stretch;
        self.text = Matrix::shift(by, 0.0).then(self.text);
    }

    fn letter(&mut self, text: &str, width: f64, is_space: bool, page: &mut Page) {
        let state = &self.state;
        let all = Matrix([
            state.size * state.stretch,
            0.0,
            0.0,
            state.size,
            0.0,
            state.rise,
        ])
        .then(self.text)
        .then(state.ctm);
        let [a, b, c, d, ..] = all.0;
        let (x, y) = all.place(0.0, 0.0);
        let size = c.hypot(d);
        // Letters that run upward or askew have no line here.
        let is_level = b.abs() <= a.abs() * 0.1;
        if is_level
            && x.is_finite()
            && y.is_finite()
            && (0.1..2_000.0).contains(&size)
            && !text.is_empty()
        {
            page.marks.push(Mark {
                x,
                y,
                width: (width * a.hypot(b)).max(0.0),
                size,
                text: text.to_owned(),
            });
        }
        let word = if is_space { state.word_spacing } else { 0.0 };
        let by = (width * state.size + state.spacing + word) * state.stretch;
        self.text = Matrix::shift(by, 0.0).then(self.text);
    }

    fn move_to(&mut self, x: f64, y: f64) {
        self.end_shape();
        self.path.start = self.state.ctm.place(x, y);
        self.path.at = self.path.start;
        self.path.corners.push(self.path.start);
    }

    fn line_to(&mut self, x: f64, y: f64) {
        let to = self.state.ctm.place(x, y);
        self.path.lines.push((self.path.at, to));
        self.path.corners.push(to);
        self.path.at = to;
    }

    /// A closed shape of few corners is the box around them.
    fn end_shape(&mut self) {
        let corners = std::mem::take(&mut self.path.corners);
        if !(3..=6).contains(&corners.len()) {
            return;
        }
        let fold = |pick: fn(&(f64, f64)) -> f64, best: fn(f64, f64) -> f64, from: f64| {
            corners.iter().map(pick).fold(from, best)
        };
        let low = (
            fold(|c| c.0, f64::min, f64::MAX),
            fold(|c| c.1, f64::min, f64::MAX),
        );
        let high = (
            fold(|c| c.0, f64::max, f64::MIN),
            fold(|c| c.1, f64::max, f64::MIN),
        );
        self.path.boxes.push((low, high));
    }

    fn stroke(&mut self, page: &mut Page) {
        let path = std::mem::take(&mut self.path);
        for (from, to) in path.lines {
            rule(page, from, to);
        }
        for (a, b) in path.boxes {
            rule(page, a, (b.0, a.1));
            rule(page, (b.0, a.1), b);
            rule(page, b, (a.0, b.1));
            rule(page, (a.0, b.1), a);
        }
    }

    /// A filled box is a line when it is thin; the ground behind text is none.
    fn fill(&mut self, page: &mut Page) {
        self.end_shape();
        for (a, b) in std::mem::take(&mut self.path).boxes {
            let (width, height) = ((a.0 - b.0).abs(), (a.1 - b.1).abs());
            let (x, y) = (f64::midpoint(a.0, b.0), f64::midpoint(a.1, b.1));
            if height <= RULE_THICK_MAX && width > height {
                rule(page, (a.0, y), (b.0, y));
            } else if width <= RULE_THICK_MAX {
                rule(page, (x, a.1), (x, b.1));
            }
        }
    }
}

fn rule(page: &mut Page, from: (f64, f64), to: (f64, f64)) {
    let (width, height) = ((to.0 - from.0).abs(), (to.1 - from.1).abs());
    if height <= RULE_SLOPE_MAX && width > RULE_THICK_MAX {
        page.rules
            .push(Rule::level(from.0, to.0, f64::midpoint(from.1, to.1)));
    } else if width <= RULE_SLOPE_MAX && height > RULE_THICK_MAX {
        page.rules
            .push(Rule::upright(from.1, to.1, f64::midpoint(from.0, to.0)));
    }
}
