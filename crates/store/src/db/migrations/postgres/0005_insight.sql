-- What reading messages leaves behind: threads, what a conversation was about last, conditions of rules,
-- and lists that people edit.

-- One matter of a conversation. `subjects` is a JSON list. Numbers rise within the conversation.
CREATE TABLE thread (
    conversation  BIGINT NOT NULL,
    number        BIGINT NOT NULL,
    opened_at     BIGINT NOT NULL,
    last_at       BIGINT NOT NULL,
    closed_at     BIGINT,
    messages      BIGINT NOT NULL,
    first_message BIGINT NOT NULL,
    last_message  BIGINT NOT NULL,
    subjects      TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (conversation, number)
);

-- The topic a conversation is at, in JSON; it is read when a process meets the conversation first.
CREATE TABLE conversation_topic (
    conversation BIGINT NOT NULL PRIMARY KEY,
    data         TEXT COLLATE "C" NOT NULL
);

-- The thread of a message within its conversation, and what each part did about it.
ALTER TABLE finding ADD COLUMN thread BIGINT;
ALTER TABLE finding ADD COLUMN traces TEXT COLLATE "C";

-- What a message must mean, besides what it must say, for a rule to answer.
ALTER TABLE reply_rule ADD COLUMN conditions TEXT COLLATE "C";

-- Lists that people put in place of those that come with the program.
CREATE TABLE insight_set (
    workspace  BIGINT NOT NULL,
    name       TEXT COLLATE "C" NOT NULL,
    content    TEXT COLLATE "C" NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (workspace, name)
);
