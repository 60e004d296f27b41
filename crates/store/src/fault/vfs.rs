//! The SQLite VFS over [`super::disk`]: the files of a [`super::Disk`], shared by every connection
//! of this process as the operating system would share them between processes.
//!
//! This is the one place of this crate that talks to SQLite's C interface directly.
#![allow(unsafe_code)]

use super::disk::{Mounted, Opened};
use rusqlite::ffi;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::sync::Once;

/// The name under which the VFS is registered.
pub const VFS_NAME: &str = "waypost-fault";
const VFS_NAME_C: &CStr = c"waypost-fault";
/// Bytes of the longest path.
const PATH_MAX: c_int = 256;
/// What a common file system promises SQLite: neighbours of a write survive a power loss.
const CHARACTERISTICS: c_int = ffi::SQLITE_IOCAP_POWERSAFE_OVERWRITE;
const SECTOR_SIZE: c_int = 4096;

/// SQLite's file with ours behind it. SQLite allocates it; we put our part in and take it out.
#[repr(C)]
struct VfsFile {
    base: ffi::sqlite3_file,
    state: *mut State,
}

struct State {
    file: Opened,
    level: c_int,
    reading: [bool; 8],
    writing: [bool; 8],
    mapped: bool,
}

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

/// Registers the VFS, once per process.
pub(super) fn register() {
    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(|| {
        let vfs = Box::new(ffi::sqlite3_vfs {
            iVersion: 1,
            szOsFile: size_of::<VfsFile>() as c_int,
            mxPathname: PATH_MAX,
            pNext: std::ptr::null_mut(),
            zName: VFS_NAME_C.as_ptr(),
            pAppData: std::ptr::null_mut(),
            xOpen: Some(open),
            xDelete: Some(delete),
            xAccess: Some(access),
            xFullPathname: Some(full_pathname),
            xDlOpen: None,
            xDlError: None,
            xDlSym: None,
            xDlClose: None,
            xRandomness: Some(randomness),
            xSleep: Some(sleep),
            xCurrentTime: Some(current_time),
            xGetLastError: Some(last_error),
            xCurrentTimeInt64: None,
            xSetSystemCall: None,
            xGetSystemCall: None,
            xNextSystemCall: None,
        });
        // SAFETY: the structure is complete and leaked, so it lives as long as SQLite may use it.
        let code = unsafe { ffi::sqlite3_vfs_register(Box::into_raw(vfs), 0) };
        assert_eq!(code, ffi::SQLITE_OK, "SQLite refused the fault VFS");
    });
}

/// The path in a C string, if it is UTF-8.
///
/// # Safety
/// `text` is null or a C string that outlives the call.
unsafe fn path<'a>(text: *const c_char) -> Option<&'a str> {
    // SAFETY: promised by the caller.
    (!text.is_null())
        .then(|| unsafe { CStr::from_ptr(text) })?
        .to_str()
        .ok()
}

/// Our part of a file.
///
/// # Safety
/// `file` was opened by [`open`] and not closed since; SQLite uses a file from one thread at a time.
unsafe fn state<'a>(file: *mut ffi::sqlite3_file) -> &'a mut State {
    // SAFETY: `open` stored a leaked box here, and `close` is the only one to take it back.
    unsafe { &mut *(*file.cast::<VfsFile>()).state }
}

