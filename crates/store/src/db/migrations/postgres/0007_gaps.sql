-- Messages that never came: one row per hole, numbered within its account. `body` is the engine's
-- record of it in JSON; the columns beside it are what is listed and summed.
CREATE TABLE gap (
    account  BIGINT NOT NULL,
    number   BIGINT NOT NULL,
    key      TEXT COLLATE "C" NOT NULL,
    state    TEXT COLLATE "C" NOT NULL,
    missing  BIGINT NOT NULL,
    filled   BIGINT NOT NULL,
    found_at BIGINT NOT NULL,
    body     TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (account, number)
);
CREATE UNIQUE INDEX gap_key ON gap (account, key);
CREATE INDEX gap_missing ON gap (account) WHERE missing > 0;
CREATE FUNCTION account_gone_gap() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM gap WHERE account = old.id;
    RETURN NULL;
END $$;
CREATE TRIGGER account_gone_gap AFTER DELETE ON account
    FOR EACH ROW EXECUTE FUNCTION account_gone_gap();

-- Messages that nobody could read, to be asked for again after a restart.
CREATE INDEX message_unreadable ON message (account, seq) WHERE kind = 'placeholder';
