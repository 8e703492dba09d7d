-- What the rules advise, and what people made of it. A rule only opens and closes a recommendation; whatever is done is
-- decided by a person, and recommendation_event keeps who said what and when, for ever.
SET LOCAL search_path = center;

CREATE TABLE recommendation (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    facility  text NOT NULL,
    rule      text NOT NULL,                -- a file of recommendations/definitions
    opened_at timestamptz NOT NULL,
    closed_at timestamptz CHECK (closed_at >= opened_at),
    outcome   text CHECK (outcome IN ('released', 'withdrawn')),  -- the figures came back; or rule or facility is gone
    figures   jsonb NOT NULL,               -- what the rule looked at: thresholds, and values at the opening
    CHECK ((closed_at IS NULL) = (outcome IS NULL))
);
CREATE UNIQUE INDEX recommendation_open ON recommendation (facility, rule) WHERE closed_at IS NULL;
CREATE INDEX recommendation_closed ON recommendation (closed_at) WHERE closed_at IS NOT NULL;

-- Since when the figures have said the opposite of what stands (to open, or to close): a restart must not forget it.
CREATE TABLE recommendation_since (
    facility text NOT NULL,
    rule     text NOT NULL,
    since    timestamptz NOT NULL,
    PRIMARY KEY (facility, rule)
);

-- The audit. `by` is a name that a person typed, `identity` what a trusted proxy said of them (docs/adr).
CREATE TABLE recommendation_event (
    id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    recommendation_id bigint NOT NULL REFERENCES recommendation (id),
    at                timestamptz NOT NULL,
    kind              text NOT NULL CHECK (kind IN ('opened', 'acknowledged', 'acted', 'declined', 'closed')),
    by                text CHECK (char_length(by) BETWEEN 1 AND 100),
    identity          text CHECK (char_length(identity) BETWEEN 1 AND 200),
    note              text NOT NULL DEFAULT '' CHECK (char_length(note) <= 500),
    CHECK ((kind IN ('opened', 'closed')) = (by IS NULL))
);
CREATE INDEX recommendation_event_of ON recommendation_event (recommendation_id);

-- Nobody writes events by hand: opening and closing write their own, in the transaction that opens or closes.
CREATE FUNCTION recommendation_audited() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = center, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND (OLD.closed_at IS NOT NULL OR NEW.closed_at IS NULL
            OR (OLD.id, OLD.facility, OLD.rule, OLD.opened_at, OLD.figures)
               IS DISTINCT FROM (NEW.id, NEW.facility, NEW.rule, NEW.opened_at, NEW.figures)) THEN
        RAISE EXCEPTION 'a recommendation is closed once, and nothing else of it changes'
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    INSERT INTO recommendation_event (recommendation_id, at, kind)
        VALUES (NEW.id, coalesce(NEW.closed_at, NEW.opened_at),
                CASE WHEN NEW.closed_at IS NULL THEN 'opened' ELSE 'closed' END);
    PERFORM pg_notify('recommendations', json_build_object('facilities', json_build_array(NEW.facility))::text);
    RETURN NULL;
END
$$;
CREATE TRIGGER audited AFTER INSERT OR UPDATE ON recommendation FOR EACH ROW EXECUTE FUNCTION recommendation_audited();

-- Not even the owner: whoever wants to forge the past must drop this first, which the server's log keeps.
CREATE FUNCTION recommendation_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is an audit: it is only added to', TG_TABLE_NAME USING ERRCODE = 'object_not_in_prerequisite_state';
END
$$;
CREATE TRIGGER kept BEFORE UPDATE OR DELETE OR TRUNCATE ON recommendation_event
    FOR EACH STATEMENT EXECUTE FUNCTION recommendation_kept();
CREATE TRIGGER kept BEFORE DELETE OR TRUNCATE ON recommendation
    FOR EACH STATEMENT EXECUTE FUNCTION recommendation_kept();

-- A person's answer: the one thing the dashboard may write. Time and facility are the database's to say. Gives 'ok',
-- 'unknown', 'closed' or 'full' (so many answers are no answers, and the table is kept for ever).
CREATE FUNCTION answer_recommendation(recommendation bigint, decision text, by text, identity text, note text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = center, pg_temp AS $$
DECLARE
    standing record;
BEGIN
    IF decision NOT IN ('acknowledged', 'acted', 'declined') OR decision IS NULL THEN
        RAISE EXCEPTION 'a person acknowledges, acts or declines' USING ERRCODE = 'check_violation';
    END IF;
    SELECT r.facility, r.opened_at, r.closed_at INTO standing FROM recommendation r WHERE r.id = recommendation FOR UPDATE;
    IF NOT FOUND THEN
        RETURN 'unknown';
    ELSIF standing.closed_at IS NOT NULL THEN
        RETURN 'closed';
    ELSIF (SELECT count(*) >= 200 FROM recommendation_event e WHERE e.recommendation_id = recommendation) THEN
        RETURN 'full';
    END IF;
    INSERT INTO recommendation_event (recommendation_id, at, kind, by, identity, note)
        VALUES (recommendation, greatest(clock_timestamp(), standing.opened_at), decision, by, identity, coalesce(note, ''));
    PERFORM pg_notify('recommendations', json_build_object('facilities', json_build_array(standing.facility))::text);
    RETURN 'ok';
END
$$;

REVOKE ALL ON FUNCTION recommendation_audited(), recommendation_kept(),
    answer_recommendation(bigint, text, text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION answer_recommendation(bigint, text, text, text, text) TO reader;
GRANT SELECT, INSERT ON recommendation TO analytics;
GRANT UPDATE (closed_at, outcome) ON recommendation TO analytics;
GRANT SELECT, INSERT, UPDATE, DELETE ON recommendation_since TO analytics;
GRANT SELECT ON recommendation, recommendation_event TO reader;