unsafe extern "C" fn open(
    _: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    // SAFETY: SQLite hands in `szOsFile` bytes of memory and valid pointers.
    unsafe {
        (*file).pMethods = std::ptr::null();
        let Some((disk, name)) = path(name).and_then(Mounted::find) else {
            return ffi::SQLITE_CANTOPEN;
        };
        let create = flags & ffi::SQLITE_OPEN_CREATE != 0;
        let Some(opened) = disk.open(&name, create) else {
            return ffi::SQLITE_CANTOPEN;
        };
        let state = State {
            file: opened,
            level: ffi::SQLITE_LOCK_NONE,
            reading: [false; 8],
            writing: [false; 8],
            mapped: false,
        };
        (*file.cast::<VfsFile>()).state = Box::into_raw(Box::new(state));
        (*file).pMethods = &raw const METHODS;
        if !out_flags.is_null() {
            *out_flags = flags;
        }
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: opened by `open`; SQLite does not use it afterwards.
    unsafe {
        unlock(file, ffi::SQLITE_LOCK_NONE);
        shm_unmap(file, 0);
        drop(Box::from_raw((*file.cast::<VfsFile>()).state));
        (*file).pMethods = std::ptr::null();
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn read(
    file: *mut ffi::sqlite3_file,
    into: *mut c_void,
    amount: c_int,
    at: ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: SQLite hands in a buffer of `amount` bytes.
    let (state, into) = unsafe {
        (
            state(file),
            std::slice::from_raw_parts_mut(into.cast::<u8>(), amount as usize),
        )
    };
    let n = state.file.read(at as usize, into);
    if n == into.len() {
        return ffi::SQLITE_OK;
    }
    into[n..].fill(0);
    ffi::SQLITE_IOERR_SHORT_READ
}

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    from: *const c_void,
    amount: c_int,
    at: ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: SQLite hands in a buffer of `amount` bytes.
    let (state, from) = unsafe {
        (
            state(file),
            std::slice::from_raw_parts(from.cast::<u8>(), amount as usize),
        )
    };
    state
        .file
        .write(at as usize, from)
        .map_or(ffi::SQLITE_IOERR_WRITE, |()| ffi::SQLITE_OK)
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, size: ffi::sqlite3_int64) -> c_int {
    // SAFETY: the file is open.
    let state = unsafe { state(file) };
    state
        .file
        .truncate(size as usize)
        .map_or(ffi::SQLITE_IOERR_TRUNCATE, |()| ffi::SQLITE_OK)
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, _: c_int) -> c_int {
    // SAFETY: the file is open.
    let state = unsafe { state(file) };
    state
        .file
        .sync()
        .map_or(ffi::SQLITE_IOERR_FSYNC, |()| ffi::SQLITE_OK)
}

unsafe extern "C" fn file_size(
    file: *mut ffi::sqlite3_file,
    size: *mut ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: the file is open and `size` is valid.
    unsafe { *size = state(file).file.len() as ffi::sqlite3_int64 };
    ffi::SQLITE_OK
}

unsafe extern "C" fn lock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    // SAFETY: the file is open.
    let state = unsafe { state(file) };
    if level <= state.level {
        return ffi::SQLITE_OK;
    }
    let mut shared = state.file.shared();
    let locks = &mut shared.locks;
    if state.level == ffi::SQLITE_LOCK_NONE {
        if locks.pending || locks.exclusive {
            return ffi::SQLITE_BUSY;
        }
        locks.shared += 1;
        state.level = ffi::SQLITE_LOCK_SHARED;
    }
    if level == ffi::SQLITE_LOCK_RESERVED {
        if locks.reserved {
            return ffi::SQLITE_BUSY;
        }
        locks.reserved = true;
        state.level = ffi::SQLITE_LOCK_RESERVED;
    }
    if level == ffi::SQLITE_LOCK_EXCLUSIVE {
        if state.level < ffi::SQLITE_LOCK_PENDING {
            if locks.pending || (locks.reserved && state.level < ffi::SQLITE_LOCK_RESERVED) {
                return ffi::SQLITE_BUSY;
            }
            locks.reserved = true;
            locks.pending = true;
            state.level = ffi::SQLITE_LOCK_PENDING;
        }
        if locks.shared > 1 {
            return ffi::SQLITE_BUSY;
        }
        locks.exclusive = true;
        state.level = ffi::SQLITE_LOCK_EXCLUSIVE;
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn unlock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    // SAFETY: the file is open.
    let state = unsafe { state(file) };
    if level >= state.level {
        return ffi::SQLITE_OK;
    }
    let mut shared = state.file.shared();
    let locks = &mut shared.locks;
    if state.level >= ffi::SQLITE_LOCK_RESERVED {
        locks.reserved = false;
    }
    if state.level >= ffi::SQLITE_LOCK_PENDING {
        locks.pending = false;
    }
    if state.level == ffi::SQLITE_LOCK_EXCLUSIVE {
        locks.exclusive = false;
    }
    if level == ffi::SQLITE_LOCK_NONE {
        locks.shared -= 1;
    }
    state.level = level;
    ffi::SQLITE_OK
}

unsafe extern "C" fn check_reserved(file: *mut ffi::sqlite3_file, out: *mut c_int) -> c_int {
    // SAFETY: the file is open and `out` is valid.
    unsafe { *out = c_int::from(state(file).file.shared().locks.reserved) };
    ffi::SQLITE_OK
}

unsafe extern "C" fn file_control(_: *mut ffi::sqlite3_file, _: c_int, _: *mut c_void) -> c_int {
    ffi::SQLITE_NOTFOUND
}

unsafe extern "C" fn sector_size(_: *mut ffi::sqlite3_file) -> c_int {
    SECTOR_SIZE
}

unsafe extern "C" fn characteristics(_: *mut ffi::sqlite3_file) -> c_int {
    CHARACTERISTICS
}

unsafe extern "C" fn shm_map(
    file: *mut ffi::sqlite3_file,
    region: c_int,
    size: c_int,
    extend: c_int,
    out: *mut *mut c_void,
) -> c_int {
    // SAFETY: the file is open and `out` is valid.
    let state = unsafe { state(file) };
    let mut shared = state.file.shared();
    if !state.mapped {
        state.mapped = true;
        shared.shm.connections += 1;
    }
    let region = region as usize;
    while shared.shm.regions.len() <= region && extend != 0 {
        let words = (size as usize).div_ceil(size_of::<u64>());
        shared.shm.regions.push(vec![0; words].into_boxed_slice());
    }
    let found = shared.shm.regions.get_mut(region);
    let pointer = found.map_or(std::ptr::null_mut(), |words| words.as_mut_ptr().cast());
    // SAFETY: see above. A region stays where it is until the last connection unmaps it.
    unsafe { *out = pointer };
    ffi::SQLITE_OK
}

unsafe extern "C" fn shm_lock(
    file: *mut ffi::sqlite3_file,
    offset: c_int,
    n: c_int,
    flags: c_int,
) -> c_int {
    // SAFETY: the file is open.
    let state = unsafe { state(file) };
    let slots = offset as usize..(offset + n) as usize;
    let mut shared = state.file.shared();
    let shm = &mut shared.shm;
    let exclusive = flags & ffi::SQLITE_SHM_EXCLUSIVE != 0;
    if flags & ffi::SQLITE_SHM_UNLOCK != 0 {
        for slot in slots {
            if std::mem::take(&mut state.writing[slot]) {
                shm.writer[slot] = false;
            }
            if std::mem::take(&mut state.reading[slot]) {
                shm.readers[slot] -= 1;
            }
        }
        return ffi::SQLITE_OK;
    }
    let others = |slot: usize| shm.readers[slot] - usize::from(state.reading[slot]);
    let taken = |slot: usize| shm.writer[slot] && !state.writing[slot];
    if slots
        .clone()
        .any(|slot| taken(slot) || (exclusive && others(slot) > 0))
    {
        return ffi::SQLITE_BUSY;
    }
    for slot in slots {
        if exclusive {
            shm.writer[slot] = true;
            state.writing[slot] = true;
        } else if !state.reading[slot] {
            shm.readers[slot] += 1;
            state.reading[slot] = true;
        }
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn shm_barrier(file: *mut ffi::sqlite3_file) {
    // SAFETY: the file is open. Taking the lock orders memory between connections.
    drop(unsafe { state(file) }.file.shared());
    std::sync::atomic::fence(std::sync::atomic::Ordering::SeqCst);
}

unsafe extern "C" fn shm_unmap(file: *mut ffi::sqlite3_file, _delete: c_int) -> c_int {
    // SAFETY: the file is open.
    let state = unsafe { state(file) };
    if !std::mem::take(&mut state.mapped) {
        return ffi::SQLITE_OK;
    }
    let mut shared = state.file.shared();
    let shm = &mut shared.shm;
    for slot in 0..state.reading.len() {
        if std::mem::take(&mut state.reading[slot]) {
            shm.readers[slot] -= 1;
        }
        if std::mem::take(&mut state.writing[slot]) {
            shm.writer[slot] = false;
        }
    }
    shm.connections -= 1;
    if shm.connections == 0 {
        shm.regions.clear();
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn delete(
    _: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    sync_dir: c_int,
) -> c_int {
    // SAFETY: SQLite hands in a C string.
    let Some((disk, name)) = unsafe { path(name) }.and_then(Mounted::find) else {
        return ffi::SQLITE_IOERR_DELETE;
    };
    if !disk.exists(&name) {
        return ffi::SQLITE_IOERR_DELETE_NOENT;
    }
    disk.delete(&name, sync_dir != 0)
        .map_or(ffi::SQLITE_IOERR_DELETE, |()| ffi::SQLITE_OK)
}

unsafe extern "C" fn access(
    _: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    _: c_int,
    out: *mut c_int,
) -> c_int {
    // SAFETY: SQLite hands in a C string and a valid pointer.
    unsafe {
        let found = path(name).and_then(Mounted::find);
        *out = c_int::from(found.is_some_and(|(disk, name)| disk.exists(&name)));
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn full_pathname(
    _: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    room: c_int,
    out: *mut c_char,
) -> c_int {
    // SAFETY: SQLite hands in a C string and `room` bytes.
    unsafe {
        let bytes = CStr::from_ptr(name).to_bytes_with_nul();
        if bytes.len() > room as usize {
            return ffi::SQLITE_CANTOPEN;
        }
        std::ptr::copy_nonoverlapping(bytes.as_ptr().cast(), out, bytes.len());
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn randomness(_: *mut ffi::sqlite3_vfs, n: c_int, out: *mut c_char) -> c_int {
    // SQLite uses it for salts and temporary names; the same every time, so that runs repeat.
    for i in 0..n {
        // SAFETY: SQLite hands in `n` bytes.
        unsafe { *out.offset(i as isize) = (i.wrapping_mul(37) + 11) as c_char };
    }
    n
}

unsafe extern "C" fn sleep(_: *mut ffi::sqlite3_vfs, microseconds: c_int) -> c_int {
    // Locks are held by threads of this process and for moments only: let them run.
    std::thread::yield_now();
    microseconds
}

unsafe extern "C" fn current_time(_: *mut ffi::sqlite3_vfs, out: *mut f64) -> c_int {
    // SAFETY: SQLite hands in a valid pointer. The date is fixed: nothing here may depend on it.
    unsafe { *out = 2_461_000.5 };
    ffi::SQLITE_OK
}

unsafe extern "C" fn last_error(_: *mut ffi::sqlite3_vfs, _: c_int, _: *mut c_char) -> c_int {
    0
}
