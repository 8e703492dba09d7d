-- What no declared feed sent can fill no disk: of such a row only the first bytes are kept, and of a reason only the newest
-- rows. What a declared feed sent is kept whole and for ever, as before. An older gateway goes on keeping all.
SET LOCAL search_path = center;

ALTER TABLE quarantine ADD COLUMN cut boolean NOT NULL DEFAULT false;  -- raw is only the first of `size` bytes

CREATE INDEX quarantine_unknown ON quarantine (reason, id) WHERE feed_id IS NULL;

-- Bytes that came while their sender was unknown, and come again now that it is declared: the row becomes the feed's.
GRANT UPDATE (feed_id, raw, cut) ON quarantine TO gateway;

-- The gateway may delete these rows and no others, so it gets this instead of DELETE. A bounded number at a time: the
-- messages of the same transaction wait for it. Rows that another gateway counts up right now are left to the next time.
CREATE FUNCTION forget_unknown(reasons text[], keep integer) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = center, pg_temp AS $$
    WITH old AS (
        SELECT beyond.id FROM unnest(reasons) AS r (reason) CROSS JOIN LATERAL (
            SELECT q.id FROM quarantine q WHERE q.feed_id IS NULL AND q.reason = r.reason
            ORDER BY q.id DESC OFFSET keep LIMIT 1000) AS beyond
    ), mine AS (
        SELECT id FROM quarantine WHERE id IN (SELECT id FROM old) AND feed_id IS NULL ORDER BY id FOR UPDATE SKIP LOCKED
    )
    DELETE FROM quarantine WHERE id IN (SELECT id FROM mine)
$$;
REVOKE ALL ON FUNCTION forget_unknown(text[], integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION forget_unknown(text[], integer) TO gateway;
