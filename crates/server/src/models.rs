//! What analysers learnt, kept in files: learning takes seconds, reading it back milliseconds.
//!
//! A file is named by the fingerprint of all that was learnt from, so that other lists have another one. What is
//! damaged or foreign is learnt anew and replaced. A folder that cannot be written costs time and nothing else.

use crate::config::Config;
use std::fs::{File, Metadata};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use tempfile::NamedTempFile;
use waypost_insight::kept::BYTES_MAX;
use waypost_insight::{Analyzer, Fingerprint, Settings, SettingsError, Trained};

/// The folder in the data folder.
const FOLDER: &str = "models";
/// How the names of files end.
const ENDING: &str = "bin";
/// How the names of files that are being written begin.
const UNFINISHED: &str = ".unfinished-";
/// Files that are kept, the latest; a list that is changed back need not be learnt again.
const FILES_MAX: usize = 4;

/// Where it is kept.
#[derive(Debug, Clone)]
pub(crate) struct Models {
    folder: PathBuf,
}

impl Models {
    /// As the settings say.
    pub(crate) fn new(config: &Config) -> Self {
        let folder = config.insight.models_dir.clone();
        Self {
            folder: folder.unwrap_or_else(|| config.data_dir.join(FOLDER)),
        }
    }

    /// An analyser with these settings: of what was learnt before, or else it learns now and that is kept.
    ///
    /// # Errors
    /// When a list cannot be read.
    pub(crate) fn analyzer(&self, settings: Settings) -> Result<Analyzer, SettingsError> {
        let fingerprint = settings.fingerprint();
        if let Some(trained) = self.read(&fingerprint) {
            return Analyzer::with_trained(&settings, trained);
        }
        let analyzer = Analyzer::new(settings)?;
        if let Err(error) = self.keep(&fingerprint, analyzer.trained()) {
            let folder = self.folder.display();
            tracing::warn!(%folder, %error, "what was learnt cannot be kept; the next start learns it again");
        }
        Ok(analyzer)
    }

    /// The folder.
    #[cfg(test)]
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    fn path(&self, fingerprint: &Fingerprint) -> PathBuf {
        self.folder.join(format!("{fingerprint}.{ENDING}"))
    }

