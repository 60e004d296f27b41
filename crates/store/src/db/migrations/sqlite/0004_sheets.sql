-- Rows for spreadsheets: who writes, what becomes a row, and how far each row has come.
-- Times are UTC milliseconds, ids 63-bit integers, JSON is TEXT, hashes and sealed values are BLOB.

CREATE TABLE sheet_connection (
    id          INTEGER NOT NULL PRIMARY KEY,
    workspace   INTEGER NOT NULL REFERENCES workspace (id),
    name        TEXT    NOT NULL,
    identity    TEXT    NOT NULL,
    credentials BLOB    NOT NULL,
    created_at  INTEGER NOT NULL
) STRICT;

-- `kinds` and `accounts` are JSON lists; an empty one means all. `columns` is JSON.
CREATE TABLE sheet_mapping (
    id          INTEGER NOT NULL PRIMARY KEY,
    workspace   INTEGER NOT NULL REFERENCES workspace (id),
    connection  INTEGER NOT NULL REFERENCES sheet_connection (id),
    name        TEXT    NOT NULL,
    spreadsheet TEXT    NOT NULL,
    tab         TEXT    NOT NULL,
    kinds       TEXT    NOT NULL,
    accounts    TEXT    NOT NULL,
    columns     TEXT    NOT NULL,
    window_ms   INTEGER,
    paused_at   INTEGER,
    position    INTEGER NOT NULL,
    created_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX sheet_mapping_connection ON sheet_mapping (connection);

-- One row of a sheet for one event: at most one for each event, mapping and destination.
CREATE TABLE sheet_write (
    mapping     INTEGER NOT NULL,
    event       INTEGER NOT NULL,
    destination TEXT    NOT NULL,
    position    INTEGER NOT NULL,
    state       TEXT    NOT NULL,
    cells       TEXT    NOT NULL,
    id_column   INTEGER NOT NULL,
    content     BLOB    NOT NULL,
    company     TEXT    NOT NULL,
    attempts    INTEGER NOT NULL,
    due_at      INTEGER NOT NULL,
    last_error  TEXT    NOT NULL,
    place       TEXT,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    PRIMARY KEY (mapping, event, destination)
) STRICT, WITHOUT ROWID;
CREATE INDEX sheet_write_due ON sheet_write (mapping, state, due_at);
CREATE INDEX sheet_write_order ON sheet_write (mapping, position);
CREATE INDEX sheet_write_content ON sheet_write (mapping, content, created_at);

CREATE TABLE sheet_breaker (
    connection  INTEGER NOT NULL,
    spreadsheet TEXT    NOT NULL,
    breaker     TEXT    NOT NULL,
    changed_at  INTEGER NOT NULL,
    PRIMARY KEY (connection, spreadsheet)
) STRICT, WITHOUT ROWID;
