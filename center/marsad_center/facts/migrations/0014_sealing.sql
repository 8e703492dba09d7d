-- What is received lies sealed by the center's key (marsad_center/keys.py). An older gateway goes on writing in clear,
-- which is read as well; `python -m marsad_center reseal` seals it.
SET LOCAL search_path = center;

ALTER TABLE message ADD COLUMN sealed_with smallint;      -- number of the key; null: raw is in clear
ALTER TABLE quarantine
    ADD COLUMN sealed_with smallint,
    ADD COLUMN replayed_at timestamptz,                   -- when it was taken after all
    ADD COLUMN outcome     text;                          -- stored: it became a message; present: it was one already
GRANT UPDATE (sealed_with, replayed_at, outcome) ON quarantine TO gateway;

-- The gateway cannot take back what it stored; it may only seal it again. The hash stays, and what does not match it is
-- refused when it is opened.
CREATE FUNCTION reseal(ids bigint[], sealed bytea[], with_key smallint) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = center, pg_temp AS $$
    WITH done AS (
        UPDATE message m SET raw = n.raw, sealed_with = with_key FROM unnest(ids, sealed) AS n (id, raw)
        WHERE m.id = n.id AND m.sealed_with IS DISTINCT FROM with_key RETURNING m.id)
    SELECT count(*) FROM done
$$;
REVOKE ALL ON FUNCTION reseal(bigint[], bytea[], smallint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION reseal(bigint[], bytea[], smallint) TO gateway;
