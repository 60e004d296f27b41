//! How loaded the machine is, as Linux tells it: processors and memory, of the whole machine and of
//! the control group this process is confined to, whichever is scarcer.

mod read;

use crate::clock;
use read::{Busy, Group};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::Instant;
use waypost_engine::watch::degrade::Load;

/// How often the load is measured.
pub(crate) const SAMPLE_EVERY: Duration = Duration::from_secs(5);

/// Measures between one call and the next.
#[derive(Debug)]
pub(crate) struct Sampler {
    root: PathBuf,
    busy: Option<Busy>,
    used: Option<(Instant, Vec<(PathBuf, u64)>)>,
}

impl Sampler {
    /// Of this machine.
    pub(crate) fn new() -> Self {
        Self::of(PathBuf::from("/"))
    }

    /// Of the machine whose `/proc` and `/sys` are below `root`.
    fn of(root: PathBuf) -> Self {
        Self {
            root,
            busy: None,
            used: None,
        }
    }

    /// The processors' use since the call before (unknown at the first), the memory's now. Errors
    /// are counted elsewhere. Blocks for as long as reading a few small files takes.
    pub(crate) fn sample(&mut self) -> Load {
        let machine = self.machine_cpu();
        let group = self.group_cpu();
        let memory = [self.machine_memory(), self.group_memory()];
        Load {
            cpu: higher(machine, group),
            memory: higher(memory[0], memory[1]),
            errors: None,
        }
    }

    fn machine_cpu(&mut self) -> Option<f64> {
        let now = read::busy(&self.text("proc/stat")?)?;
        let before = self.busy.replace(now)?;
        now.share_since(before)
    }

    fn group_cpu(&mut self) -> Option<f64> {
        let now = clock::monotonic();
        let groups: Vec<_> = Group::of_process(&self.root, read::Controller::Cpu)
            .into_iter()
            .filter_map(|group| Some((group.cpu_used_us()?, group)))
            .collect();
        let used = groups
            .iter()
            .map(|(used, group)| (group.path().to_owned(), *used))
            .collect();
        let (then, before) = self.used.replace((now, used))?;
        let wall = now.duration_since(then).as_secs_f64() * 1_000_000.0;
        let shares = groups.iter().filter_map(|(used, group)| {
            let before = before.iter().find(|(path, _)| path == group.path())?.1;
            let allowed = group.cpus()? * wall;
            let spent = precise(used.saturating_sub(before));
            (allowed > 0.0).then(|| (spent * 100.0 / allowed).min(100.0))
        });
        shares.reduce(f64::max)
    }

    fn machine_memory(&self) -> Option<f64> {
        read::memory_percent(&self.text("proc/meminfo")?)
    }

    fn group_memory(&self) -> Option<f64> {
        let groups = Group::of_process(&self.root, read::Controller::Memory);
        let shares = groups.iter().filter_map(Group::memory_percent);
        shares.reduce(f64::max)
    }

    fn text(&self, path: &str) -> Option<String> {
        text(&self.root.join(path))
    }
}

fn text(path: &Path) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

fn higher(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.max(b)),
        (a, b) => a.or(b),
    }
}

/// Exact up to 2^53, which microseconds and bytes do not reach here.
#[expect(
    clippy::cast_precision_loss,
    reason = "far below 2^53 for everything that is read here"
)]
fn precise(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Machine(tempfile::TempDir);

    impl Machine {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn put(&self, path: &str, text: &str) {
            let path = self.0.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }

        fn sampler(&self) -> Sampler {
            Sampler::of(self.0.path().to_owned())
        }
    }

    #[test]
    fn the_machine_as_a_whole_is_measured_between_two_calls() {
        let machine = Machine::new();
        machine.put("proc/stat", "cpu  100 0 100 700 100 0 0 0 0 0\ncpu0 1 2\n");
        machine.put(
            "proc/meminfo",
            "MemTotal: 1000 kB\nMemFree: 10 kB\nMemAvailable: 250 kB\n",
        );
        let mut sampler = machine.sampler();
        let first = sampler.sample();
        assert_eq!((first.cpu, first.memory), (None, Some(75.0)));
        // 60 more busy, 40 more idle or waiting for disks.
        machine.put("proc/stat", "cpu  130 10 120 730 110 0 0 0 0 0\n");
        assert_eq!(sampler.sample().cpu, Some(60.0));
    }

    #[test]
    fn a_group_of_version_2_that_is_nearly_full_counts_more_than_an_idle_machine() {
        let machine = Machine::new();
        machine.put("proc/meminfo", "MemTotal: 8000 kB\nMemAvailable: 7000 kB\n");
        machine.put("proc/self/cgroup", "0::/system.slice/waypost.service\n");
        let group = "sys/fs/cgroup/system.slice/waypost.service";
        machine.put(&format!("{group}/memory.max"), "1000\n");
        machine.put(&format!("{group}/memory.current"), "950\n");
        // What files could be dropped at once is not used up.
        machine.put(
            &format!("{group}/memory.stat"),
            "anon 800\ninactive_file 50\n",
        );
        // A parent without a limit says nothing.
        machine.put("sys/fs/cgroup/system.slice/memory.max", "max\n");
        assert_eq!(machine.sampler().sample().memory, Some(90.0));
    }

    #[test]
    fn a_group_of_version_1_is_understood_too_even_when_its_path_is_hidden() {
        let machine = Machine::new();
        machine.put(
            "proc/self/cgroup",
            "4:memory:/outside/abc\n1:cpu,cpuacct:/\n",
        );
        machine.put("sys/fs/cgroup/memory/memory.limit_in_bytes", "2000\n");
        machine.put("sys/fs/cgroup/memory/memory.usage_in_bytes", "1200\n");
        machine.put(
            "sys/fs/cgroup/memory/memory.stat",
            "total_inactive_file 200\n",
        );
        assert_eq!(machine.sampler().sample().memory, Some(50.0));
    }

    #[test]
    fn a_processor_quota_is_what_may_be_used() {
        let machine = Machine::new();
        machine.put("proc/self/cgroup", "0::/\n");
        // Half a processor.
        machine.put("sys/fs/cgroup/cpu.max", "50000 100000\n");
        machine.put("sys/fs/cgroup/cpu.stat", "usage_usec 0\n");
        let mut sampler = machine.sampler();
        assert_eq!(sampler.sample().cpu, None);
        // An hour of work since then is more than there was time for.
        machine.put("sys/fs/cgroup/cpu.stat", "usage_usec 3600000000\n");
        assert_eq!(sampler.sample().cpu, Some(100.0));
        assert_eq!(sampler.sample().cpu, Some(0.0));
    }

    #[test]
    fn where_nothing_can_be_read_nothing_is_said() {
        let machine = Machine::new();
        machine.put("proc/stat", "nonsense\n");
        machine.put("proc/meminfo", "MemTotal: 0 kB\nMemAvailable: x kB\n");
        let mut sampler = machine.sampler();
        assert_eq!(sampler.sample(), Load::default());
        assert_eq!(sampler.sample(), Load::default());
    }

    #[test]
    fn this_machine_can_be_measured() {
        let mut sampler = Sampler::new();
        sampler.sample();
        let load = sampler.sample();
        let memory = load.memory.expect("the memory of Linux can be read");
        assert!(memory > 0.0 && memory <= 100.0, "{memory}");
    }
}
