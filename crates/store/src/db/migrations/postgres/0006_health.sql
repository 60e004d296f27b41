-- How accounts do, and which process the database belongs to. Times are UTC milliseconds.

-- What was counted of an account's work, by the hour.
CREATE TABLE health_tally (
    account         BIGINT NOT NULL,
    slice           BIGINT NOT NULL,
    attempts        BIGINT NOT NULL,
    attempts_failed BIGINT NOT NULL,
    messages        BIGINT NOT NULL,
    messages_lost   BIGINT NOT NULL,
    responses       BIGINT NOT NULL,
    responses_ms    BIGINT NOT NULL,
    PRIMARY KEY (account, slice)
);
CREATE INDEX health_tally_slice ON health_tally (slice);

-- Scores as they were computed. `points` is a JSON list with the points of each factor, heaviest
-- first; null where nothing was known.
CREATE TABLE health (
    account BIGINT NOT NULL,
    at      BIGINT NOT NULL,
    score   BIGINT NOT NULL,
    rating  TEXT COLLATE "C" NOT NULL,
    points  TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (account, at)
);
CREATE INDEX health_at ON health (at);

-- Messages that parts did not read because the machine was overloaded; they are read again later.
CREATE TABLE deferred (
    message BIGINT NOT NULL PRIMARY KEY,
    account BIGINT NOT NULL,
    at      BIGINT NOT NULL
);
CREATE INDEX deferred_oldest ON deferred (at, message);

-- Which process the database belongs to: one row. `epoch` counts the takings; `beat_at` is when the
-- owner last said that it lives, by the database's clock.
CREATE TABLE store_owner (
    place   BIGINT NOT NULL PRIMARY KEY CHECK (place = 1),
    epoch   BIGINT NOT NULL,
    holder  TEXT COLLATE "C" NOT NULL,
    beat_at BIGINT NOT NULL
);
INSERT INTO store_owner (place, epoch, holder, beat_at) VALUES (1, 0, '', 0);

CREATE FUNCTION account_gone_health() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM health_tally WHERE account = old.id;
    DELETE FROM health WHERE account = old.id;
    DELETE FROM deferred WHERE account = old.id;
    RETURN NULL;
END $$;
CREATE TRIGGER account_gone_health AFTER DELETE ON account
    FOR EACH ROW EXECUTE FUNCTION account_gone_health();
