//! The targets: one parser or pure function each, with what must hold for whatever it is given.

mod address;
mod config;
mod content;
mod csv;
mod cursor;
mod destination;
mod disposition;
mod docx;
mod file_type;
mod files;
mod flow;
mod freeze;
mod history;
mod id;
mod limits;
mod normalise;
mod pdf;
mod picture;
mod retry_after;
mod sealed;
mod search;
mod session_value;
mod stanzas;
mod voice;
mod xlsx;

use std::sync::LazyLock;

/// What the environment variable is called that names the target.
const NAMED_BY: &str = "WAYPOST_FUZZ";

/// One target.
pub(crate) struct Target {
    name: &'static str,
    /// Takes one input; panics when what must hold does not.
    pub(crate) run: fn(&[u8]),
}

/// All of them. Each has its samples in `corpus/<name>`.
const TARGETS: &[Target] = &[
    Target {
        name: "address",
        run: address::run,
    },
    Target {
        name: "config",
        run: config::run,
    },
    Target {
        name: "content",
        run: content::run,
    },
    Target {
        name: "csv",
        run: csv::run,
    },
    Target {
        name: "cursor",
        run: cursor::run,
    },
    Target {
        name: "destination",
        run: destination::run,
    },
    Target {
        name: "disposition",
        run: disposition::run,
    },
    Target {
        name: "docx",
        run: docx::run,
    },
    Target {
        name: "file_type",
        run: file_type::run,
    },
    Target {
        name: "flow",
        run: flow::run,
    },
    Target {
        name: "freeze",
        run: freeze::run,
    },
    Target {
        name: "history",
        run: history::run,
    },
    Target {
        name: "id",
        run: id::run,
    },
    Target {
        name: "normalise",
        run: normalise::run,
    },
    Target {
        name: "pdf",
        run: pdf::run,
    },
    Target {
        name: "picture",
        run: picture::run,
    },
    Target {
        name: "retry_after",
        run: retry_after::run,
    },
    Target {
        name: "sealed",
        run: sealed::run,
    },
    Target {
        name: "search",
        run: search::run,
    },
    Target {
        name: "session_value",
        run: session_value::run,
    },
    Target {
        name: "stanzas",
        run: stanzas::run,
    },
    Target {
        name: "voice",
        run: voice::run,
    },
    Target {
        name: "xlsx",
        run: xlsx::run,
    },
];

/// The target that the environment names.
///
/// # Panics
/// When it names none of [`TARGETS`].
pub(crate) fn chosen() -> &'static Target {
    static CHOSEN: LazyLock<&Target> = LazyLock::new(|| {
        let name = std::env::var(NAMED_BY).unwrap_or_default();
        match TARGETS.iter().find(|target| target.name == name) {
            Some(target) => target,
            None => {
                let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
                panic!("set {NAMED_BY} to one of: {}", names.join(", "))
            }
        }
    });
    &CHOSEN
}
