//! A disk in memory that can lose power at any write.
//!
//! Files remember what a sync has made durable and which writes came after it. When the disk dies,
//! nothing more reaches it; [`Disk::after_crash`] then makes the disk that a restarted machine
//! would find: after a kill everything written, after a power loss what was synced and any part of
//! the rest, whole or torn.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

/// A torn write keeps whole sectors of this many bytes.
pub const SECTOR: usize = 512;

/// What happens to the operation at which the disk dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dying {
    /// It is still done.
    After,
    /// It is not done any more.
    Before,
}

/// How the process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crash {
    /// It was killed; the operating system still wrote what it had been handed.
    Killed,
    /// The machine lost power; nothing that was not synced is left.
    PowerLossAll,
    /// The machine lost power; of what was not synced any part is left, whole or torn.
    PowerLossSome,
}

/// A write that no sync has covered yet.
#[derive(Debug, Clone)]
enum Change {
    Write { at: usize, bytes: Vec<u8> },
    Truncate(usize),
}

impl Change {
    fn apply(&self, to: &mut Vec<u8>) {
        match self {
            Self::Truncate(len) => to.truncate(*len),
            Self::Write { at, bytes } => put(to, *at, bytes),
        }
    }
}

fn put(to: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    let end = at + bytes.len();
    if to.len() < end {
        to.resize(end, 0);
    }
    to[at..end].copy_from_slice(bytes);
}

/// One file: its bytes, and what of them would survive.
#[derive(Debug, Clone, Default)]
struct File {
    bytes: Vec<u8>,
    /// Content at the last sync; `None` when never synced.
    durable: Option<Vec<u8>>,
    unsynced: Vec<Change>,
}

impl File {
    fn change(&mut self, change: Change) {
        change.apply(&mut self.bytes);
        self.unsynced.push(change);
    }

    fn sync(&mut self) {
        let durable = self.durable.get_or_insert_default();
        for change in self.unsynced.drain(..) {
            change.apply(durable);
        }
    }

    /// What a restarted machine finds of it.
    fn survive(&self, crash: Crash, random: &mut dyn FnMut() -> u64) -> Option<Vec<u8>> {
        match crash {
            Crash::Killed => Some(self.bytes.clone()),
            Crash::PowerLossAll => self.durable.clone(),
            Crash::PowerLossSome => {
                // A new file's name is not durable before its first sync.
                if self.durable.is_none() && random().is_multiple_of(2) {
                    return None;
                }
                let mut bytes = self.durable.clone().unwrap_or_default();
                for change in &self.unsynced {
                    survive_in_part(change, &mut bytes, random);
                }
                Some(bytes)
            }
        }
    }
}

fn survive_in_part(change: &Change, bytes: &mut Vec<u8>, random: &mut dyn FnMut() -> u64) {
    match (random() % 8, change) {
        (0..=3, _) => change.apply(bytes),
        (4, Change::Write { at, bytes: written }) if written.len() > SECTOR => {
            let sectors = (written.len() / SECTOR) as u64;
            let kept = usize::try_from(random() % sectors).unwrap_or(0) * SECTOR;
            put(bytes, *at, &written[..kept]);
        }
        _ => {}
    }
}

#[derive(Debug, Default)]
struct Inner {
    files: BTreeMap<String, Arc<Mutex<FileShared>>>,
    /// Deleted without a directory sync: a power loss may bring them back.
    deleted: BTreeMap<String, File>,
    die_after: Option<(u64, Dying)>,
    dead: bool,
    operations: u64,
}

/// A file as connections share it.
#[derive(Debug, Default)]
pub(super) struct FileShared {
    file: File,
    pub(super) locks: Locks,
    pub(super) shm: Shm,
}

/// SQLite's lock on a database file.
#[derive(Debug, Default)]
pub(super) struct Locks {
    pub(super) shared: usize,
    pub(super) reserved: bool,
    pub(super) pending: bool,
    pub(super) exclusive: bool,
}

/// The WAL index that connections share: memory, so a crash never keeps it.
#[derive(Debug, Default)]
pub(super) struct Shm {
    pub(super) regions: Vec<Box<[u64]>>,
    pub(super) readers: [usize; 8],
    pub(super) writer: [bool; 8],
    pub(super) connections: usize,
}

/// The disk is dead; nothing was done.
#[derive(Debug)]
pub(super) struct Dead;

