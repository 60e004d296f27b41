//! The side that starts reading processes, feeds them and ends them.

use super::{Answer, Job, SUBCOMMAND, Task};
use crate::error::ReadError;
use crate::format::Format;
use crate::limits::{
    ANSWER_BYTES_MAX, ATTACHMENT_BYTES_MAX, COMPLAINT_BYTES_MAX, QUEUE_MAX, WORKER_MEMORY,
    WORKERS_MAX,
};
use crate::ocr::OcrOptions;
use bytes::Bytes;
use rustix::process::{Pid, Signal, kill_process_group};
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};
use tokio::sync::Semaphore;

/// How much longer than its limit a process may take to start and to answer.
const GRACE: Duration = Duration::from_secs(2);
/// How Rust's allocator ends a program.
const NO_MEMORY: &str = "memory allocation of";
/// How Rust ends a program whose stack is full.
const NO_STACK: &str = "overflowed its stack";

/// How reading processes are started.
#[derive(Debug, Clone)]
pub struct WorkersConfig {
    /// The program; it is started with [`SUBCOMMAND`].
    pub program: PathBuf,
    /// How text is recognised in pictures; not at all when absent.
    pub ocr: Option<OcrOptions>,
    /// Whether documents are read.
    pub documents: bool,
    /// Bytes of address space of one process.
    pub memory: u64,
    /// Processes at a time, from one to [`WORKERS_MAX`].
    pub parallel: usize,
    /// The longest that any file may take; the limits of its kind still hold.
    pub time_max: Duration,
}

impl WorkersConfig {
    /// With this program and the limits of [`crate::limits`].
    #[must_use]
    pub fn new(program: PathBuf) -> Self {
        Self {
            program,
            ocr: Some(OcrOptions::default()),
            documents: true,
            memory: WORKER_MEMORY,
            parallel: WORKERS_MAX,
            time_max: Duration::from_secs(60),
        }
    }
}

/// Reads files in processes of their own.
#[derive(Debug)]
pub struct Workers {
    config: WorkersConfig,
    places: Semaphore,
    queue: Semaphore,
}

impl Workers {
    /// Nothing is started before there is something to read.
    #[must_use]
    pub fn new(config: WorkersConfig) -> Self {
        let parallel = config.parallel.clamp(1, WORKERS_MAX);
        Self {
            config,
            places: Semaphore::new(parallel),
            queue: Semaphore::new(parallel + QUEUE_MAX),
        }
    }

    /// Reads a picture or document; the bytes are a picture's thumbnail (JPEG), else empty.
    ///
    /// # Errors
    /// When the file or this machine does not allow it; [`ReadError::Busy`] when too many wait.
    pub async fn read(
        &self,
        file: Bytes,
        name: Option<&str>,
    ) -> Result<(Answer, Bytes), ReadError> {
        let task = Task::Read {
            ocr: self.config.ocr.clone(),
            documents: self.config.documents,
        };
        self.perform(task, file, name).await
    }

    /// Decodes a voice note to a WAV file of [`crate::audio::SAMPLE_RATE`].
    ///
    /// # Errors
    /// As [`Self::read`].
    pub async fn sound(&self, file: Bytes) -> Result<(Answer, Bytes), ReadError> {
        self.perform(Task::Sound, file, None).await
    }

    async fn perform(
        &self,
        task: Task,
        file: Bytes,
        name: Option<&str>,
    ) -> Result<(Answer, Bytes), ReadError> {
        let format = Format::guess(&file, name);
        if format == Format::Other {
            return Err(ReadError::Unsupported);
        }
        let limit = format.bytes_max();
        if file.len() > limit {
            return Err(ReadError::TooLarge {
                bytes: file.len() as u64,
                limit: limit as u64,
            });
        }
        let _queued = self.queue.try_acquire().map_err(|_| ReadError::Busy)?;
        let _place = self.places.acquire().await.map_err(|_| ReadError::Busy)?;
        let seconds = format.time_max().min(self.config.time_max).as_secs().max(1);
        let job = Job {
            task,
            name: name.map(str::to_owned),
            memory: self.config.memory,
            seconds,
        };
        let mut line = serde_json::to_vec(&job).map_err(|error| misunderstood(&error))?;
        line.push(b'\n');
        let mut child = self.start()?;
        let group = Group::of(&child);
        let limit = Duration::from_secs(seconds) + GRACE;
        let talked = tokio::time::timeout(limit, talk(&mut child, &line, &file)).await;
        // Before the process is waited for: until then its number is nobody else's.
        drop(group);
        let status = child.wait().await.ok();
        match talked {
            Err(_) => Err(ReadError::TimedOut { seconds }),
            Ok(Err(error)) => Err(misunderstood(&error)),
            Ok(Ok(talk)) => talk.answer(|| self.autopsy(status, &talk.complaint, seconds)),
        }
    }

