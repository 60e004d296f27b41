//! How much is read of one file, and how long that may take.
//!
//! What is over a limit of size is refused with a sentence; what is over a limit of contents
//! (pages, rows, cells, characters) is read up to it, and the reading says `truncated`.

use std::time::Duration;

/// Bytes of a picture at most.
pub const PICTURE_BYTES_MAX: usize = 20 * 1024 * 1024;
/// Bytes of a document at most.
pub const DOCUMENT_BYTES_MAX: usize = 50 * 1024 * 1024;
/// Bytes of a voice note or other sound at most (600 s at 256 kbit/s and some more).
pub const AUDIO_BYTES_MAX: usize = 25 * 1024 * 1024;

/// How long a picture is read.
pub const PICTURE_TIME: Duration = Duration::from_secs(30);
/// How long a document is read.
pub const DOCUMENT_TIME: Duration = Duration::from_secs(60);
/// How long sound is decoded or written down.
pub const AUDIO_TIME: Duration = Duration::from_secs(60);

/// Points of a picture at most (about 90 MP is what the best phones take; their pictures arrive
/// smaller). A picture that claims more is refused before it is decoded.
pub const PICTURE_POINTS_MAX: u64 = 50_000_000;
/// Points that are handed to text recognition; a larger picture is made smaller first.
pub const OCR_POINTS_MAX: u64 = 16_000_000;
/// Longest edge of a thumbnail, in points.
pub const THUMBNAIL_EDGE: u32 = 320;
/// Bytes of a thumbnail at most.
pub const THUMBNAIL_BYTES_MAX: usize = 64 * 1024;

/// Seconds of sound that are decoded; what follows is left out.
pub const AUDIO_SECONDS_MAX: usize = 600;

/// Pages of a PDF that are read.
pub const PAGES_MAX: usize = 500;
/// Letters and rules of one PDF page that are laid out.
pub const PAGE_MARKS_MAX: usize = 200_000;
/// Steps in which one PDF page is drawn, with the drawings in it.
pub const PAGE_STEPS_MAX: usize = 2_000_000;
/// Bytes that one stream of a PDF may unfold to.
pub const PDF_STREAM_MAX: usize = 64 * 1024 * 1024;
/// Tables kept of one document.
pub const TABLES_MAX: usize = 200;
/// Rows kept of one table.
pub const ROWS_MAX: usize = 20_000;
/// Columns kept of one table.
pub const COLUMNS_MAX: usize = 500;
/// Cells kept of one document.
pub const CELLS_MAX: usize = 200_000;
/// Characters kept of one cell.
pub const CELL_CHARS_MAX: usize = 32_767;
/// Bytes of text kept of one document, about.
pub const TEXT_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Entries of a ZIP container (XLSX, DOCX) at most.
pub const ZIP_ENTRIES_MAX: usize = 10_000;
/// Bytes that a ZIP container may unfold to.
pub const ZIP_UNFOLDED_MAX: u64 = 256 * 1024 * 1024;
/// How deep the elements of a DOCX may be nested.
pub const XML_DEPTH_MAX: usize = 200;

/// Memory of one worker, in bytes of address space, with the text recognition it starts.
pub const WORKER_MEMORY: u64 = 1024 * 1024 * 1024;
/// Workers at a time.
pub const WORKERS_MAX: usize = 2;
/// Files that may wait for a worker; more are told to come back later.
pub const QUEUE_MAX: usize = 64;
/// Files a worker may have open.
pub const WORKER_FILES_MAX: u64 = 64;
/// Bytes of a worker's answer at most: the text and tables as JSON.
pub const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Bytes of the file that an answer may carry: ten minutes of sound, or a thumbnail.
pub const ATTACHMENT_BYTES_MAX: usize = 24 * 1024 * 1024;
/// Bytes of the line that describes a job.
pub const JOB_LINE_MAX: usize = 64 * 1024;
/// Bytes kept of what a worker complains about.
pub const COMPLAINT_BYTES_MAX: usize = 4 * 1024;
