//! What the figures were measured on.

use serde::Serialize;
use std::fs;

/// A machine, as far as it explains a figure.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Machine {
    cores: usize,
    memory_mib: u64,
    cpu: String,
    kernel: String,
}

impl Machine {
    /// This machine. What cannot be read is called unknown.
    pub(crate) fn this() -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        Self {
            cores: std::thread::available_parallelism().map_or(0, std::num::NonZero::get),
            memory_mib: field(&read("/proc/meminfo"), "MemTotal")
                .and_then(|text| text.trim_end_matches("kB").trim().parse::<u64>().ok())
                .unwrap_or_default()
                / 1024,
            cpu: field(&read("/proc/cpuinfo"), "model name").unwrap_or_else(|| "unknown".into()),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
        }
    }
}

/// The value of the first `name : value` line.
pub(crate) fn field(text: &str, name: &str) -> Option<String> {
    let value = |line: &str| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then(|| value.trim().to_owned())
    };
    text.lines().find_map(value)
}

#[cfg(test)]
mod tests {
    use super::field;

    #[test]
    fn a_field_is_found_by_its_whole_name() {
        let text = "MemFree:  5 kB\nMemTotal:       24105 kB\n";
        assert_eq!(field(text, "MemTotal").as_deref(), Some("24105 kB"));
        assert_eq!(field(text, "Mem"), None);
    }
}
