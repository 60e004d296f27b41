-- Rows for spreadsheets: who writes, what becomes a row, and how far each row has come.
-- Times are UTC milliseconds, ids 63-bit integers, JSON is TEXT, hashes and sealed values are BYTEA.

CREATE TABLE sheet_connection (
    id BIGINT NOT NULL PRIMARY KEY,
    workspace BIGINT NOT NULL REFERENCES workspace (id),
    name TEXT COLLATE "C" NOT NULL,
    identity TEXT COLLATE "C" NOT NULL,
    credentials BYTEA NOT NULL,
    created_at BIGINT NOT NULL
);

-- `kinds` and `accounts` are JSON lists; an empty one means all. `columns` is JSON.
CREATE TABLE sheet_mapping (
    id BIGINT NOT NULL PRIMARY KEY,
    workspace BIGINT NOT NULL REFERENCES workspace (id),
    connection BIGINT NOT NULL REFERENCES sheet_connection (id),
    name TEXT COLLATE "C" NOT NULL,
    spreadsheet TEXT COLLATE "C" NOT NULL,
    tab TEXT COLLATE "C" NOT NULL,
    kinds TEXT COLLATE "C" NOT NULL,
    accounts TEXT COLLATE "C" NOT NULL,
    columns TEXT COLLATE "C" NOT NULL,
    window_ms BIGINT,
    paused_at BIGINT,
    position BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX sheet_mapping_connection ON sheet_mapping (connection);

-- One row of a sheet for one event: at most one for each event, mapping and destination.
CREATE TABLE sheet_write (
    mapping BIGINT NOT NULL,
    event BIGINT NOT NULL,
    destination TEXT COLLATE "C" NOT NULL,
    position BIGINT NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    cells TEXT COLLATE "C" NOT NULL,
    id_column BIGINT NOT NULL,
    content BYTEA NOT NULL,
    company TEXT COLLATE "C" NOT NULL,
    attempts BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    last_error TEXT COLLATE "C" NOT NULL,
    place TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (mapping, event, destination)
);
CREATE INDEX sheet_write_due ON sheet_write (mapping, state, due_at);
CREATE INDEX sheet_write_order ON sheet_write (mapping, position);
CREATE INDEX sheet_write_content ON sheet_write (mapping, content, created_at);

CREATE TABLE sheet_breaker (
    connection BIGINT NOT NULL,
    spreadsheet TEXT COLLATE "C" NOT NULL,
    breaker TEXT COLLATE "C" NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (connection, spreadsheet)
);