    fn read(&self, fingerprint: &Fingerprint) -> Option<Trained> {
        let path = self.path(fingerprint);
        let refused = match contents(&path) {
            Ok(bytes) => match Trained::from_bytes(&bytes, fingerprint) {
                Ok(trained) => return Some(trained),
                Err(error) => error.to_string(),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => error.to_string(),
        };
        let file = path.display();
        tracing::warn!(%file, refused, "what was learnt before is not used; it is learnt again");
        None
    }

    fn keep(&self, fingerprint: &Fingerprint, trained: &Trained) -> io::Result<()> {
        let bytes = trained.to_bytes(fingerprint);
        if bytes.len() > BYTES_MAX {
            return Err(io::Error::other(format!(
                "it is longer than {BYTES_MAX} bytes"
            )));
        }
        // Only in a folder that is there: a look at one message makes no data folder.
        match std::fs::create_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let mut file = tempfile::Builder::new()
            .prefix(UNFINISHED)
            .tempfile_in(&self.folder)?;
        file.write_all(&bytes)?;
        self.put(file, fingerprint)?;
        self.remove_old()
    }

    fn put(&self, file: NamedTempFile, fingerprint: &Fingerprint) -> io::Result<()> {
        file.as_file().sync_all()?;
        file.persist(self.path(fingerprint))
            .map(drop)
            .map_err(|error| error.error)
    }

    /// Removes all but the latest files, and what a crash left of others.
    fn remove_old(&self) -> io::Result<()> {
        let mut files: Vec<(SystemTime, PathBuf)> = Vec::new();
        for entry in std::fs::read_dir(&self.folder)? {
            let entry = entry?;
            let path = entry.path();
            if is_ours(&path) {
                files.push((entry.metadata().and_then(written)?, path));
            }
        }
        files.sort();
        let over = files.len().saturating_sub(FILES_MAX);
        for (_, path) in files.drain(..over) {
            match std::fs::remove_file(path) {
                // Another process that keeps here may have been quicker.
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

fn written(about: Metadata) -> io::Result<SystemTime> {
    about.modified()
}

/// Whether a file is one that was or is being kept, and not something that somebody put there.
fn is_ours(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    let is_kept = |name: &str| {
        let stem = name
            .strip_suffix(ENDING)
            .and_then(|rest| rest.strip_suffix('.'));
        stem.is_some_and(|stem| stem.len() == 64 && stem.bytes().all(|b| b.is_ascii_hexdigit()))
    };
    name.is_some_and(|name| name.starts_with(UNFINISHED) || is_kept(name))
}

/// What a file says, up to one byte more than would be read back.
fn contents(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(BYTES_MAX as u64 + 1)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Where the tests of this crate keep what they learnt: beside themselves.
#[cfg(test)]
pub(crate) fn of_tests() -> Models {
    let program = std::env::current_exe().unwrap();
    Models {
        folder: program.parent().unwrap().join(FOLDER),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use waypost_insight::{Input, IntentSource};

    /// Little to learn, told apart by `word`.
    fn settings(word: &str) -> Settings {
        let felt = |n: usize| ["-1", "0", "1"][n % 3];
        let lines = (0..210_usize).map(|n| {
            format!(
                "{{\"text\": \"{word} {n}\", \"intent\": null, \"sentiment\": {}}}\n",
                felt(n)
            )
        });
        Settings {
            intents: IntentSource::Examples(format!(
                "nlu:\n- intent: fishing\n  examples: |\n    - {word} bites\n    - bait for {word}\n"
            )),
            labelled: lines.collect(),
            ..Settings::default()
        }
    }

    fn answer(analyzer: &Analyzer) -> String {
        let at = "2026-02-23T10:00[Asia/Dubai]".parse().unwrap();
        let input = Input {
            text: "which bait for trout?",
            at: &at,
            locale: None,
        };
        format!("{:?}", analyzer.analyze(&input))
    }

    fn files(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn models(data: &Path) -> Models {
        Models::new(&Config {
            data_dir: data.to_owned(),
            ..Config::default()
        })
    }

    #[test]
    fn what_was_learnt_is_read_back_and_what_is_damaged_is_learnt_again() {
        let data = tempfile::tempdir().unwrap();
        let models = models(data.path());
        let wanted = answer(&Analyzer::new(settings("trout")).unwrap());
        let fingerprint = settings("trout").fingerprint();
        assert!(models.read(&fingerprint).is_none());
        assert_eq!(answer(&models.analyzer(settings("trout")).unwrap()), wanted);
        let path = data.path().join(format!("models/{fingerprint}.bin"));
        let good = std::fs::read(&path).unwrap();
        assert!(models.read(&fingerprint).is_some());
        let foreign = std::fs::read("/proc/self/exe").unwrap();
        for bad in [
            Vec::new(),
            good[..good.len() / 2].to_vec(),
            good.iter().map(|byte| byte ^ 1).collect(),
            foreign,
        ] {
            std::fs::write(&path, bad).unwrap();
            assert!(models.read(&fingerprint).is_none());
            assert_eq!(answer(&models.analyzer(settings("trout")).unwrap()), wanted);
            assert_eq!(std::fs::read(&path).unwrap(), good, "it was replaced");
        }
        assert_eq!(answer(&models.analyzer(settings("trout")).unwrap()), wanted);
    }

    #[test]
    fn the_latest_files_are_kept_and_nothing_else_is_touched() {
        let data = tempfile::tempdir().unwrap();
        let models = models(data.path());
        models.analyzer(settings("trout")).unwrap();
        let folder = data.path().join("models");
        std::fs::write(folder.join("notes.bin"), "mine").unwrap();
        for word in ["perch", "pike", "carp", "eel"] {
            models.analyzer(settings(word)).unwrap();
        }
        let names = files(&folder);
        assert_eq!(names.len(), FILES_MAX + 1, "{names:?}");
        assert!(names.contains(&"notes.bin".to_owned()));
        assert!(models.read(&settings("trout").fingerprint()).is_none());
        assert!(models.read(&settings("eel").fingerprint()).is_some());
    }

    #[test]
    fn a_folder_that_is_not_there_or_not_to_be_written_only_costs_time() {
        let data = tempfile::tempdir().unwrap();
        let nowhere = models(&data.path().join("nowhere"));
        nowhere.analyzer(settings("trout")).unwrap();
        assert!(files(data.path()).is_empty());
        std::fs::write(data.path().join("models"), "a file").unwrap();
        models(data.path()).analyzer(settings("trout")).unwrap();
    }
}
