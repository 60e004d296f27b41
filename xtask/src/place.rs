//! Where things are: the checkout and the folder that builds go to.

use anyhow::{Context as _, Result};
use std::path::{Path, PathBuf};

/// The checkout that this tool belongs to, and its build folder.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    root: PathBuf,
    target: PathBuf,
}

impl Place {
    /// Finds the checkout from what cargo says, or else from where the tool was compiled (checkouts that
    /// share a build folder share the tool), and the build folder from the environment:
    /// `CARGO_TARGET_DIR`, else `waypost/target` in the user's cache folder, so that builds survive a
    /// fresh clone.
    ///
    /// # Errors
    /// When the checkout has moved, or no folder for builds can be told from the environment.
    pub(crate) fn find() -> Result<Self> {
        let manifest = std::env::var_os("CARGO_MANIFEST_DIR");
        let manifest = manifest.unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        let root = Path::new(&manifest)
            .parent()
            .context("xtask was compiled outside a checkout")?
            .canonicalize()
            .context("the checkout has moved since xtask was compiled; build xtask again")?;
        let target = target_dir(
            |name| {
                std::env::var_os(name)
                    .filter(|v| !v.is_empty())
                    .map(PathBuf::from)
            },
            &root,
        )
        .context("set CARGO_TARGET_DIR, XDG_CACHE_HOME or HOME")?;
        Ok(Self { root, target })
    }

    /// A place of a test's own.
    #[cfg(test)]
    pub(crate) fn at(root: &Path, target: &Path) -> Self {
        Self {
            root: root.to_owned(),
            target: target.to_owned(),
        }
    }

    /// The checkout.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// A path in the checkout.
    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    /// The build folder, absolute.
    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// The program as it ships: built without any feature.
    pub(crate) fn strict_program(&self) -> PathBuf {
        self.target.join("strict").join("waypost")
    }

    /// The program that can talk to the simulator, kept apart from whatever builds come later.
    pub(crate) fn sim_program(&self) -> PathBuf {
        self.target.join("sim-build").join("waypost")
    }

    /// The simulator's program.
    pub(crate) fn wasim_program(&self) -> PathBuf {
        self.debug("wasim")
    }

    /// A program of the workspace, as it was built last for tests.
    pub(crate) fn debug(&self, name: &str) -> PathBuf {
        self.target.join("debug").join(name)
    }

    /// The Python environment of the API fuzzer.
    pub(crate) fn venv(&self) -> PathBuf {
        self.target.join("venv")
    }

    /// The Python environment of a requirements file, `tools/<name>/requirements.txt`.
    pub(crate) fn venv_of(&self, requirements: &str) -> PathBuf {
        match requirements.split('/').nth(1) {
            None | Some("api-fuzz") => self.venv(),
            Some(name) => self.target.join(format!("venv-{name}")),
        }
    }
}

fn target_dir(env: impl Fn(&str) -> Option<PathBuf>, root: &Path) -> Option<PathBuf> {
    if let Some(given) = env("CARGO_TARGET_DIR") {
        return Some(root.join(given));
    }
    let cache = env("XDG_CACHE_HOME").or_else(|| env("HOME").map(|home| home.join(".cache")))?;
    Some(cache.join("waypost").join("target"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(vars: &[(&str, &str)]) -> Option<PathBuf> {
        target_dir(
            |name| {
                vars.iter()
                    .find(|(n, _)| *n == name)
                    .map(|(_, v)| PathBuf::from(v))
            },
            Path::new("/src"),
        )
    }

    #[test]
    fn builds_survive_a_fresh_clone() {
        assert_eq!(
            with(&[("HOME", "/h")]),
            Some("/h/.cache/waypost/target".into())
        );
        assert_eq!(
            with(&[("HOME", "/h"), ("XDG_CACHE_HOME", "/c")]),
            Some("/c/waypost/target".into())
        );
    }

    #[test]
    fn a_given_folder_wins_and_a_relative_one_is_in_the_checkout() {
        assert_eq!(
            with(&[("CARGO_TARGET_DIR", "/t"), ("HOME", "/h")]),
            Some("/t".into())
        );
        assert_eq!(
            with(&[("CARGO_TARGET_DIR", "out")]),
            Some("/src/out".into())
        );
        assert_eq!(with(&[]), None);
    }
}
