//! What a reading process is denied, whatever the file makes it do.
//!
//! - memory, processor time, open files and core dumps: resource limits; writing to a file is over at
//!   its first byte (`RLIMIT_FSIZE` 0);
//! - any network: no socket of any kind can be made (seccomp), nor can the filter be slipped through
//!   `io_uring`; nor can other processes be looked into;
//! - any file but programs and their data: Landlock, where the kernel has it (5.13 and later).
//!
//! All of it is inherited by the programs it starts. The first two must stand or nothing is read; the
//! third is said in the answer.

use crate::error::ReadError;
use crate::limits::WORKER_FILES_MAX;
use crate::worker::{Job, Task};
use landlock::{
    ABI, Access as _, AccessFs, AccessNet, CompatLevel, Compatible as _, Ruleset, RulesetAttr as _,
    RulesetCreatedAttr as _, RulesetStatus, Scope, path_beneath_rules,
};
use rustix::process::{Resource, Rlimit, setrlimit};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, apply_filter};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Where programs, their libraries and their data lie; all that can still be read.
const READABLE: [&str; 7] = [
    "/usr",
    "/bin",
    "/lib",
    "/lib64",
    "/etc/ld.so.cache",
    "/dev/null",
    "/dev/urandom",
];
/// What makes a connection, or reaches into another process or past this wall.
const DENIED: [libc::c_long; 30] = [
    libc::SYS_socket,
    libc::SYS_socketpair,
    libc::SYS_connect,
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_accept,
    libc::SYS_accept4,
    libc::SYS_sendto,
    libc::SYS_sendmsg,
    libc::SYS_sendmmsg,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_getfd,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_kexec_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
];

/// Which walls stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Walls {
    /// Memory, time, files: resource limits.
    pub limits: bool,
    /// No network, no looking into other processes: seccomp.
    pub system_calls: bool,
    /// No file but programs and their data: Landlock.
    pub files: bool,
}

/// Builds the walls around this process, before it has other threads.
pub(super) fn build(job: &Job) -> Result<Walls, ReadError> {
    limit(job).map_err(|error| broken("its limits", &error))?;
    let files = hide_files(job).unwrap_or(false);
    deny_calls().map_err(|error| broken("its system call filter", &error))?;
    Ok(Walls {
        limits: true,
        system_calls: true,
        files,
    })
}

fn broken(what: &str, error: &dyn std::fmt::Display) -> ReadError {
    ReadError::Worker {
        what: format!("the reading process could not set {what} ({error})"),
    }
}

fn limit(job: &Job) -> rustix::io::Result<()> {
    let set = |resource, soft: u64, hard: u64| {
        let limit = Rlimit {
            current: Some(soft),
            maximum: Some(hard),
        };
        setrlimit(resource, limit)
    };
    set(Resource::As, job.memory, job.memory)?;
    set(Resource::Cpu, job.seconds, job.seconds + 1)?;
    set(Resource::Fsize, 0, 0)?;
    set(Resource::Core, 0, 0)?;
    set(Resource::Nofile, WORKER_FILES_MAX, WORKER_FILES_MAX)
}

fn hide_files(job: &Job) -> Result<bool, landlock::RulesetError> {
    let abi = ABI::V5;
    let mut readable: Vec<PathBuf> = READABLE.iter().map(PathBuf::from).collect();
    if let Task::Read { ocr: Some(ocr), .. } = &job.task {
        readable.extend(ocr.program.parent().map(Path::to_owned));
    }
    let status = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(abi))?
        .handle_access(AccessNet::from_all(abi))?
        .scope(Scope::from_all(ABI::V6))?
        .create()?
        .add_rules(path_beneath_rules(readable, AccessFs::from_read(abi)))?
        .restrict_self()?;
    Ok(status.ruleset != RulesetStatus::NotEnforced)
}

fn deny_calls() -> Result<(), Box<dyn std::error::Error>> {
    let rules: BTreeMap<i64, Vec<seccompiler::SeccompRule>> =
        DENIED.iter().map(|call| (*call, Vec::new())).collect();
    let denied = u32::try_from(libc::EPERM)?;
    let filter = SeccompFilter::new(
        rules,
        SeccompAction::Allow,
        SeccompAction::Errno(denied),
        std::env::consts::ARCH.try_into()?,
    )?;
    let program: BpfProgram = filter.try_into()?;
    apply_filter(&program)?;
    Ok(())
}
