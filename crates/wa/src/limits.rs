//! Every limit of this room, and what happens at it.

use std::time::Duration;

/// Most messages one account may have between "decrypted" and "committed". One more ends the
/// connection with `Down(Backpressure)`; WhatsApp keeps what was not acknowledged.
pub const IN_FLIGHT_MAX: usize = 512;

/// Most events of one connection waiting to be taken. At the limit nothing is dropped silently: the
/// connection ends with `Down(Backpressure)`.
pub const EVENTS_MAX: usize = 4_096;

/// Messages of a connection whose place in line is remembered until they are committed. The oldest is
/// forgotten, and counts as the first.
pub const ARRIVALS_MAX: usize = 4_096;

/// Longest that a message waits for an earlier one of the same person under their other address.
pub const OTHER_ADDRESS_WAIT_MAX: Duration = Duration::from_secs(1);

/// Longest that the placeholder of an undecryptable message waits for those before it. The protocol
/// library commits a backlog every three seconds at least.
pub const PLACEHOLDER_WAIT_MAX: Duration = Duration::from_secs(4);

/// How often a failed commit is tried again before the connection is given up with
/// `Down(StoreFailed)`.
pub const COMMIT_RETRIES_MAX: u32 = 5;

/// Pause before the first retry of a commit; doubled each time.
pub const COMMIT_RETRY_PAUSE: Duration = Duration::from_millis(100);

/// Longest a commit may take, all its retries together, before the connection is given up with
/// `Down(Backpressure)`: behind it the account's messages pile up in memory.
pub const COMMIT_WAIT_MAX: Duration = Duration::from_secs(20);

/// Longest closing may take before what is left is stopped by force.
pub const CLOSE_MAX: Duration = Duration::from_secs(15);

/// Longest wait for a socket to take our goodbye; then it is dropped.
pub const GOODBYE_MAX: Duration = Duration::from_secs(2);

/// Chunks of history waiting to be read. At the limit the other events wait too.
pub const HISTORY_CHUNKS_MAX: usize = 16;

/// Sockets one link may open: the first, and the one after WhatsApp's own restart.
pub const LINK_SOCKETS_MAX: u32 = 2;

/// Messages of a history sync handed over at once.
pub const HISTORY_BATCH_MAX: usize = 200;

/// Messages taken of one answer to a question for older ones; the phone gives as many as were asked for.
pub const RECALLED_MAX: usize = 1_000;

/// Ids of our own sends remembered so that the library's short-lived copies of them are not stored
/// beside the frozen ones. The oldest is forgotten; at worst a copy is stored twice.
pub const OWN_SENDS_MAX: usize = 1_024;

/// Ids of accepted messages remembered for whoever waits for one; the oldest is forgotten, and whoever
/// still waits for it asks again.
pub const ACKS_MAX: usize = 128;

/// Messages lost in a crash that wait to be asked for again. Further ones wait for the next connection.
pub const LOST_MAX: usize = 1_024;

/// Longest that a recipient's request for a message waits to be stored before it is acknowledged.
pub const REPEAT_NOTE_MAX: Duration = Duration::from_secs(2);

/// How long after a recipient's request, on a connection that stays up, it counts as served.
pub const REPEAT_SERVED_AFTER: Duration = Duration::from_secs(10);

/// Age at which a recipient's request is given up: as long as what we sent is kept.
pub const REPEAT_AGE_MAX: waypost_engine::model::Duration =
    waypost_engine::model::Duration::hours(30 * 24);

/// One-time keys made and uploaded at once.
pub const PREKEYS_PER_UPLOAD: usize = 200;

/// Most writes handed to the session store as one.
pub const WRITES_PER_BATCH: usize = 4_096;

/// Longest file sent or fetched, in bytes (WhatsApp's own limit for documents).
pub const MEDIA_BYTES_MAX: u64 = 2 * 1024 * 1024 * 1024;

/// Longest wait for the phone to upload a file again.
pub const REUPLOAD_WAIT_MAX: Duration = Duration::from_secs(60);

/// Cached entries per account, kept small because most accounts are idle; what falls out is read
/// from the session store again.
pub const CACHE_ENTRIES_MAX: u64 = 256;

/// Chats of an account whose messages are taken in order by a task of their own. Such a task keeps
/// about 8 KiB as long as it waits for the chat's next message (half of what a conversation costs
/// in memory), so only a few stay. One that works, or has work waiting, is never ended; a chat that
/// lost its task gets another with its next message.
pub const CHAT_LANES_MAX: u64 = 16;

/// Conversations of an account whose lock is kept. A lock that is held never falls out, and one that
/// fell out is made anew.
pub const SESSION_LOCKS_MAX: u64 = 256;

/// People of an account whose list of devices is kept in memory: room for the members of the largest
/// group (1,024), so that writing to it twice does not read every list again.
pub const DEVICE_LISTS_MAX: u64 = 1_280;

/// Longest wait for a way through a proxy; shorter than the protocol library waits for its socket
/// (20 s), so that the reason is known.
pub const PROXY_DIAL_MAX: Duration = Duration::from_secs(12);

/// Longest head of a proxy's answer, in bytes; a longer one is nonsense.
pub const PROXY_ANSWER_MAX: usize = 8 * 1024;
