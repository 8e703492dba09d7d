-- What was said is put right or taken back: what is kept beside a fact so that the newest word holds in any order.
SET LOCAL search_path = center;

-- What was recorded in error did not happen (FHIR: entered-in-error).
ALTER TABLE contact ADD COLUMN deleted_at timestamptz;

-- Which of the moments of a visit are not told again but put right, or (without a value) taken back: OBX-11 C, D.
ALTER TABLE movement ADD COLUMN corrects text;

-- ---------------------------------------------------------------- orders (facts/order_moments.py)
ALTER TABLE clinical_order
    ADD COLUMN ordered_said_at timestamptz,  -- when the newest request said ordered_at; null: the earliest that anything gives
    ADD COLUMN placed_at       timestamptz,  -- when it was last said that the order stands
    ADD COLUMN withdrawn_at    timestamptz,  -- when it was last said that it does not; the newer of the two holds
    ADD COLUMN results         text;         -- null: resulted_at is the only result; else each, source|said|resulted

-- plpgsql: a function of SQL would be read by the planner with each batch, and hardly any batch calls one.
CREATE FUNCTION results_said(results text, resulted_at timestamptz) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT coalesce(results, '|' || at || '|' || at, '')
      FROM (SELECT to_char(resulted_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US') AS at) AS t);
END
$$;

-- 200 of them are more than any order has, and bound the row: of very many the first stay, in whatever order they come.
CREATE FUNCTION results_united(a text, b text) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT CASE WHEN count(*) > 1 OR min(one) !~ '^[|][^|]+[|][^|]+$' THEN string_agg(one, ' ' ORDER BY one) END
      FROM (SELECT DISTINCT each COLLATE "C" AS one
              FROM unnest(string_to_array(a, ' ') || string_to_array(b, ' ')) AS each ORDER BY 1 LIMIT 200) AS s);
END
$$;

-- The earliest result that its source did not take back afterwards.
CREATE FUNCTION results_first(results text) RETURNS timestamptz LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT min(part[3])::timestamp AT TIME ZONE 'UTC'
      FROM (SELECT part, max(part[2] COLLATE "C") FILTER (WHERE part[3] = '') OVER (PARTITION BY part[1]) AS gone
              FROM (SELECT string_to_array(each, '|') AS part
                      FROM unnest(string_to_array(results, ' ')) AS each) AS p) AS s
     WHERE part[3] <> '' AND (gone IS NULL OR part[2] COLLATE "C" > gone));
END
$$;
