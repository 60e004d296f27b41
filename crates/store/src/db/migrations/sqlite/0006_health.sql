-- How accounts do, and which process the database belongs to. Times are UTC milliseconds.

-- What was counted of an account's work, by the hour.
CREATE TABLE health_tally (
    account         INTEGER NOT NULL,
    slice           INTEGER NOT NULL,
    attempts        INTEGER NOT NULL,
    attempts_failed INTEGER NOT NULL,
    messages        INTEGER NOT NULL,
    messages_lost   INTEGER NOT NULL,
    responses       INTEGER NOT NULL,
    responses_ms    INTEGER NOT NULL,
    PRIMARY KEY (account, slice)
) STRICT, WITHOUT ROWID;
CREATE INDEX health_tally_slice ON health_tally (slice);

-- Scores as they were computed. `points` is a JSON list with the points of each factor, heaviest
-- first; null where nothing was known.
CREATE TABLE health (
    account INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    score   INTEGER NOT NULL,
    rating  TEXT    NOT NULL,
    points  TEXT    NOT NULL,
    PRIMARY KEY (account, at)
) STRICT, WITHOUT ROWID;
CREATE INDEX health_at ON health (at);

-- Messages that parts did not read because the machine was overloaded; they are read again later.
CREATE TABLE deferred (
    message INTEGER NOT NULL PRIMARY KEY,
    account INTEGER NOT NULL,
    at      INTEGER NOT NULL
) STRICT;
CREATE INDEX deferred_oldest ON deferred (at, message);

-- Which process the database belongs to: one row. `epoch` counts the takings; `beat_at` is when the
-- owner last said that it lives, by the database's clock.
CREATE TABLE store_owner (
    place   INTEGER NOT NULL PRIMARY KEY CHECK (place = 1),
    epoch   INTEGER NOT NULL,
    holder  TEXT    NOT NULL,
    beat_at INTEGER NOT NULL
) STRICT;
INSERT INTO store_owner (place, epoch, holder, beat_at) VALUES (1, 0, '', 0);

CREATE TRIGGER account_gone_health AFTER DELETE ON account
BEGIN
    DELETE FROM health_tally WHERE account = old.id;
    DELETE FROM health WHERE account = old.id;
    DELETE FROM deferred WHERE account = old.id;
END;