static DISKS: LazyLock<Mutex<HashMap<u64, Arc<Mutex<Inner>>>>> = LazyLock::new(Mutex::default);
static NEXT_DISK: AtomicU64 = AtomicU64::new(1);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A disk in memory. Dropping it forgets its files; close every store on it first.
#[derive(Debug)]
pub struct Disk {
    number: u64,
    inner: Arc<Mutex<Inner>>,
}

impl Drop for Disk {
    fn drop(&mut self) {
        lock(&DISKS).remove(&self.number);
    }
}

impl Default for Disk {
    fn default() -> Self {
        Self::with(BTreeMap::new())
    }
}

impl Disk {
    /// An empty disk.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn with(files: BTreeMap<String, Vec<u8>>) -> Self {
        let durable = |bytes: Vec<u8>| {
            let file = File {
                durable: Some(bytes.clone()),
                bytes,
                unsynced: Vec::new(),
            };
            Arc::new(Mutex::new(FileShared {
                file,
                ..FileShared::default()
            }))
        };
        let files = files
            .into_iter()
            .map(|(name, bytes)| (name, durable(bytes)))
            .collect();
        let inner = Arc::new(Mutex::new(Inner {
            files,
            ..Inner::default()
        }));
        let number = NEXT_DISK.fetch_add(1, Ordering::Relaxed);
        lock(&DISKS).insert(number, Arc::clone(&inner));
        Self { number, inner }
    }

    /// The path under which the fault VFS finds a file of this disk.
    #[must_use]
    pub fn path(&self, name: &str) -> String {
        format!("/{}/{name}", self.number)
    }

    /// Lets the disk die at the `operations`th write, sync, truncation or deletion from now
    /// (1 is the next one).
    pub fn die_at(&self, operations: u64, dying: Dying) {
        let mut inner = lock(&self.inner);
        inner.die_after = Some((inner.operations + operations, dying));
    }

    /// Lets the disk die now.
    pub fn die(&self) {
        lock(&self.inner).dead = true;
    }

    /// True once nothing reaches the disk any more.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        lock(&self.inner).dead
    }

    /// Writes, syncs, truncations and deletions so far.
    #[must_use]
    pub fn operations(&self) -> u64 {
        lock(&self.inner).operations
    }

    /// The disk a restarted machine finds. `random` decides what of the unsynced is left.
    #[must_use]
    pub fn after_crash(&self, crash: Crash, random: &mut dyn FnMut() -> u64) -> Self {
        let inner = lock(&self.inner);
        let mut files = BTreeMap::new();
        if crash == Crash::PowerLossSome {
            for (name, file) in &inner.deleted {
                if random().is_multiple_of(2)
                    && let Some(bytes) = &file.durable
                {
                    files.insert(name.clone(), bytes.clone());
                }
            }
        }
        for (name, shared) in &inner.files {
            match lock(shared).file.survive(crash, random) {
                Some(bytes) => files.insert(name.clone(), bytes),
                None => files.remove(name),
            };
        }
        Self::with(files)
    }
}

/// A disk as the VFS sees it, found by a path's first part.
#[derive(Debug, Clone)]
pub(super) struct Mounted(Arc<Mutex<Inner>>);

impl Mounted {
    /// The disk and the file's name on it.
    pub(super) fn find(path: &str) -> Option<(Self, String)> {
        let (number, name) = path.strip_prefix('/')?.split_once('/')?;
        let inner = lock(&DISKS).get(&number.parse().ok()?).cloned()?;
        Some((Self(inner), name.to_owned()))
    }

    /// Counts an operation; fails when it must not be done.
    fn operate(&self) -> Result<(), Dead> {
        let mut inner = lock(&self.0);
        if inner.dead {
            return Err(Dead);
        }
        inner.operations += 1;
        match inner.die_after {
            Some((at, dying)) if inner.operations >= at => {
                inner.dead = true;
                if dying == Dying::Before {
                    Err(Dead)
                } else {
                    Ok(())
                }
            }
            _ => Ok(()),
        }
    }

    pub(super) fn exists(&self, name: &str) -> bool {
        lock(&self.0).files.contains_key(name)
    }

    pub(super) fn open(&self, name: &str, create: bool) -> Option<Opened> {
        let mut inner = lock(&self.0);
        let shared = match inner.files.get(name) {
            Some(shared) => Arc::clone(shared),
            None if create && !inner.dead => {
                let shared = Arc::<Mutex<FileShared>>::default();
                inner.files.insert(name.to_owned(), Arc::clone(&shared));
                shared
            }
            None => return None,
        };
        Some(Opened {
            disk: self.clone(),
            shared,
        })
    }

