//! The files that tidy looks at: what git knows or would take, as text.

use anyhow::{Context as _, Result, bail};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// Files larger than this are data, not text to read.
const BYTES_MAX: u64 = 2 * 1024 * 1024;

/// A file of the checkout.
#[derive(Debug)]
pub(super) struct File {
    /// From the root, with forward slashes.
    pub(super) path: String,
    pub(super) text: String,
}

impl File {
    /// Whether a person wrote it as code.
    pub(super) fn is_source(&self) -> bool {
        [".rs", ".ts", ".svelte", ".mjs", ".py"]
            .iter()
            .any(|end| self.path.ends_with(end))
    }
}

/// The checkout's text files.
#[derive(Debug, Default)]
pub(super) struct Tree {
    files: Vec<File>,
    paths: BTreeSet<String>,
}

impl Tree {
    /// Reads everything that is not ignored by git.
    ///
    /// # Errors
    /// When git cannot list the files.
    pub(super) fn read(root: &Path) -> Result<Self> {
        let out = Command::new("git")
            .args([
                "ls-files",
                "-z",
                "--cached",
                "--others",
                "--exclude-standard",
            ])
            .current_dir(root)
            .output()
            .context("git could not be started; tidy asks it which files belong here")?;
        if !out.status.success() {
            bail!(
                "git cannot list the files: {}",
                String::from_utf8_lossy(&out.stderr).trim()
            );
        }
        let mut tree = Self::default();
        for path in String::from_utf8_lossy(&out.stdout)
            .split('\0')
            .filter(|p| !p.is_empty())
        {
            tree.take(root, path);
        }
        Ok(tree)
    }

    /// What is deleted, binary or large is no text of ours: its path still counts for links.
    fn take(&mut self, root: &Path, path: &str) {
        let full = root.join(path);
        let Ok(meta) = full.metadata() else { return };
        self.paths.insert(path.to_owned());
        if meta.len() <= BYTES_MAX
            && let Ok(text) = std::fs::read_to_string(full)
        {
            self.files.push(File {
                path: path.to_owned(),
                text,
            });
        }
    }

    pub(super) fn files(&self) -> impl Iterator<Item = &File> {
        self.files.iter()
    }

    /// The text of one file.
    pub(super) fn text(&self, path: &str) -> Option<&str> {
        self.files
            .iter()
            .find(|file| file.path == path)
            .map(|file| file.text.as_str())
    }

    /// Whether there is a file or a folder of this name.
    pub(super) fn has(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        let folder = format!("{path}/");
        path.is_empty()
            || self.paths.contains(path)
            || self
                .paths
                .range(folder.clone()..)
                .next()
                .is_some_and(|p| p.starts_with(&folder))
    }

    /// A tree made of the given files, for tests.
    #[cfg(test)]
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        let mut tree = Self::default();
        for (path, text) in files {
            tree.paths.insert((*path).to_owned());
            tree.files.push(File {
                path: (*path).to_owned(),
                text: (*text).to_owned(),
            });
        }
        tree
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_count_as_being_there() {
        let tree = Tree::of(&[("docs/adr/0001.md", "x")]);
        assert!(tree.has("docs/adr/0001.md") && tree.has("docs/adr/") && tree.has("docs"));
        assert!(!tree.has("doc") && !tree.has("docs/adr/0002.md"));
    }
}
