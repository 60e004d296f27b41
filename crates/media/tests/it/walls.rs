//! What a program could do that a file has taken over: nothing outside.

use crate::make::{png, saying, workers_with_script};
use bytes::Bytes;
use image::DynamicImage;
use std::process::Command;
use std::time::Duration;
use waypost_media::worker::Workers;

const TIME: Duration = Duration::from_secs(20);

async fn word(workers: &Workers) -> String {
    let picture = png(&DynamicImage::new_rgb8(40, 40));
    let (answer, _) = workers.read(Bytes::from(picture), None).await.unwrap();
    assert!(answer.walls.limits && answer.walls.system_calls);
    answer.reading.text
}

/// What the same commands say outside of the walls.
fn word_outside(commands: &str) -> String {
    let script = format!("{commands}\nprintf %s \"$word\"");
    let out = Command::new("bash").args(["-c", &script]).output().unwrap();
    String::from_utf8(out.stdout).unwrap()
}

async fn inside_and_outside(commands: &str) -> (String, String) {
    let folder = tempfile::tempdir().unwrap();
    let workers = workers_with_script(folder.path(), &saying(commands), TIME);
    (word(&workers).await, word_outside(commands))
}

#[tokio::test]
async fn it_reaches_no_network() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let commands = format!(
        "if (exec 3<>/dev/tcp/127.0.0.1/{port}) 2>/dev/null; then word=connected; else word=denied; fi"
    );
    assert_eq!(
        inside_and_outside(&commands).await,
        ("denied".into(), "connected".into())
    );
}

#[tokio::test]
async fn it_writes_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("new");
    let commands = format!(
        "if (echo x > {}) 2>/dev/null; then word=written; else word=denied; fi",
        file.display()
    );
    assert_eq!(
        inside_and_outside(&commands).await,
        ("denied".into(), "written".into())
    );
}

#[tokio::test]
async fn it_reads_no_file_of_waypost_where_the_kernel_can_keep_it_from_that() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("master.key");
    std::fs::write(&secret, "secret").unwrap();
    let commands = format!(
        "word=$(cat {} 2>/dev/null || echo denied)",
        secret.display()
    );
    let (inside, outside) = inside_and_outside(&commands).await;
    assert_eq!(outside, "secret");
    assert_eq!(
        inside, "denied",
        "this kernel has no Landlock; see docs/adr/0008"
    );
}

#[tokio::test]
async fn it_knows_nothing_of_the_environment() {
    let (inside, outside) = inside_and_outside("word=${CARGO_MANIFEST_DIR:-empty}").await;
    assert_eq!(inside, "empty");
    assert_ne!(outside, "empty");
}
