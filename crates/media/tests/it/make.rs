//! Files to read, and the process that reads them.

use image::{DynamicImage, ImageFormat};
use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;
use waypost_media::ocr::OcrOptions;
use waypost_media::worker::{Workers, WorkersConfig};
use zip::write::SimpleFileOptions;

/// The reading process, without text recognition.
pub(crate) fn config() -> WorkersConfig {
    let mut config = WorkersConfig::new(PathBuf::from(env!("CARGO_BIN_EXE_waypost-media-worker")));
    config.ocr = None;
    config
}

pub(crate) fn workers() -> Workers {
    Workers::new(config())
}

/// The reading process with the text recognition that is installed.
pub(crate) fn workers_with_tesseract() -> Workers {
    let ocr = OcrOptions::default();
    assert!(
        ocr.program.exists(),
        "Tesseract is missing: {}",
        waypost_media::ocr::INSTALL
    );
    Workers::new(WorkersConfig {
        ocr: Some(ocr),
        ..config()
    })
}

/// The reading process with a script in the place of Tesseract: what a taken-over program would do.
pub(crate) fn workers_with_script(folder: &Path, script: &str, time_max: Duration) -> Workers {
    use std::os::unix::fs::PermissionsExt as _;
    let program = folder.join("tesseract");
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let ocr = OcrOptions {
        program,
        ..OcrOptions::default()
    };
    Workers::new(WorkersConfig {
        ocr: Some(ocr),
        time_max,
        ..config()
    })
}

/// A script that says one word, as Tesseract would.
pub(crate) fn saying(commands: &str) -> String {
    format!(
        "#!/bin/bash\ncat >/dev/null\n{commands}\nprintf '5\\t1\\t1\\t1\\t1\\t1\\t0\\t0\\t9\\t9\\t99\\t%s\\n' \"$word\"\n"
    )
}

/// A ZIP container.
pub(crate) fn container(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in parts {
        writer
            .start_file(*name, SimpleFileOptions::default())
            .unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A DOCX with this body.
pub(crate) fn docx(body: &str) -> Vec<u8> {
    let document = format!(
        "<?xml version=\"1.0\"?><w:document xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\"><w:body>{body}</w:body></w:document>"
    );
    container(&[
        ("[Content_Types].xml", b"<Types/>"),
        ("word/document.xml", document.as_bytes()),
    ])
}

/// An XLSX with one sheet.
pub(crate) fn xlsx(sheet: &str) -> Vec<u8> {
    let sheet = format!(
        "<worksheet xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\">{sheet}</worksheet>"
    );
    container(&[
        ("[Content_Types].xml", b"<Types/>"),
        ("xl/workbook.xml", br#"<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="Units" sheetId="1" r:id="rId1"/></sheets></workbook>"#),
        ("xl/_rels/workbook.xml.rels", br#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/></Relationships>"#),
        ("xl/worksheets/sheet1.xml", sheet.as_bytes()),
    ])
}

/// A PDF of these objects, numbered from 1; the first is the catalogue.
pub(crate) fn pdf(objects: &[&str]) -> Vec<u8> {
    let mut out = b"%PDF-1.4\n".to_vec();
    let mut places = Vec::new();
    for (i, object) in objects.iter().enumerate() {
        places.push(out.len());
        out.extend(format!("{} 0 obj\n{object}\nendobj\n", i + 1).bytes());
    }
    let start = out.len();
    out.extend(format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1).bytes());
    for place in places {
        out.extend(format!("{place:010} 00000 n \n").bytes());
    }
    let size = objects.len() + 1;
    out.extend(
        format!("trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n").bytes(),
    );
    out
}

/// A PDF page that draws this.
pub(crate) fn pdf_page(draw: &str) -> Vec<u8> {
    let stream = format!("<< /Length {} >>\nstream\n{draw}\nendstream", draw.len());
    pdf(&[
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
        &stream,
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ])
}

pub(crate) fn png(picture: &DynamicImage) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

/// A PNG that only claims its size.
pub(crate) fn png_claiming(width: u32, height: u32) -> Vec<u8> {
    let mut header = Vec::new();
    header.extend(width.to_be_bytes());
    header.extend(height.to_be_bytes());
    header.extend([8, 2, 0, 0, 0]);
    let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
    out.extend(chunk(b"IHDR", &header));
    out.extend(chunk(b"IDAT", &[0x78, 0x9c]));
    out
}

fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut crc = flate2::Crc::new();
    crc.update(kind);
    crc.update(data);
    let mut out = u32::try_from(data.len()).unwrap().to_be_bytes().to_vec();
    out.extend(kind);
    out.extend(data);
    out.extend(crc.sum().to_be_bytes());
    out
}
