//! What Linux writes into `/proc` and into control groups, of both versions.

use super::{precise, text};
use std::path::{Path, PathBuf};

/// Deepest nesting of control groups that is looked at.
const DEPTH_MAX: usize = 16;
/// A limit of version 1 from here on means none (2^60 bytes).
const NO_LIMIT: u64 = 1 << 60;

/// Time of all processors together since the machine started, in ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Busy {
    busy: u64,
    all: u64,
}

impl Busy {
    /// The busy share since `before`, in percent.
    pub(super) fn share_since(self, before: Self) -> Option<f64> {
        let all = self.all.checked_sub(before.all).filter(|all| *all > 0)?;
        let busy = self.busy.checked_sub(before.busy)?;
        Some(precise(busy.min(all)) * 100.0 / precise(all))
    }
}

/// From `/proc/stat`. Waiting for disks is not being busy.
pub(super) fn busy(stat: &str) -> Option<Busy> {
    let line = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
    // user nice system idle iowait irq softirq steal; what follows is counted in user already.
    let ticks: Vec<u64> = line
        .split_whitespace()
        .take(8)
        .map_while(|number| number.parse().ok())
        .collect();
    let idle = ticks.get(3)?.checked_add(*ticks.get(4)?)?;
    let all: u64 = ticks.iter().sum();
    Some(Busy {
        busy: all.checked_sub(idle)?,
        all,
    })
}

/// The share of the machine's memory that is not available, from `/proc/meminfo`.
pub(super) fn memory_percent(meminfo: &str) -> Option<f64> {
    let total = field(meminfo, "MemTotal:")?;
    let available = field(meminfo, "MemAvailable:")?;
    share(total.saturating_sub(available), total)
}

fn share(part: u64, of: u64) -> Option<f64> {
    (of > 0).then(|| (precise(part) * 100.0 / precise(of)).min(100.0))
}

/// The number behind a name at the beginning of a line.
fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| {
        let rest = line.strip_prefix(name)?;
        rest.starts_with(char::is_whitespace).then_some(rest)
    })?;
    line.split_whitespace().next()?.parse().ok()
}

/// What a control group confines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Controller {
    /// Time of the processors.
    Cpu,
    /// Memory.
    Memory,
}

impl Controller {
    fn as_str(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
        }
    }
}

/// A control group that confines this process.
#[derive(Debug)]
pub(super) struct Group {
    path: PathBuf,
    /// Where version 1 counts the use of processors; it has a folder of its own.
    usage: PathBuf,
}

impl Group {
    /// The group of this process and the ones around it, as far as they can be seen.
    pub(super) fn of_process(root: &Path, controller: Controller) -> Vec<Self> {
        let Some(text) = text(&root.join("proc/self/cgroup")) else {
            return Vec::new();
        };
        let mounted = root.join("sys/fs/cgroup");
        let mut groups = Vec::new();
        for line in text.lines() {
            let mut parts = line.splitn(3, ':').skip(1);
            let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else {
                continue;
            };
            let is_v2 = controllers.is_empty();
            let ours = controllers.split(',').any(|c| c == controller.as_str());
            if !is_v2 && !ours {
                continue;
            }
            let base = if is_v2 {
                mounted.clone()
            } else {
                mounted.join(controller.as_str())
            };
            let usage = if is_v2 {
                base.clone()
            } else {
                mounted.join("cpuacct")
            };
            groups.extend(around(path).map(|inside| Self {
                path: base.join(inside),
                usage: usage.join(inside),
            }));
        }
        groups
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn number(&self, name: &str) -> Option<u64> {
        text(&self.path.join(name))?.trim().parse().ok()
    }

    /// Time spent on processors so far, in microseconds.
    pub(super) fn cpu_used_us(&self) -> Option<u64> {
        if let Some(stat) = text(&self.path.join("cpu.stat"))
            && let Some(used) = field(&stat, "usage_usec")
        {
            return Some(used);
        }
        let nanoseconds = text(&self.usage.join("cpuacct.usage"))?;
        nanoseconds.trim().parse::<u64>().ok().map(|ns| ns / 1_000)
    }

    /// How many processors it may use; `None` without a limit.
    pub(super) fn cpus(&self) -> Option<f64> {
        let (quota, period) = match text(&self.path.join("cpu.max")) {
            Some(max) => {
                let mut parts = max.split_whitespace();
                (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?)
            }
            // No limit is -1, which is no number here.
            None => (
                self.number("cpu.cfs_quota_us")?,
                self.number("cpu.cfs_period_us")?,
            ),
        };
        (quota > 0 && period > 0).then(|| precise(quota) / precise(period))
    }

    /// The share of its memory that is used, without files that could be dropped at once; `None`
    /// without a limit.
    pub(super) fn memory_percent(&self) -> Option<f64> {
        let stat = text(&self.path.join("memory.stat")).unwrap_or_default();
        let (limit, used, files) = match self.number("memory.max") {
            Some(limit) => (
                limit,
                self.number("memory.current")?,
                field(&stat, "inactive_file"),
            ),
            None => (
                self.number("memory.limit_in_bytes")?,
                self.number("memory.usage_in_bytes")?,
                field(&stat, "total_inactive_file"),
            ),
        };
        if limit >= NO_LIMIT {
            return None;
        }
        share(used.saturating_sub(files.unwrap_or(0)), limit)
    }
}

/// `a/b`, `a` and the root for `/a/b`: the group and those around it. A path that cannot be seen from
/// here, as in a container, leaves the root, which is then the container's own group.
fn around(path: &str) -> impl Iterator<Item = &str> {
    let inner = path.trim_matches('/');
    // What leads out of the tree is not ours to read.
    let inner = if inner.split('/').any(|part| part == "..") {
        ""
    } else {
        inner
    };
    std::iter::successors(Some(inner), |path| {
        if path.is_empty() {
            return None;
        }
        Some(path.rsplit_once('/').map_or("", |(outer, _)| outer))
    })
    .take(DEPTH_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_groups_around_one_end_at_the_root() {
        assert_eq!(
            around("/a/b/c").collect::<Vec<_>>(),
            ["a/b/c", "a/b", "a", ""]
        );
        assert_eq!(around("/").collect::<Vec<_>>(), [""]);
        assert_eq!(around("/../other").collect::<Vec<_>>(), [""]);
    }

    #[test]
    fn odd_texts_are_no_numbers() {
        assert_eq!(busy(""), None);
        assert_eq!(busy("cpu  1 2 3\n"), None);
        assert_eq!(busy("cpu0 1 2 3 4 5 6 7 8\n"), None);
        assert_eq!(field("MemTotalX: 5 kB\n", "MemTotal"), None);
        let counter_went_back = Busy { busy: 1, all: 1 };
        let before = Busy { busy: 5, all: 9 };
        assert_eq!(counter_went_back.share_since(before), None);
    }
}
