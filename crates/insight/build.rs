//! Notes which code this is, so that what an older version learnt is not taken for what this one would learn.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

/// Code that decides what is learnt: our own, and the versions of what it builds on.
const CODE: [&str; 2] = ["src", "../../Cargo.lock"];

fn main() -> io::Result<()> {
    let mut files = BTreeSet::new();
    for path in CODE {
        println!("cargo::rerun-if-changed={path}");
        collect(Path::new(path), &mut files)?;
    }
    let mut mark = 0xcbf2_9ce4_8422_2325;
    for file in files {
        mark = fnv(mark, file.to_string_lossy().as_bytes());
        mark = fnv(mark, &std::fs::read(file)?);
    }
    println!("cargo::rustc-env=WAYPOST_INSIGHT_CODE={mark:016x}");
    Ok(())
}

fn collect(path: &Path, files: &mut BTreeSet<PathBuf>) -> io::Result<()> {
    if path.is_file() {
        files.insert(path.to_owned());
    } else if path.is_dir() {
        for entry in std::fs::read_dir(path)? {
            collect(&entry?.path(), files)?;
        }
    }
    Ok(())
}

/// FNV-1a, the length first, so that no two rows of pieces run into each other.
fn fnv(mark: u64, bytes: &[u8]) -> u64 {
    let length = (bytes.len() as u64).to_le_bytes();
    let all = length.iter().chain(bytes);
    all.fold(mark, |mark, byte| {
        (mark ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
