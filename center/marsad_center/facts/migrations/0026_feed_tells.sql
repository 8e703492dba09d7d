-- Of which kinds of facts a feed ever told (facts/kinds.py has the bits), so that a live laboratory does not pass for a silent
-- hospital system beside it. Null: not known, as for a feed that was last heard by an older gateway; it may tell of all.
SET LOCAL search_path = center;

ALTER TABLE feed_counter ADD COLUMN tells integer;
