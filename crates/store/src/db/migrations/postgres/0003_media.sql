-- What was read of files, and what no message needs any more.

-- `same_as` is the first message whose picture looks the same: its own when there is none before it.
-- `tables` and `entities` are JSON. The thumbnail is a JPEG of at most 64 KiB.
CREATE TABLE media_reading (
    message    BIGINT NOT NULL PRIMARY KEY,
    account    BIGINT NOT NULL,
    kind       TEXT COLLATE "C" NOT NULL,
    state      TEXT COLLATE "C" NOT NULL,
    attempts   BIGINT NOT NULL,
    next_at    BIGINT NOT NULL,
    at         BIGINT NOT NULL,
    same_as    BIGINT NOT NULL,
    truncated  BIGINT NOT NULL,
    text       TEXT COLLATE "C" NOT NULL,
    tables     TEXT COLLATE "C",
    entities   TEXT COLLATE "C",
    language   TEXT COLLATE "C",
    confidence BIGINT,
    took_ms    BIGINT,
    width      BIGINT,
    height     BIGINT,
    error      TEXT COLLATE "C",
    look       TEXT COLLATE "C",
    thumbnail  BYTEA
);
CREATE INDEX media_reading_due ON media_reading (next_at) WHERE state = 'pending';
CREATE INDEX media_reading_same ON media_reading (same_as, message);
CREATE INDEX media_reading_account ON media_reading (account, message);

-- Files that have come already are read too.
INSERT INTO media_reading (message, account, kind, state, attempts, next_at, at, same_as, truncated, text)
SELECT f.message, f.account,
    CASE f.kind WHEN 'image' THEN 'picture' WHEN 'sticker' THEN 'picture'
        WHEN 'document' THEN 'document' ELSE 'audio' END,
    'pending', 0, 0, 0, f.message, 0, ''
FROM media f WHERE f.state = 'stored' AND f.kind <> 'video';

-- Which of our own messages need a stored file. Files that came are named by `media.blob`.
CREATE TABLE blob_use (
    blob    TEXT COLLATE "C" NOT NULL,
    message BIGINT NOT NULL,
    account BIGINT NOT NULL,
    PRIMARY KEY (blob, message)
);
CREATE INDEX blob_use_message ON blob_use (message);
INSERT INTO blob_use (blob, message, account)
SELECT content::json #>> '{file,blob}', id, account FROM message
WHERE direction = 'out' AND content::json #>> '{file,blob}' IS NOT NULL;
CREATE INDEX media_blob ON media (blob) WHERE blob IS NOT NULL;

-- Files that are to be removed from the folder: noted with the removal of their row, forgotten when
-- they are gone.
CREATE TABLE blob_gone (
    sha256 TEXT COLLATE "C" NOT NULL PRIMARY KEY
);
