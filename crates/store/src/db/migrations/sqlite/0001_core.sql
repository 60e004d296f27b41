-- The message path: who, what, in which order, and what is still to be done about it.
-- Times are UTC milliseconds, ids 63-bit integers, JSON is TEXT, sealed values are BLOB.

CREATE TABLE meta (
    name  TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE workspace (
    id         INTEGER NOT NULL PRIMARY KEY,
    name       TEXT    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
INSERT INTO workspace (id, name, created_at) VALUES (1, 'default', 0);

-- owner 0 is the store itself; every other owner is an account.
CREATE TABLE data_key (
    owner   INTEGER NOT NULL,
    key_id  INTEGER NOT NULL,
    wrapped BLOB    NOT NULL,
    PRIMARY KEY (owner, key_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE account (
    id          INTEGER NOT NULL PRIMARY KEY,
    workspace   INTEGER NOT NULL REFERENCES workspace (id),
    name        TEXT    NOT NULL,
    phone       TEXT,
    lid         TEXT,
    role        TEXT    NOT NULL,
    priority    INTEGER NOT NULL,
    state       TEXT    NOT NULL,
    reason      TEXT    NOT NULL,
    state_at    INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    owner_epoch INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX account_name ON account (workspace, name);

CREATE TABLE account_history (
    id         INTEGER NOT NULL PRIMARY KEY,
    account    INTEGER NOT NULL,
    from_state TEXT    NOT NULL,
    to_state   TEXT    NOT NULL,
    reason     TEXT    NOT NULL,
    at         INTEGER NOT NULL
) STRICT;
CREATE INDEX account_history_account ON account_history (account, id);

-- `name` is what our people call the contact, `push_name` what the contact calls itself.
CREATE TABLE contact (
    id          INTEGER NOT NULL PRIMARY KEY,
    workspace   INTEGER NOT NULL,
    name        TEXT,
    push_name   TEXT,
    lid         TEXT,
    merged_into INTEGER,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE alias (
    id         INTEGER NOT NULL PRIMARY KEY,
    workspace  INTEGER NOT NULL,
    address    TEXT    NOT NULL,
    contact    INTEGER NOT NULL,
    valid_from INTEGER NOT NULL,
    valid_to   INTEGER
) STRICT;
CREATE UNIQUE INDEX alias_now ON alias (workspace, address) WHERE valid_to IS NULL;
CREATE INDEX alias_contact ON alias (contact);

-- What a merge moved, so that it can be taken back.
CREATE TABLE merge (
    id           INTEGER NOT NULL PRIMARY KEY,
    workspace    INTEGER NOT NULL,
    into_contact INTEGER NOT NULL,
    from_contact INTEGER NOT NULL,
    at           INTEGER NOT NULL,
    undone_at    INTEGER
) STRICT;
CREATE TABLE merge_alias (
    merge INTEGER NOT NULL,
    alias INTEGER NOT NULL,
    PRIMARY KEY (merge, alias)
) STRICT, WITHOUT ROWID;
-- `kept` is NULL when the conversation was only re-labelled, else the conversation that its
-- messages (listed in merge_message) went into.
CREATE TABLE merge_conversation (
    merge        INTEGER NOT NULL,
    conversation INTEGER NOT NULL,
    kept         INTEGER,
    PRIMARY KEY (merge, conversation)
) STRICT, WITHOUT ROWID;
CREATE TABLE merge_message (
    merge        INTEGER NOT NULL,
    message      INTEGER NOT NULL,
    conversation INTEGER NOT NULL,
    PRIMARY KEY (merge, message)
) STRICT, WITHOUT ROWID;

-- Exactly one of `contact` and `address` is set: one person, or a group (or any other chat).
-- A conversation whose contact was absorbed points to the one that goes on with `merged_into`.
CREATE TABLE conversation (
    id           INTEGER NOT NULL PRIMARY KEY,
    workspace    INTEGER NOT NULL,
    account      INTEGER NOT NULL,
    contact      INTEGER,
    address      TEXT,
    merged_into  INTEGER,
    last_message INTEGER,
    last_at      INTEGER NOT NULL,
    unread       INTEGER NOT NULL,
    created_at   INTEGER NOT NULL,
    CHECK ((contact IS NULL) <> (address IS NULL))
) STRICT;
CREATE UNIQUE INDEX conversation_contact ON conversation (account, contact)
    WHERE contact IS NOT NULL AND merged_into IS NULL;
CREATE UNIQUE INDEX conversation_address ON conversation (account, address)
    WHERE address IS NOT NULL;
CREATE INDEX conversation_recent ON conversation (workspace, last_at);
CREATE INDEX conversation_of_contact ON conversation (contact) WHERE contact IS NOT NULL;

-- Every message, both ways. `raw` is the sealed protobuf and stands last, so that lists can
-- stop reading before it. `sender` is NULL for the account itself.
CREATE TABLE message (
    id             INTEGER NOT NULL PRIMARY KEY,
    account        INTEGER NOT NULL,
    conversation   INTEGER NOT NULL,
    seq            INTEGER NOT NULL,
    direction      TEXT    NOT NULL,
    origin         TEXT    NOT NULL,
    wire_id        TEXT    NOT NULL,
    chat           TEXT    NOT NULL,
    sender         INTEGER,
    sender_address TEXT,
    sender_name    TEXT,
    sent_at        INTEGER NOT NULL,
    received_at    INTEGER NOT NULL,
    committed_at   INTEGER NOT NULL,
    kind           TEXT    NOT NULL,
    content        TEXT    NOT NULL,
    raw            BLOB
) STRICT;
CREATE UNIQUE INDEX message_seq ON message (account, seq);
CREATE INDEX message_wire ON message (account, wire_id);
CREATE INDEX message_shown ON message (conversation, sent_at, seq);

-- Accepted, not done. Deleting the row is the compare-and-set of "done".
CREATE TABLE pending (
    account    INTEGER NOT NULL,
    seq        INTEGER NOT NULL,
    message    INTEGER NOT NULL,
    attempt    INTEGER NOT NULL,
    next_at    INTEGER NOT NULL,
    last_error TEXT,
    PRIMARY KEY (account, seq)
) STRICT, WITHOUT ROWID;

-- What the stages found out about a message.
CREATE TABLE finding (
    message INTEGER NOT NULL PRIMARY KEY,
    data    TEXT    NOT NULL,
    at      INTEGER NOT NULL
) STRICT;

-- Reactions, edits and deletions of other messages: the newest of each kind per author.
-- `target` is NULL while the target is unknown or its author is somebody else.
-- `author` is the contact's id, 0 for the account itself.
CREATE TABLE annotation (
    account     INTEGER NOT NULL,
    target_wire TEXT    NOT NULL,
    author      INTEGER NOT NULL,
    kind        TEXT    NOT NULL,
    conversation INTEGER NOT NULL,
    target      INTEGER,
    value       TEXT    NOT NULL,
    sent_at     INTEGER NOT NULL,
    message     INTEGER NOT NULL,
    PRIMARY KEY (account, target_wire, author, kind, conversation)
) STRICT, WITHOUT ROWID;
CREATE INDEX annotation_target ON annotation (target) WHERE target IS NOT NULL;

CREATE TABLE media (
    message    INTEGER NOT NULL PRIMARY KEY,
    account    INTEGER NOT NULL,
    kind       TEXT    NOT NULL,
    pointer    TEXT    NOT NULL,
    state      TEXT    NOT NULL,
    attempts   INTEGER NOT NULL,
    next_at    INTEGER NOT NULL,
    blob       INTEGER,
    bytes      INTEGER,
    mime       TEXT,
    reason     TEXT
) STRICT;
CREATE INDEX media_due ON media (next_at) WHERE state IN ('pending', 'asked_again');

CREATE TABLE blob (
    id         INTEGER NOT NULL PRIMARY KEY,
    sha256     TEXT    NOT NULL UNIQUE,
    bytes      INTEGER NOT NULL,
    mime       TEXT    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE outbox (
    message      INTEGER NOT NULL PRIMARY KEY,
    account      INTEGER NOT NULL,
    seq          INTEGER NOT NULL,
    recipient    TEXT    NOT NULL,
    wire_id      TEXT    NOT NULL,
    cause        TEXT    NOT NULL,
    state        TEXT    NOT NULL,
    fail         TEXT,
    attempts     INTEGER NOT NULL,
    next_at      INTEGER NOT NULL,
    last_error   TEXT,
    created_at   INTEGER NOT NULL,
    server_at    INTEGER,
    delivered_at INTEGER,
    read_at      INTEGER,
    failed_at    INTEGER
) STRICT;
CREATE INDEX outbox_due ON outbox (account, seq) WHERE state = 'accepted';

-- What exactly is or was sent, sealed; kept for retry requests.
CREATE TABLE frozen (
    message INTEGER NOT NULL PRIMARY KEY,
    payload BLOB    NOT NULL,
    at      INTEGER NOT NULL
) STRICT;

CREATE TABLE idempotency (
    workspace    INTEGER NOT NULL,
    key          TEXT    NOT NULL,
    request_hash BLOB    NOT NULL,
    message      INTEGER NOT NULL,
    conversation INTEGER NOT NULL,
    seq          INTEGER NOT NULL,
    created_at   INTEGER NOT NULL,
    PRIMARY KEY (workspace, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE dead_letter (
    id           INTEGER NOT NULL PRIMARY KEY,
    workspace    INTEGER NOT NULL,
    account      INTEGER NOT NULL,
    conversation INTEGER NOT NULL,
    message      INTEGER NOT NULL,
    direction    TEXT    NOT NULL,
    stage        TEXT    NOT NULL,
    error        TEXT    NOT NULL,
    state        TEXT    NOT NULL,
    attempts     INTEGER NOT NULL,
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL
) STRICT;
CREATE INDEX dead_letter_message ON dead_letter (message);
CREATE INDEX dead_letter_state ON dead_letter (workspace, state, id);

-- The event log. `position` is handed out by the one writer inside the transaction.
CREATE TABLE event (
    position     INTEGER NOT NULL PRIMARY KEY,
    id           INTEGER NOT NULL,
    workspace    INTEGER NOT NULL,
    account      INTEGER,
    conversation INTEGER,
    kind         TEXT    NOT NULL,
    version      INTEGER NOT NULL,
    data         TEXT    NOT NULL,
    at           INTEGER NOT NULL
) STRICT;

-- The sessions of every linked device, sealed values under plain keys.
CREATE TABLE kv (
    account INTEGER NOT NULL,
    space   INTEGER NOT NULL,
    key     BLOB    NOT NULL,
    value   BLOB    NOT NULL,
    PRIMARY KEY (account, space, key)
) STRICT, WITHOUT ROWID;
