-- What figures need beside the facts: which samples of freshness were measured from receipt, and a pulse by which a
-- dashboard knows that analytics still computes (figures that do not change are not written again).
SET LOCAL search_path = center;

-- Of `samples`: events far older than their receipt (a replay or backfill), and events in the future (a clock that is off).
ALTER TABLE freshness
    ADD COLUMN backfilled bigint NOT NULL DEFAULT 0,
    ADD COLUMN skewed     bigint NOT NULL DEFAULT 0;

CREATE TABLE pulse (
    one         boolean PRIMARY KEY DEFAULT true CHECK (one),
    computed_at timestamptz NOT NULL
);
GRANT SELECT, INSERT, UPDATE ON pulse TO analytics;
GRANT SELECT ON pulse TO reader;
