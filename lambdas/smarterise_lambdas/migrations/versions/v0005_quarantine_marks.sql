-- User, time and reason of a state change of a quarantine entry, for later review.
ALTER TABLE quarantine ADD COLUMN marked_at timestamptz;
ALTER TABLE quarantine ADD COLUMN marked_by text NOT NULL DEFAULT '';
ALTER TABLE quarantine ADD COLUMN note text NOT NULL DEFAULT '';

COMMENT ON COLUMN quarantine.note IS 'Why it was discarded, in the words of whoever did.';

-- Most queries are for entries in state `kept`; the number of replayed and discarded entries only grows.
CREATE INDEX quarantine_kept ON quarantine (seen_at DESC, id) WHERE state = 'kept';