    fn start(&self) -> Result<Child, ReadError> {
        Command::new(&self.config.program)
            .arg(SUBCOMMAND)
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("LANG", "C.UTF-8")
            .env("OMP_THREAD_LIMIT", "1")
            .env("RAYON_NUM_THREADS", "1")
            .env("MALLOC_ARENA_MAX", "2")
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| ReadError::Worker {
                what: format!("the reading process does not start ({error})"),
            })
    }

    /// Why a process ended without an answer.
    fn autopsy(&self, status: Option<ExitStatus>, complaint: &str, seconds: u64) -> ReadError {
        if complaint.contains(NO_MEMORY) {
            return ReadError::OutOfMemory {
                megabytes: self.config.memory / (1024 * 1024),
            };
        }
        if complaint.contains(NO_STACK) {
            let what = "what is in it is nested too deeply, or in itself".into();
            return ReadError::Crashed { what };
        }
        let signal = status.and_then(|status| status.signal());
        if [Signal::XCPU, Signal::KILL]
            .iter()
            .any(|s| signal == Some(s.as_raw()))
        {
            return ReadError::TimedOut { seconds };
        }
        let what = match (signal, status.and_then(|s| s.code())) {
            (Some(signal), _) => format!("signal {signal}"),
            (None, Some(code)) => format!("exit code {code}"),
            (None, None) => "it is gone".into(),
        };
        ReadError::Crashed { what }
    }
}

fn misunderstood(error: &dyn std::fmt::Display) -> ReadError {
    ReadError::Worker {
        what: format!("the reading process was not understood ({error})"),
    }
}

/// A process and all that it started; killed when this is dropped.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Self(id.and_then(Pid::from_raw))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // It fails when all have ended already.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// What a process said.
struct Talk {
    output: Vec<u8>,
    complaint: String,
}

async fn talk(child: &mut Child, line: &[u8], file: &[u8]) -> std::io::Result<Talk> {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let feed = async {
        if let Some(mut stdin) = stdin {
            // A process that ends before it has read all says why on its output.
            let _ = stdin.write_all(line).await;
            let _ = stdin.write_all(file).await;
            let _ = stdin.shutdown().await;
        }
    };
    let limit = ANSWER_BYTES_MAX + ATTACHMENT_BYTES_MAX;
    let ((), output, complaint) =
        tokio::join!(feed, hear(stdout, limit), hear(stderr, COMPLAINT_BYTES_MAX));
    Ok(Talk {
        output: output?,
        complaint: String::from_utf8_lossy(&complaint?).into_owned(),
    })
}

async fn hear(pipe: Option<impl AsyncRead + Unpin>, limit: usize) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        pipe.take(limit as u64).read_to_end(&mut bytes).await?;
    }
    Ok(bytes)
}

impl Talk {
    /// The answer, or what `otherwise` says of a process that gave none.
    fn answer(&self, otherwise: impl Fn() -> ReadError) -> Result<(Answer, Bytes), ReadError> {
        let Some(end) = self.output.iter().position(|b| *b == b'\n') else {
            return Err(otherwise());
        };
        let (line, rest) = (&self.output[..end], &self.output[end + 1..]);
        let answer: Result<Answer, ReadError> =
            serde_json::from_slice(line).map_err(|error| misunderstood(&error))?;
        let answer = answer?;
        if rest.len() != answer.attachment {
            return Err(otherwise());
        }
        Ok((answer, Bytes::copy_from_slice(rest)))
    }
}
