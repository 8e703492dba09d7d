-- A code map says what the registry says: a mapping that was taken back is gone, and a code that is mapped now is not
-- unmapped any more. Neither table is a fact; an older gateway writes neither.
SET LOCAL search_path = center;

GRANT DELETE ON code_map, unmapped_code TO gateway;

-- A bed is spoken of for years: only what was said since its present state began is read again.
DROP INDEX statement_thing;
CREATE INDEX statement_thing ON statement (facility, kind, key, event_at);