    pub(super) fn delete(&self, name: &str, synced: bool) -> Result<(), Dead> {
        self.operate()?;
        let mut inner = lock(&self.0);
        if let Some(shared) = inner.files.remove(name)
            && !synced
        {
            let file = lock(&shared).file.clone();
            inner.deleted.insert(name.to_owned(), file);
        }
        Ok(())
    }
}

/// An open file.
#[derive(Debug, Clone)]
pub(super) struct Opened {
    disk: Mounted,
    shared: Arc<Mutex<FileShared>>,
}

impl Opened {
    pub(super) fn shared(&self) -> MutexGuard<'_, FileShared> {
        lock(&self.shared)
    }

    /// Copies bytes out; returns how many there were.
    pub(super) fn read(&self, at: usize, into: &mut [u8]) -> usize {
        let shared = self.shared();
        let bytes = shared.file.bytes.get(at..).unwrap_or_default();
        let n = bytes.len().min(into.len());
        into[..n].copy_from_slice(&bytes[..n]);
        n
    }

    pub(super) fn write(&self, at: usize, bytes: &[u8]) -> Result<(), Dead> {
        self.disk.operate()?;
        self.shared().file.change(Change::Write {
            at,
            bytes: bytes.to_vec(),
        });
        Ok(())
    }

    pub(super) fn truncate(&self, len: usize) -> Result<(), Dead> {
        self.disk.operate()?;
        self.shared().file.change(Change::Truncate(len));
        Ok(())
    }

    pub(super) fn sync(&self) -> Result<(), Dead> {
        self.disk.operate()?;
        let is_new = self.shared().file.durable.is_none();
        self.shared().file.sync();
        if is_new {
            // SQLite syncs the directory with a new file, and that settles earlier deletions.
            lock(&self.disk.0).deleted.clear();
        }
        Ok(())
    }

    pub(super) fn len(&self) -> usize {
        self.shared().file.bytes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file on a disk whose first part is synced and whose second is not.
    fn half_synced() -> Disk {
        let disk = Disk::new();
        let (mounted, name) = Mounted::find(&disk.path("file")).expect("the disk is there");
        let file = mounted.open(&name, true).expect("a new file");
        file.write(0, &[1; 2 * SECTOR]).expect("alive");
        file.sync().expect("alive");
        file.write(2 * SECTOR, &[2; 4 * SECTOR]).expect("alive");
        disk
    }

    fn found_on(disk: &Disk) -> Vec<u8> {
        let (mounted, name) = Mounted::find(&disk.path("file")).expect("the disk is there");
        let file = mounted.open(&name, false).expect("the file is there");
        let mut bytes = vec![0; file.len()];
        file.read(0, &mut bytes);
        bytes
    }

    #[test]
    fn a_kill_loses_nothing_and_a_power_loss_what_was_not_synced() {
        let disk = half_synced();
        let mut none = || 7;
        assert_eq!(
            found_on(&disk.after_crash(Crash::Killed, &mut none)).len(),
            6 * SECTOR
        );
        let after = disk.after_crash(Crash::PowerLossAll, &mut none);
        assert_eq!(found_on(&after), [1; 2 * SECTOR]);
    }

    #[test]
    fn a_torn_write_keeps_whole_sectors_and_never_touches_what_was_synced() {
        let disk = half_synced();
        let mut lengths = std::collections::BTreeSet::new();
        for seed in 0..64u64 {
            let mut rolls = [4, seed].into_iter().cycle();
            let after = disk.after_crash(Crash::PowerLossSome, &mut || {
                rolls.next().unwrap_or_default()
            });
            let bytes = found_on(&after);
            assert_eq!(bytes[..2 * SECTOR], [1; 2 * SECTOR]);
            assert_eq!(bytes.len() % SECTOR, 0);
            lengths.insert(bytes.len() / SECTOR);
        }
        assert_eq!(lengths.into_iter().collect::<Vec<_>>(), [2, 3, 4, 5]);
    }

    #[test]
    fn a_dead_disk_takes_nothing_more() {
        let disk = half_synced();
        disk.die_at(2, Dying::Before);
        let (mounted, name) = Mounted::find(&disk.path("file")).expect("the disk is there");
        let file = mounted.open(&name, false).expect("the file is there");
        assert!(file.write(0, &[9]).is_ok());
        assert!(
            file.write(1, &[9]).is_err(),
            "the second operation is its last"
        );
        assert!(disk.is_dead() && file.sync().is_err());
        assert_eq!(found_on(&disk)[..2], [9, 1]);
    }
}
