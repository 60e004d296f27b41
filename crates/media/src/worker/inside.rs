//! What the reading process does: one job, then it ends.

use super::walls::{self, Walls};
use super::{Answer, Job, Task};
use crate::error::ReadError;
use crate::format::Format;
use crate::limits::JOB_LINE_MAX;
use crate::reading::{Kind, PictureFacts, Reading};
use crate::{audio, documents, ocr, pictures};
use std::io::{BufRead as _, BufReader, Read as _, Stdin, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// Stack of the thread that parses: some parsers go down once for each level of nesting.
const STACK: usize = 64 * 1024 * 1024;
/// How much longer than allowed this process waits before it ends itself and what it started.
/// Whoever started it is quicker, unless it was killed itself.
const GRACE: Duration = Duration::from_secs(5);

/// An answer and the bytes that follow it.
type Done = Result<(Answer, Vec<u8>), ReadError>;

/// Reads one job from the input, does it, and writes the answer to the output.
#[must_use]
pub fn main() -> ExitCode {
    // What a parser panics with is for nobody to read.
    std::panic::set_hook(Box::new(|_| {}));
    let mut input = BufReader::new(std::io::stdin());
    let done = match job(&mut input) {
        Ok(job) => work(&job, input),
        Err(error) => Err(error),
    };
    match tell(done) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn job(input: &mut BufReader<Stdin>) -> Result<Job, ReadError> {
    let mut line = String::new();
    let misunderstood = |what: String| ReadError::Worker {
        what: format!("the reading process was not told what to do ({what})"),
    };
    input
        .by_ref()
        .take(JOB_LINE_MAX as u64)
        .read_line(&mut line)
        .map_err(|error| misunderstood(error.to_string()))?;
    serde_json::from_str(&line).map_err(|error| misunderstood(error.to_string()))
}

fn work(job: &Job, mut input: BufReader<Stdin>) -> Done {
    let walls = walls::build(job)?;
    let finished = watch(Duration::from_secs(job.seconds) + GRACE);
    let mut bytes = Vec::new();
    let limit = crate::limits::DOCUMENT_BYTES_MAX as u64;
    input
        .by_ref()
        .take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(ReadError::damaged)?;
    if bytes.len() as u64 > limit {
        return Err(ReadError::TooLarge {
            bytes: bytes.len() as u64,
            limit,
        });
    }
    let done = in_its_own_thread(job, bytes, walls);
    drop(finished);
    done
}

/// Ends this process, and all that it started, when it takes too long.
fn watch(limit: Duration) -> Sender<()> {
    let (finished, wait) = channel::<()>();
    let watching = std::thread::Builder::new().spawn(move || {
        if wait.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
            // It leads its group when Waypost started it; alone in a terminal it only ends itself.
            if rustix::process::getpgrp() == rustix::process::getpid() {
                let _ = rustix::process::kill_current_process_group(rustix::process::Signal::KILL);
            }
            std::process::abort();
        }
    });
    drop(watching);
    finished
}

fn in_its_own_thread(job: &Job, bytes: Vec<u8>, walls: Walls) -> Done {
    let job = job.clone();
    let thread = std::thread::Builder::new()
        .stack_size(STACK)
        .spawn(move || {
            catch_unwind(AssertUnwindSafe(|| perform(&job, &bytes, walls)))
                .unwrap_or_else(|_| Err(ReadError::damaged("its parser gave up")))
        });
    match thread.map(std::thread::JoinHandle::join) {
        Ok(Ok(done)) => done,
        _ => Err(ReadError::Worker {
            what: "the reading process has no room for a thread".into(),
        }),
    }
}

fn perform(job: &Job, bytes: &[u8], walls: Walls) -> Done {
    let format = Format::guess(bytes, job.name.as_deref());
    let (reading, sound_ms, attachment) = match (&job.task, format.kind()) {
        (Task::Sound, _) => sound(bytes)?,
        (Task::Read { ocr, .. }, Some(Kind::Picture)) => picture(bytes, ocr.as_ref())?,
        (
            Task::Read {
                documents: true, ..
            },
            Some(Kind::Document),
        ) => (documents::read(format, bytes)?, None, Vec::new()),
        (Task::Read { .. }, _) => return Err(ReadError::Unsupported),
    };
    let answer = Answer {
        reading,
        sound_ms,
        attachment: attachment.len(),
        walls,
    };
    Ok((answer, attachment))
}

type Found = (Reading, Option<u64>, Vec<u8>);

fn picture(bytes: &[u8], ocr: Option<&ocr::OcrOptions>) -> Result<Found, ReadError> {
    let picture = pictures::decode(bytes)?;
    let thumbnail = pictures::thumbnail(&picture)?;
    let recognised = match ocr {
        Some(options) => ocr::recognise(&picture, options)?,
        None => ocr::Recognised::default(),
    };
    let reading = Reading {
        kind: Some(Kind::Picture),
        text: recognised.text,
        confidence: recognised.confidence,
        picture: Some(PictureFacts {
            width: picture.width(),
            height: picture.height(),
            look: pictures::look(&picture).to_hex(),
        }),
        ..Reading::default()
    };
    Ok((reading, None, thumbnail))
}

fn sound(bytes: &[u8]) -> Result<Found, ReadError> {
    let sound = audio::decode(bytes)?;
    let reading = Reading {
        kind: Some(Kind::Audio),
        truncated: sound.truncated,
        ..Reading::default()
    };
    Ok((reading, Some(sound.millis), sound.wav))
}

fn tell(done: Done) -> std::io::Result<()> {
    let mut output = std::io::stdout().lock();
    let (line, attachment) = match done {
        Ok((answer, attachment)) => (serde_json::to_vec(&Ok::<_, ReadError>(answer))?, attachment),
        Err(error) => (serde_json::to_vec(&Err::<Answer, _>(error))?, Vec::new()),
    };
    output.write_all(&line)?;
    output.write_all(b"\n")?;
    output.write_all(&attachment)?;
    output.flush()
}
