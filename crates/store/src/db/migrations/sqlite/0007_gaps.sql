-- Messages that never came: one row per hole, numbered within its account. `body` is the engine's
-- record of it in JSON; the columns beside it are what is listed and summed.
CREATE TABLE gap (
    account  INTEGER NOT NULL,
    number   INTEGER NOT NULL,
    key      TEXT NOT NULL,
    state    TEXT NOT NULL,
    missing  INTEGER NOT NULL,
    filled   INTEGER NOT NULL,
    found_at INTEGER NOT NULL,
    body     TEXT NOT NULL,
    PRIMARY KEY (account, number)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX gap_key ON gap (account, key);
CREATE INDEX gap_missing ON gap (account) WHERE missing > 0;
CREATE TRIGGER account_gone_gap AFTER DELETE ON account BEGIN
    DELETE FROM gap WHERE account = old.id;
END;

-- Messages that nobody could read, to be asked for again after a restart.
CREATE INDEX message_unreadable ON message (account, seq) WHERE kind = 'placeholder';
