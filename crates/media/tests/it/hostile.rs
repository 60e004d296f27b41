//! Files made to break whoever reads them. Each ends in a clear sentence, and the next file is read.

use crate::make::{
    config, container, docx, pdf, png, png_claiming, saying, workers, workers_with_script, xlsx,
};
use bytes::Bytes;
use image::DynamicImage;
use std::time::Duration;
use waypost_media::ReadError;
use waypost_media::limits::QUEUE_MAX;
use waypost_media::worker::{Workers, WorkersConfig};

async fn refused(workers: &Workers, file: Vec<u8>, name: &str) -> ReadError {
    let error = workers
        .read(Bytes::from(file), Some(name))
        .await
        .unwrap_err();
    still_reads(workers).await;
    error
}

async fn still_reads(workers: &Workers) {
    let (answer, _) = workers
        .read(Bytes::from_static(b"unit,price\n1203,5\n"), Some("a.csv"))
        .await
        .unwrap();
    assert_eq!(answer.reading.tables[0].rows[1], ["1203", "5"]);
}

#[tokio::test]
async fn a_zip_bomb_is_refused_before_it_unfolds() {
    let zeros = vec![b' '; 300 * 1024 * 1024];
    let bomb = container(&[("word/document.xml", &zeros)]);
    assert!(bomb.len() < 2 * 1024 * 1024);
    let error = refused(&workers(), bomb, "offer.docx").await;
    assert!(
        error.to_string().contains("would unfold to 300 MB"),
        "{error}"
    );
}

