//! Plain SVG pictures: points or lines over two axes, and groups of bars.

use std::fmt::Write as _;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 400.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 700.0;
const TOP: f64 = 50.0;
const BOTTOM: f64 = 340.0;
const TICKS: u32 = 5;
/// One colour per series; distinguishable for colour-blind people, on a white ground.
const COLOURS: [&str; 4] = ["#4477aa", "#ee6677", "#228833", "#aa3377"];

/// A picture's title and the names of its axes.
#[derive(Debug, Clone, Copy)]
pub struct Labels<'a> {
    /// Above it.
    pub title: &'a str,
    /// Below it.
    pub x: &'a str,
    /// At its left.
    pub y: &'a str,
}

/// A named row of points.
#[derive(Debug, Clone)]
pub struct Series {
    /// As shown.
    pub name: String,
    /// Points, each with its own label or an empty one.
    pub points: Vec<(f64, f64, String)>,
}

/// Largest values of the axes, which begin at zero.
#[derive(Debug, Clone, Copy)]
struct Scale {
    x: f64,
    y: f64,
}

impl Scale {
    fn x(self, value: f64) -> f64 {
        LEFT + (RIGHT - LEFT) * value / self.x
    }

    fn y(self, value: f64) -> f64 {
        BOTTOM - (BOTTOM - TOP) * value / self.y
    }
}

/// A round number at or above `value`.
fn round_up(value: f64) -> f64 {
    let unit = 10f64.powf(value.max(1e-9).log10().floor());
    [1.0, 2.0, 2.5, 5.0, 10.0]
        .into_iter()
        .map(|step| step * unit)
        .find(|top| *top >= value)
        .unwrap_or(value)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

struct Picture(String);

impl Picture {
    fn new(labels: Labels<'_>) -> Self {
        let mut picture = Self(String::new());
        picture.line(format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
             font-family=\"sans-serif\" font-size=\"12\" fill=\"#333\">"
        ));
        picture.line(format!("<title>{}</title>", escaped(labels.title)));
        picture.line(format!(
            "<rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#fff\"/>"
        ));
        picture.text(
            LEFT,
            22.0,
            "start",
            &format!(
                "<tspan font-weight=\"bold\">{}</tspan>",
                escaped(labels.title)
            ),
        );
        picture.text((LEFT + RIGHT) / 2.0, 376.0, "middle", &escaped(labels.x));
        let middle = (TOP + BOTTOM) / 2.0;
        picture.line(format!(
            "<text transform=\"translate(18 {middle}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
            escaped(labels.y)
        ));
        picture
    }

    fn line(&mut self, text: impl AsRef<str>) {
        self.0.push_str(text.as_ref());
        self.0.push('\n');
    }

    fn text(&mut self, x: f64, y: f64, anchor: &str, text: &str) {
        self.line(format!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>"
        ));
    }

    fn stroke(&mut self, from: (f64, f64), to: (f64, f64), colour: &str) {
        let ((x1, y1), (x2, y2)) = (from, to);
        self.line(format!(
            "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"{colour}\"/>"
        ));
    }

    fn y_axis(&mut self, scale: Scale) {
        for tick in 0..=TICKS {
            let value = scale.y * f64::from(tick) / f64::from(TICKS);
            let y = scale.y(value);
            self.stroke((LEFT, y), (RIGHT, y), "#ddd");
            self.text(LEFT - 6.0, y + 4.0, "end", &number(value));
        }
    }

    fn x_axis(&mut self, scale: Scale) {
        for tick in 0..=TICKS {
            let value = scale.x * f64::from(tick) / f64::from(TICKS);
            self.text(scale.x(value), BOTTOM + 18.0, "middle", &number(value));
        }
    }

    fn legend<'a>(&mut self, names: impl Iterator<Item = &'a str>) {
        for (i, (name, colour)) in names.zip(COLOURS).enumerate() {
            let x = LEFT + 160.0 * i as f64;
            self.line(format!(
                "<rect x=\"{x}\" y=\"31\" width=\"10\" height=\"10\" fill=\"{colour}\"/>"
            ));
            self.text(x + 15.0, 40.0, "start", &escaped(name));
        }
    }

    fn done(mut self) -> String {
        self.line("</svg>");
        self.0
    }
}

fn number(value: f64) -> String {
    let mut text = format!("{value:.2}");
    while text.ends_with('0') {
        text.pop();
    }
    text.trim_end_matches('.').to_owned()
}

fn scale_of(series: &[Series]) -> Scale {
    let points = || series.iter().flat_map(|s| &s.points);
    Scale {
        x: round_up(points().map(|p| p.0).fold(0.0, f64::max)),
        y: round_up(points().map(|p| p.1).fold(0.0, f64::max)),
    }
}

/// Points joined by lines, with their labels.
#[must_use]
pub fn curves(labels: Labels<'_>, series: &[Series]) -> String {
    let scale = scale_of(series);
    let mut picture = Picture::new(labels);
    picture.y_axis(scale);
    picture.x_axis(scale);
    picture.legend(series.iter().map(|s| s.name.as_str()));
    for (row, colour) in series.iter().zip(COLOURS) {
        let path = row
            .points
            .iter()
            .fold(String::new(), |mut path, (x, y, _)| {
                // Writing to a string cannot fail.
                let _ = write!(path, "{:.1},{:.1} ", scale.x(*x), scale.y(*y));
                path
            });
        picture.line(format!(
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            path.trim_end()
        ));
        for (x, y, label) in &row.points {
            let (x, y) = (scale.x(*x), scale.y(*y));
            picture.line(format!(
                "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\" fill=\"{colour}\"/>"
            ));
            if !label.is_empty() {
                picture.text(x + 7.0, y - 6.0, "start", &escaped(label));
            }
        }
    }
    picture.done()
}

/// Bars side by side: for each group its name and one value per series.
#[must_use]
pub fn bars(labels: Labels<'_>, series: &[String], groups: &[(String, Vec<f64>)]) -> String {
    let largest = groups
        .iter()
        .flat_map(|(_, values)| values)
        .copied()
        .fold(0.0, f64::max);
    let scale = Scale {
        x: groups.len() as f64,
        y: round_up(largest),
    };
    let mut picture = Picture::new(labels);
    picture.y_axis(scale);
    picture.legend(series.iter().map(String::as_str));
    let width = (scale.x(1.0) - scale.x(0.0)) * 0.8 / series.len().max(1) as f64;
    for (group, (name, values)) in groups.iter().enumerate() {
        let start = scale.x(group as f64 + 0.1);
        picture.text(
            scale.x(group as f64 + 0.5),
            BOTTOM + 18.0,
            "middle",
            &escaped(name),
        );
        for (bar, (value, colour)) in values.iter().zip(COLOURS).enumerate() {
            let (x, y) = (start + width * bar as f64, scale.y(*value));
            picture.line(format!(
                "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{colour}\"/>",
                width - 4.0,
                BOTTOM - y
            ));
            picture.text(
                x + (width - 4.0) / 2.0,
                y - 4.0,
                "middle",
                &format!("{value:.1}"),
            );
        }
    }
    picture.done()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_end_at_round_numbers() {
        for (value, top) in [
            (0.7, 1.0),
            (18.0, 20.0),
            (23.0, 25.0),
            (36.0, 50.0),
            (644.0, 1_000.0),
        ] {
            assert!((round_up(value) - top).abs() < 1e-9, "{value}");
        }
    }
}
