-- Who said what became of something in the quarantine, when and why: for people who come later.
ALTER TABLE quarantine ADD COLUMN marked_at timestamptz;
ALTER TABLE quarantine ADD COLUMN marked_by text NOT NULL DEFAULT '';
ALTER TABLE quarantine ADD COLUMN note text NOT NULL DEFAULT '';

COMMENT ON COLUMN quarantine.note IS 'Why it was discarded, in the words of whoever did.';

-- Most of what is looked for is still kept; what was replayed or discarded only grows.
CREATE INDEX quarantine_kept ON quarantine (seen_at DESC, id) WHERE state = 'kept';
