//! Named points at which a test may let the process die.
//!
//! Only a build with the feature `failpoints` has them. `WAYPOST_FAILPOINT=before_commit_1:37`
//! kills the process with SIGKILL when that point is passed for the 37th time: nothing is
//! flushed, no destructor runs, just as when the machine loses the process.

/// Dies here if the environment says so.
#[cfg(feature = "failpoints")]
pub(crate) fn point(name: &str) {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static PLAN: OnceLock<Option<(String, u64)>> = OnceLock::new();
    static PASSED: AtomicU64 = AtomicU64::new(0);

    let plan = PLAN.get_or_init(|| {
        let text = std::env::var("WAYPOST_FAILPOINT").ok()?;
        let (point, count) = text.split_once(':')?;
        Some((point.to_owned(), count.parse().ok()?))
    });
    if let Some((point, count)) = plan
        && point == name
        && PASSED.fetch_add(1, Ordering::Relaxed) + 1 == *count
    {
        let me = rustix::process::getpid();
        // If the signal cannot be sent, the test sees a living process and fails.
        let _ = rustix::process::kill_process(me, rustix::process::Signal::KILL);
        std::thread::park();
    }
}

/// Lets the process die at the store's steps too.
#[cfg(feature = "failpoints")]
pub(crate) fn watch_store() {
    waypost_store::fault::at_steps(point);
}

/// Nothing: this build has no crash points.
#[cfg(not(feature = "failpoints"))]
#[inline]
pub(crate) fn watch_store() {}

/// Nothing: this build has no crash points.
#[cfg(not(feature = "failpoints"))]
#[inline]
pub(crate) fn point(_: &str) {}