#[tokio::test]
async fn a_zip_bomb_that_lies_about_its_size_is_stopped_too() {
    let zeros = vec![b' '; 300 * 1024 * 1024];
    for name in ["word/document.xml", "xl/workbook.xml"] {
        let mut bomb = container(&[(name, &zeros)]);
        let entry = bomb.windows(4).rposition(|w| w == b"PK\x01\x02").unwrap();
        bomb[entry + 24..entry + 28].copy_from_slice(&10_u32.to_le_bytes());
        bomb[22..26].copy_from_slice(&10_u32.to_le_bytes());
        let error = refused(&workers(), bomb, "offer.docx").await;
        assert!(
            matches!(
                error,
                ReadError::Damaged { .. }
                    | ReadError::Refused { .. }
                    | ReadError::OutOfMemory { .. }
            ),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn an_xml_entity_bomb_is_not_expanded() {
    let mut bomb = String::from("<!DOCTYPE w [<!ENTITY a0 \"ha\">");
    for i in 1..40 {
        bomb.push_str(&format!("<!ENTITY a{i} \"&a{};&a{};\">", i - 1, i - 1));
    }
    bomb.push_str("]><w:document><w:p><w:t>&a39;</w:t></w:p></w:document>");
    let file = container(&[("word/document.xml", bomb.as_bytes())]);
    let error = refused(&workers(), file, "offer.docx").await;
    assert!(matches!(error, ReadError::Damaged { .. }), "{error:?}");
}

#[tokio::test]
async fn a_sheet_that_claims_a_billion_cells_has_those_that_are_there() {
    let sheet = r#"<dimension ref="A1:XFD1048576"/><sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>only</t></is></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>"#;
    let (answer, _) = workers()
        .read(Bytes::from(xlsx(sheet)), None)
        .await
        .unwrap();
    assert_eq!(answer.reading.tables[0].rows[0][0], "only");
    assert!(answer.reading.truncated, "the far cell is left out");
}

#[tokio::test]
async fn a_pdf_that_draws_itself_is_drawn_to_a_depth() {
    let file = pdf(&[
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /XObject << /X 5 0 R >> >> >>",
        "<< /Length 5 >>\nstream\n/X Do\nendstream",
        "<< /Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /X 5 0 R >> >> /Length 5 >>\nstream\n/X Do\nendstream",
    ]);
    let workers = workers();
    let (answer, _) = workers
        .read(Bytes::from(file), Some("loop.pdf"))
        .await
        .unwrap();
    assert!(answer.reading.truncated, "its end is nowhere");
    still_reads(&workers).await;
}

#[tokio::test]
async fn pages_that_contain_each_other_are_no_endless_document() {
    let file = pdf(&[
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Pages /Kids [2 0 R 3 0 R] /Count 1 >>",
    ]);
    let error = refused(&workers(), file, "pages.pdf").await;
    assert!(
        matches!(error, ReadError::Damaged { .. } | ReadError::Crashed { .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn brackets_without_end_are_ended() {
    let nested = "[".repeat(2_000_000);
    let file = pdf(&["<< /Type /Catalog /Pages 2 0 R >>", &nested]);
    let error = refused(&workers(), file, "deep.pdf").await;
    assert!(
        matches!(
            error,
            ReadError::Damaged { .. } | ReadError::Crashed { .. } | ReadError::TimedOut { .. }
        ),
        "{error:?}"
    );
    let deep = docx(&"<w:p>".repeat(1_000_000));
    let error = refused(&workers(), deep, "deep.docx").await;
    assert!(error.to_string().contains("nested"), "{error}");
}

#[tokio::test]
async fn a_picture_of_900_million_points_is_refused_by_its_first_bytes() {
    let error = refused(&workers(), png_claiming(30_000, 30_000), "a.png").await;
    assert!(error.to_string().contains("30000 x 30000"), "{error}");
}

#[tokio::test]
async fn what_needs_too_much_memory_is_ended_and_said() {
    let small = Workers::new(WorkersConfig {
        memory: 192 * 1024 * 1024,
        ..config()
    });
    let picture = png(&DynamicImage::new_rgb8(7_000, 7_000));
    let error = refused(&small, picture.clone(), "a.png").await;
    assert_eq!(error, ReadError::OutOfMemory { megabytes: 192 });
    assert!(
        workers().read(Bytes::from(picture), None).await.is_ok(),
        "it is fine with the usual memory"
    );
}

#[tokio::test]
async fn what_hangs_is_ended_with_everything_it_started() {
    let folder = tempfile::tempdir().unwrap();
    let script = "#!/bin/sh\nexec sleep 86399.25\n";
    let workers = workers_with_script(folder.path(), script, Duration::from_secs(1));
    let picture = png(&DynamicImage::new_rgb8(40, 40));
    let error = refused(&workers, picture, "a.png").await;
    assert_eq!(error, ReadError::TimedOut { seconds: 1 });
    assert_eq!(
        running("86399.25"),
        0,
        "the program it started is still there"
    );
}

#[tokio::test]
async fn what_spins_is_ended() {
    let folder = tempfile::tempdir().unwrap();
    let workers = workers_with_script(
        folder.path(),
        "#!/bin/sh\nwhile :; do :; done\n",
        Duration::from_secs(1),
    );
    let error = refused(&workers, png(&DynamicImage::new_rgb8(40, 40)), "a.png").await;
    assert!(
        matches!(
            error,
            ReadError::TimedOut { .. } | ReadError::Program { .. }
        ),
        "{error:?}"
    );
}

#[tokio::test]
async fn when_too_many_wait_the_next_is_told_to_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let gate = folder.path().join("gate");
    let wait = format!(
        "while [ ! -e {} ]; do sleep 0.05; done; word=done",
        gate.display()
    );
    let mut slow = workers_with_script(folder.path(), &saying(&wait), Duration::from_secs(20));
    slow = single(slow, folder.path());
    let picture = Bytes::from(png(&DynamicImage::new_rgb8(40, 40)));
    let waiting: Vec<_> = (0..=QUEUE_MAX)
        .map(|_| slow.read(picture.clone(), None))
        .collect();
    let all = futures_join(waiting);
    tokio::pin!(all);
    tokio::select! {
        _ = &mut all => panic!("they wait for the gate"),
        error = async {
            // All of them have asked once they were polled; this one comes after.
            tokio::task::yield_now().await;
            tokio::time::sleep(Duration::from_millis(300)).await;
            slow.read(picture.clone(), None).await.unwrap_err()
        } => assert_eq!(error, ReadError::Busy),
    }
}

fn single(_: Workers, folder: &std::path::Path) -> Workers {
    let ocr = waypost_media::ocr::OcrOptions {
        program: folder.join("tesseract"),
        ..Default::default()
    };
    Workers::new(WorkersConfig {
        ocr: Some(ocr),
        parallel: 1,
        ..config()
    })
}

async fn futures_join<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    futures_util::future::join_all(futures).await
}

/// Processes with this argument.
fn running(argument: &str) -> usize {
    let lines = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    lines
        .filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok())
        .filter(|line| {
            line.split(|b| *b == 0)
                .any(|word| word == argument.as_bytes())
        })
        .count()
}
