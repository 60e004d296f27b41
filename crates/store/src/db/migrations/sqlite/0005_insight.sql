-- What reading messages leaves behind: threads, what a conversation was about last, conditions of rules,
-- and lists that people edit.

-- One matter of a conversation. `subjects` is a JSON list. Numbers rise within the conversation.
CREATE TABLE thread (
    conversation  INTEGER NOT NULL,
    number        INTEGER NOT NULL,
    opened_at     INTEGER NOT NULL,
    last_at       INTEGER NOT NULL,
    closed_at     INTEGER,
    messages      INTEGER NOT NULL,
    first_message INTEGER NOT NULL,
    last_message  INTEGER NOT NULL,
    subjects      TEXT NOT NULL,
    PRIMARY KEY (conversation, number)
) STRICT, WITHOUT ROWID;

-- The topic a conversation is at, in JSON; it is read when a process meets the conversation first.
CREATE TABLE conversation_topic (
    conversation INTEGER NOT NULL PRIMARY KEY,
    data         TEXT NOT NULL
) STRICT;

-- The thread of a message within its conversation, and what each part did about it.
ALTER TABLE finding ADD COLUMN thread INTEGER;
ALTER TABLE finding ADD COLUMN traces TEXT;

-- What a message must mean, besides what it must say, for a rule to answer.
ALTER TABLE reply_rule ADD COLUMN conditions TEXT;

-- Lists that people put in place of those that come with the program.
CREATE TABLE insight_set (
    workspace  INTEGER NOT NULL,
    name       TEXT NOT NULL,
    content    TEXT NOT NULL,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (workspace, name)
) STRICT, WITHOUT ROWID;
