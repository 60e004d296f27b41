//! Text recognition with the program Tesseract.
//!
//! It runs as a child of the walled process and inherits its walls.

use crate::error::ReadError;
use crate::limits::OCR_POINTS_MAX;
use image::imageops::FilterType;
use image::{DynamicImage, GrayImage};
use serde::{Deserialize, Serialize};
use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Debian's packages of the program and its languages.
pub const INSTALL: &str = "apt-get install tesseract-ocr tesseract-ocr-ara";
/// Edge under which a picture is made larger: letters of a screenshot are about 15 points high
/// then, and recognition wants 30.
const SMALL_EDGE: u32 = 2_400;
/// How much larger at most.
const LARGER_MAX: f32 = 3.0;
/// Words that are less sure than this, of 100, are left out: they are mostly icons.
const SURE_MIN: f32 = 30.0;
/// Bytes of the program's answer at most.
const ANSWER_MAX: u64 = 16 * 1024 * 1024;
/// Middle grey: a picture darker than this has light letters on dark.
const DARK: f32 = 110.0;

/// How text is recognised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OcrOptions {
    /// The program.
    pub program: PathBuf,
    /// Tesseract's names of the languages, joined by `+`.
    pub languages: String,
}

impl Default for OcrOptions {
    fn default() -> Self {
        Self {
            program: PathBuf::from("/usr/bin/tesseract"),
            languages: "eng+ara".into(),
        }
    }
}

/// What was recognised.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recognised {
    /// The text.
    pub text: String,
    /// How sure the program is on average, from 0 to 100; absent without words.
    pub confidence: Option<u8>,
}

/// Recognises the text of a picture.
///
/// # Errors
/// When the program is missing or fails.
pub fn recognise(picture: &DynamicImage, options: &OcrOptions) -> Result<Recognised, ReadError> {
    let grey = prepare(picture);
    if grey.width() < 8 || grey.height() < 8 {
        return Ok(Recognised::default());
    }
    let answer = run(&grey, options)?;
    Ok(words(&answer))
}

/// Grey, dark letters on light, and large enough.
fn prepare(picture: &DynamicImage) -> GrayImage {
    let points = u64::from(picture.width()) * u64::from(picture.height());
    let edge = picture.width().max(picture.height()).max(1);
    let by = if points > OCR_POINTS_MAX {
        (OCR_POINTS_MAX as f64 / points as f64).sqrt() as f32
    } else {
        (SMALL_EDGE as f32 / edge as f32).clamp(1.0, LARGER_MAX)
    };
    let mut grey = flat(picture);
    if (by - 1.0).abs() > 0.05 {
        let size = |n: u32| ((n as f32 * by).round() as u32).max(1);
        let (width, height) = (size(grey.width()), size(grey.height()));
        grey = image::imageops::resize(&grey, width, height, FilterType::CatmullRom);
    }
    let sum: u64 = grey.as_raw().iter().map(|p| u64::from(*p)).sum();
    if (sum as f32) < DARK * grey.as_raw().len().max(1) as f32 {
        image::imageops::invert(&mut grey);
    }
    grey
}

/// Grey; see-through parts become white.
fn flat(picture: &DynamicImage) -> GrayImage {
    if !picture.color().has_alpha() {
        return picture.to_luma8();
    }
    let pairs = picture.to_luma_alpha8();
    GrayImage::from_fn(pairs.width(), pairs.height(), |x, y| {
        let [l, a] = pairs.get_pixel(x, y).0;
        let (l, a) = (u32::from(l), u32::from(a));
        image::Luma([u8::try_from((l * a + 255 * (255 - a)) / 255).unwrap_or(u8::MAX)])
    })
}

