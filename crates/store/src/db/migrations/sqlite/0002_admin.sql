-- Around the message path: people, keys, rules, webhooks, groups, linking, search.
-- Times are UTC milliseconds, ids 63-bit integers, JSON is TEXT, hashes and sealed values are BLOB.

CREATE TABLE person (
    id            INTEGER NOT NULL PRIMARY KEY,
    workspace     INTEGER NOT NULL REFERENCES workspace (id),
    login         TEXT    NOT NULL COLLATE NOCASE,
    name          TEXT    NOT NULL,
    password_hash TEXT    NOT NULL,
    role          TEXT    NOT NULL,
    disabled_at   INTEGER,
    created_at    INTEGER NOT NULL,
    signed_in_at  INTEGER
) STRICT;
CREATE UNIQUE INDEX person_login ON person (login);

CREATE TABLE sign_in (
    token_hash BLOB    NOT NULL PRIMARY KEY,
    person     INTEGER NOT NULL REFERENCES person (id),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    seen_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sign_in_person ON sign_in (person, created_at);
CREATE INDEX sign_in_expires ON sign_in (expires_at);

CREATE TABLE api_key (
    id         INTEGER NOT NULL PRIMARY KEY,
    workspace  INTEGER NOT NULL REFERENCES workspace (id),
    name       TEXT    NOT NULL,
    shown      TEXT    NOT NULL,
    hash       BLOB    NOT NULL,
    scopes     TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER,
    used_at    INTEGER
) STRICT;
CREATE UNIQUE INDEX api_key_hash ON api_key (hash);

CREATE TABLE reply_rule (
    id         INTEGER NOT NULL PRIMARY KEY,
    workspace  INTEGER NOT NULL REFERENCES workspace (id),
    account    INTEGER,
    name       TEXT    NOT NULL,
    position   INTEGER NOT NULL,
    matches    TEXT    NOT NULL,
    scope      TEXT    NOT NULL,
    answer     TEXT    NOT NULL,
    max_age    INTEGER NOT NULL,
    enabled    INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX reply_rule_order ON reply_rule (workspace, position, id);

-- `kinds` and `accounts` are JSON lists; an empty one means all.
CREATE TABLE endpoint (
    id              INTEGER NOT NULL PRIMARY KEY,
    workspace       INTEGER NOT NULL REFERENCES workspace (id),
    url             TEXT    NOT NULL,
    description     TEXT    NOT NULL,
    kinds           TEXT    NOT NULL,
    accounts        TEXT    NOT NULL,
    secret          BLOB    NOT NULL,
    previous_secret BLOB,
    previous_until  INTEGER,
    disabled        TEXT,
    position        INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    succeeded_at    INTEGER,
    failing_since   INTEGER
) STRICT;

-- The exceptions to an endpoint's cursor: lanes whose first event does not get through.
-- Lane 0 holds the events without a conversation.
CREATE TABLE endpoint_block (
    endpoint   INTEGER NOT NULL,
    lane       INTEGER NOT NULL,
    body       BLOB,
    attempts   INTEGER NOT NULL,
    next_at    INTEGER NOT NULL,
    since      INTEGER NOT NULL,
    last_error TEXT    NOT NULL,
    PRIMARY KEY (endpoint, lane)
) STRICT, WITHOUT ROWID;
CREATE INDEX endpoint_block_due ON endpoint_block (endpoint, next_at);
CREATE TABLE endpoint_backlog (
    endpoint INTEGER NOT NULL,
    lane     INTEGER NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (endpoint, lane, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE delivery (
    endpoint    INTEGER NOT NULL,
    number      INTEGER NOT NULL,
    id          INTEGER NOT NULL,
    event       INTEGER NOT NULL,
    position    INTEGER NOT NULL,
    attempt     INTEGER NOT NULL,
    at          INTEGER NOT NULL,
    status      INTEGER,
    error       TEXT,
    response    TEXT    NOT NULL,
    duration_ms INTEGER NOT NULL,
    PRIMARY KEY (endpoint, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE chat_group (
    number       INTEGER NOT NULL PRIMARY KEY,
    account      INTEGER NOT NULL,
    address      TEXT    NOT NULL,
    subject      TEXT    NOT NULL,
    description  TEXT,
    joined       TEXT    NOT NULL,
    member_count INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX chat_group_address ON chat_group (account, address);
CREATE TABLE chat_group_member (
    account INTEGER NOT NULL,
    chat    TEXT    NOT NULL,
    address TEXT    NOT NULL,
    role    TEXT    NOT NULL,
    PRIMARY KEY (account, chat, address)
) STRICT, WITHOUT ROWID;

CREATE TABLE link_attempt (
    account       INTEGER NOT NULL,
    number        INTEGER NOT NULL,
    started_at    INTEGER NOT NULL,
    method        TEXT    NOT NULL,
    codes_shown   INTEGER NOT NULL,
    regenerations INTEGER NOT NULL,
    scanned_at    INTEGER,
    ended_at      INTEGER NOT NULL,
    outcome       TEXT    NOT NULL,
    PRIMARY KEY (account, number)
) STRICT, WITHOUT ROWID;

-- Words of messages by message id. It is filled behind the message path, account by account in
-- the account's order up to `searchable.seq`; what changes below that is noted to be done again.
CREATE VIRTUAL TABLE message_words USING fts5 (
    words, content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 2'
);
CREATE TABLE searchable (
    account INTEGER NOT NULL PRIMARY KEY,
    seq     INTEGER NOT NULL
) STRICT;
CREATE TABLE searchable_again (
    message INTEGER NOT NULL PRIMARY KEY
) STRICT;
CREATE TRIGGER message_words_stale AFTER UPDATE OF content ON message
WHEN new.seq <= (SELECT seq FROM searchable WHERE account = new.account)
BEGIN
    INSERT OR IGNORE INTO searchable_again (message) VALUES (new.id);
END;
CREATE TRIGGER message_words_gone AFTER DELETE ON message
WHEN old.seq <= (SELECT seq FROM searchable WHERE account = old.account)
BEGIN
    DELETE FROM message_words WHERE rowid = old.id;
    DELETE FROM searchable_again WHERE message = old.id;
END;

CREATE INDEX outbox_held ON outbox (account) WHERE state = 'held';

-- Nothing of a deleted account stays.
CREATE TRIGGER account_gone AFTER DELETE ON account
BEGIN
    DELETE FROM reply_rule WHERE account = old.id;
    DELETE FROM chat_group WHERE account = old.id;
    DELETE FROM chat_group_member WHERE account = old.id;
    DELETE FROM link_attempt WHERE account = old.id;
    DELETE FROM searchable WHERE account = old.id;
END;
