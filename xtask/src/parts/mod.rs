//! What the steps need on this machine: how to see whether it is there and how to install it.

mod install;
mod probe;

pub(crate) use install::is_root;
pub(crate) use probe::postgres_bin;

use crate::place::Place;
use anyhow::{Result, bail};

/// Something that a step needs and that may be missing on a fresh machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    /// The C compiler that bundled SQLite and ring need.
    CCompiler,
    /// The C++ compiler that libFuzzer needs.
    CppCompiler,
    /// Node with npm.
    Node,
    /// The dashboard's npm packages.
    WebPackages,
    /// The npm packages of the second WhatsApp client.
    BaileysPackages,
    /// The test runner.
    Nextest,
    /// The licence and dependency checker.
    Deny,
    /// The PostgreSQL server's programs.
    Postgres,
    /// The two proxies that accounts are sent through.
    Proxies,
    /// The browser.
    Chromium,
    /// Letters for the browser.
    Fonts,
    /// Text recognition.
    Tesseract,
    /// Python that can make environments.
    Python,
    /// The API fuzzer, other gateways' clients and Google's, in their own environment.
    Schemathesis,
    /// Independent writers of documents and pictures.
    FileWriters,
}

/// How a part is installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// Debian packages.
    Apt(&'static [&'static str]),
    /// A cargo tool at one version.
    Cargo(&'static str, &'static str),
    /// `npm ci` in a folder of the checkout.
    Npm(&'static str),
    /// A Python environment with the packages of a requirements file in the checkout.
    Venv(&'static str),
    /// Only a person can do it: the sentence says how.
    Person(&'static str),
}

impl Part {
    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::CCompiler => "C compiler",
            Self::CppCompiler => "C++ compiler",
            Self::Node => "Node",
            Self::WebPackages => "dashboard packages",
            Self::BaileysPackages => "Baileys",
            Self::Nextest => "cargo-nextest",
            Self::Deny => "cargo-deny",
            Self::Postgres => "PostgreSQL",
            Self::Proxies => "tinyproxy, microsocks",
            Self::Chromium => "Chromium",
            Self::Fonts => "Noto fonts",
            Self::Tesseract => "Tesseract",
            Self::Python => "Python with venv",
            Self::Schemathesis => "schemathesis, clients",
            Self::FileWriters => "openpyxl, reportlab and others",
        }
    }

    /// What it is for.
    pub(crate) fn purpose(self) -> &'static str {
        match self {
            Self::CCompiler => "compiles SQLite and the TLS library",
            Self::CppCompiler => "compiles the fuzzer",
            Self::Node => "builds and tests the dashboard, runs Baileys",
            Self::WebPackages => "what the dashboard is built and tested with",
            Self::BaileysPackages => "an independent WhatsApp client, to check the simulator",
            Self::Nextest => "runs the Rust tests",
            Self::Deny => "checks licences and banned dependencies",
            Self::Postgres => "the second database that the store is tested on",
            Self::Proxies => "what accounts with a proxy are tested with",
            Self::Chromium => "the browser that the dashboard is driven in",
            Self::Tesseract => "reads the text of pictures, in English and Arabic",
            Self::Fonts => "Arabic and other scripts in the browser tests",
            Self::Python => "runs the API fuzzer and other gateways' clients",
            Self::FileWriters => "write the files that reading is measured on",
            Self::Schemathesis => {
                "test the HTTP API from its OpenAPI document, and the fronts for other bots; Google's client"
            }
        }
    }

    /// How it is installed.
    pub(crate) fn source(self) -> Source {
        match self {
            Self::CCompiler => Source::Apt(&["gcc", "libc6-dev", "make"]),
            Self::CppCompiler => Source::Apt(&["g++"]),
            Self::Node => Source::Person("install Node 20.19 or newer with npm, then try again"),
            Self::WebPackages => Source::Npm("web"),
            Self::BaileysPackages => Source::Npm("crates/wasim/baileys"),
            Self::Nextest => Source::Cargo("cargo-nextest", install::NEXTEST_VERSION),
            Self::Deny => Source::Cargo("cargo-deny", install::DENY_VERSION),
            Self::Postgres => Source::Apt(&["postgresql"]),
            // Of the first only the program: the other package starts a service.
            Self::Proxies => Source::Apt(&["tinyproxy-bin", "microsocks"]),
            Self::Chromium => Source::Apt(&["chromium"]),
            Self::Fonts => Source::Apt(&["fonts-noto-core"]),
            Self::Tesseract => Source::Apt(&["tesseract-ocr", "tesseract-ocr-ara"]),
            Self::Python => Source::Apt(&["python3", "python3-venv"]),
            Self::Schemathesis => Source::Venv("tools/api-fuzz/requirements.txt"),
            Self::FileWriters => Source::Venv("tools/media/requirements.txt"),
        }
    }

    /// Whether it is there, in a version that will do.
    pub(crate) fn is_present(self, place: &Place) -> bool {
        probe::is_present(self, place)
    }
}

impl Source {
    /// How a person would do it by hand.
    pub(crate) fn by_hand(self) -> String {
        match self {
            Self::Apt(packages) => format!("apt-get install {}", packages.join(" ")),
            Self::Cargo(name, version) => {
                format!("cargo install {name} --version {version} --locked")
            }
            Self::Npm(folder) => format!("npm ci in {folder}"),
            Self::Venv(file) => format!("a Python environment with {file}"),
            Self::Person(how) => how.to_owned(),
        }
    }
}

/// The parts of the list that are missing, each once, in the order in which they must be installed.
pub(crate) fn missing(place: &Place, needed: &[Part]) -> Vec<Part> {
    let mut parts = needed.to_vec();
    parts.sort();
    parts.dedup();
    parts.retain(|part| !part.is_present(place));
    parts
}

/// All that is missing, for a person: one line each with its purpose and how to install it.
pub(crate) fn describe(parts: &[Part]) -> String {
    let line = |part: &Part| {
        format!(
            "  {:<20} {}\n  {:<20} {}",
            part.name(),
            part.purpose(),
            "",
            part.source().by_hand()
        )
    };
    parts.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Installs the parts and checks that each is really there afterwards.
///
/// # Errors
/// With the part that could not be installed, and what to do.
pub(crate) fn install(place: &Place, parts: &[Part]) -> Result<()> {
    install::apt(place, parts)?;
    for part in parts {
        install::one(place, *part)?;
        if !part.is_present(place) {
            bail!(
                "{} was installed but does not work here; try by hand: {}",
                part.name(),
                part.source().by_hand()
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_with_its_purpose_and_how_to_get_it() {
        let text = describe(&[Part::Postgres, Part::Nextest]);
        for part in [
            "PostgreSQL",
            "second database",
            "apt-get install postgresql",
        ] {
            assert!(text.contains(part), "{text}");
        }
        assert!(
            text.contains("cargo install cargo-nextest --version"),
            "{text}"
        );
    }

    #[test]
    fn a_part_comes_after_those_that_install_it() {
        assert!(Part::Node < Part::WebPackages && Part::Node < Part::BaileysPackages);
        assert!(Part::CCompiler < Part::Nextest && Part::Python < Part::Schemathesis);
    }
}
