-- Turns of conversations that were put off, to be found in their order.

-- `conversation` is set where the message's turn in it is still to be found: what follows there waits for
-- it. `at` never falls from row to row. What was put off before knows nothing of turns.
ALTER TABLE deferred ADD COLUMN conversation INTEGER;
ALTER TABLE deferred ADD COLUMN seq INTEGER NOT NULL DEFAULT 0;
UPDATE deferred SET seq = coalesce((SELECT seq FROM message WHERE message.id = deferred.message), 0);
DROP INDEX deferred_oldest;
CREATE INDEX deferred_oldest ON deferred (at, seq);
CREATE INDEX deferred_turn ON deferred (conversation) WHERE conversation IS NOT NULL;