fn run(grey: &GrayImage, options: &OcrOptions) -> Result<String, ReadError> {
    let failed = |what: String| ReadError::Program {
        program: options.program.display().to_string(),
        what,
    };
    let mut child = Command::new(&options.program)
        .args([
            "stdin",
            "stdout",
            "-l",
            &options.languages,
            "--psm",
            "3",
            "--dpi",
            "200",
            "tsv",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => ReadError::NoProgram {
                program: options.program.display().to_string(),
                install: INSTALL.into(),
            },
            _ => failed(error.to_string()),
        })?;
    let stdin = child.stdin.take();
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    // Three pipes, of which any may fill up first.
    let (answer, complaint) = std::thread::scope(|scope| {
        scope.spawn(move || {
            if let Some(mut stdin) = stdin {
                // A program that ends early says why on its own.
                let head = format!("P5\n{} {}\n255\n", grey.width(), grey.height());
                let _ = stdin.write_all(head.as_bytes());
                let _ = stdin.write_all(grey.as_raw());
            }
        });
        let complaint = scope.spawn(move || read_all(stderr));
        let answer = read_all(stdout);
        (answer, complaint.join().unwrap_or_default())
    });
    let status = child.wait().map_err(|error| failed(error.to_string()))?;
    if !status.success() {
        let line = complaint
            .lines()
            .find(|l| !l.trim().is_empty())
            .unwrap_or("no word")
            .to_owned();
        return Err(failed(line));
    }
    Ok(answer)
}

fn read_all(pipe: Option<impl std::io::Read>) -> String {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        // What came before an error is still worth showing.
        let _ = pipe.take(ANSWER_MAX).read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// One word of the program's table.
struct Word<'a> {
    /// Block, paragraph and line.
    line: (u32, u32, u32),
    sure: f32,
    text: &'a str,
}

fn word(row: &str) -> Option<Word<'_>> {
    let cells: Vec<&str> = row.split('\t').collect();
    let [
        level,
        _page,
        block,
        paragraph,
        line,
        _word,
        _x,
        _y,
        _w,
        _h,
        sure,
        text,
    ] = cells.as_slice()
    else {
        return None;
    };
    if *level != "5" || text.trim().is_empty() {
        return None;
    }
    Some(Word {
        line: (
            block.parse().ok()?,
            paragraph.parse().ok()?,
            line.parse().ok()?,
        ),
        sure: sure.parse().ok()?,
        text: text.trim(),
    })
}

/// The program's table of words as lines of text; an empty line between paragraphs is not kept.
fn words(tsv: &str) -> Recognised {
    let mut text = String::new();
    let mut last: Option<(u32, u32, u32)> = None;
    let (mut sum, mut count) = (0.0_f32, 0.0_f32);
    for word in tsv.lines().filter_map(word).filter(|w| w.sure >= SURE_MIN) {
        match last {
            Some(line) if line == word.line => text.push(' '),
            Some(_) => text.push('\n'),
            None => {}
        }
        last = Some(word.line);
        text.push_str(word.text);
        sum += word.sure;
        count += 1.0;
    }
    let confidence = (count > 0.0).then(|| (sum / count).round().clamp(0.0, 100.0) as u8);
    Recognised { text, confidence }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_lines_and_unsure_ones_are_left_out() {
        let tsv = "level\tpage_num\tblock_num\n\
            5\t1\t1\t1\t1\t1\t0\t0\t9\t9\t96.1\tHello\n\
            5\t1\t1\t1\t1\t2\t0\t0\t9\t9\t90.0\tAna\n\
            5\t1\t1\t1\t2\t1\t0\t0\t9\t9\t12.0\t@)\n\
            5\t1\t2\t1\t1\t1\t0\t0\t9\t9\t84.0\tBye\n";
        let found = words(tsv);
        assert_eq!(found.text, "Hello Ana\nBye");
        assert_eq!(found.confidence, Some(90));
        assert_eq!(words(""), Recognised::default());
    }

    #[test]
    fn a_missing_program_is_named_with_its_packages() {
        let options = OcrOptions {
            program: "/nowhere/tesseract".into(),
            ..OcrOptions::default()
        };
        let error = recognise(&DynamicImage::new_luma8(50, 50), &options).unwrap_err();
        assert!(error.to_string().contains(INSTALL), "{error}");
    }

    #[test]
    fn light_letters_on_dark_are_turned_around() {
        let dark = DynamicImage::ImageLuma8(GrayImage::from_pixel(60, 60, image::Luma([20])));
        assert!(prepare(&dark).as_raw()[0] > 200);
    }
}
