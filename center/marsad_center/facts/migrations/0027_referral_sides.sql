-- A referral of which both sides tell is one (marsad_center/facts/referral_sides.py): a row of each side says what all
-- statements come to, and one of them counts. Levels are the registry's and read there: from_level and to_level, which
-- nothing filled, stay empty only for as long as a release may be around that writes them.
SET LOCAL search_path = center;

ALTER TABLE referral
    ADD COLUMN origin   text NOT NULL DEFAULT '',        -- the declared facility that refers, where it is known
    ADD COLUMN known_as text[] NOT NULL DEFAULT '{}',    -- tokens, the same in every facility
    ADD COLUMN counted  boolean NOT NULL DEFAULT true;   -- false: another facility's row counts it
CREATE INDEX referral_known_as ON referral USING gin (known_as);

GRANT SELECT (origin, counted) ON referral TO analytics;
REVOKE SELECT (from_level, to_level) ON referral FROM analytics;
