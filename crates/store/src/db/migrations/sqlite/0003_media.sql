-- What was read of files, and what no message needs any more.

-- `same_as` is the first message whose picture looks the same: its own when there is none before it.
-- `tables` and `entities` are JSON. The thumbnail is a JPEG of at most 64 KiB.
CREATE TABLE media_reading (
    message    INTEGER NOT NULL PRIMARY KEY,
    account    INTEGER NOT NULL,
    kind       TEXT    NOT NULL,
    state      TEXT    NOT NULL,
    attempts   INTEGER NOT NULL,
    next_at    INTEGER NOT NULL,
    at         INTEGER NOT NULL,
    same_as    INTEGER NOT NULL,
    truncated  INTEGER NOT NULL,
    text       TEXT    NOT NULL,
    tables     TEXT,
    entities   TEXT,
    language   TEXT,
    confidence INTEGER,
    took_ms    INTEGER,
    width      INTEGER,
    height     INTEGER,
    error      TEXT,
    look       TEXT,
    thumbnail  BLOB
) STRICT;
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
    blob    TEXT    NOT NULL,
    message INTEGER NOT NULL,
    account INTEGER NOT NULL,
    PRIMARY KEY (blob, message)
) STRICT, WITHOUT ROWID;
CREATE INDEX blob_use_message ON blob_use (message);
INSERT INTO blob_use (blob, message, account)
SELECT json_extract(content, '$.file.blob'), id, account FROM message
WHERE direction = 'out' AND json_extract(content, '$.file.blob') IS NOT NULL;
CREATE INDEX media_blob ON media (blob) WHERE blob IS NOT NULL;

-- Files that are to be removed from the folder: noted with the removal of their row, forgotten when
-- they are gone.
CREATE TABLE blob_gone (
    sha256 TEXT NOT NULL PRIMARY KEY
) STRICT;
