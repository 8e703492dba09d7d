-- Figures say how good their data are and what they are made of, and their history is kept: a value a minute for a week, an
-- hour for a year, a day for ten. The series are partitioned by time, so what is too old is dropped and never deleted.
-- An older analytics writes neither details nor history.
SET LOCAL search_path = center;

-- Beside indicator_value and not in it: an older dashboard reads all columns of that, and takes no more than it knows.
CREATE TABLE indicator_detail (
    id         text NOT NULL,
    facility   text NOT NULL,
    quality    double precision,         -- share of the feeds it is made from that bring nothing; null without a feed
    dimensions jsonb,                    -- {"triage": {"2": [value, numerator, denominator]}}; null where it has none
    PRIMARY KEY (id, facility)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON indicator_detail TO analytics;
GRANT SELECT ON indicator_detail TO reader;

-- ---------------------------------------------------------------- what windows are read by
-- Partial, and on what changes once in a visit (no updates of triage or place): the gateway pays for each.
CREATE INDEX encounter_ed_departed ON encounter (facility, ed_departed_at)
    WHERE ed_departed_at IS NOT NULL AND state <> 'cancelled';
CREATE INDEX encounter_decided ON encounter (facility, decided_at) WHERE decided_at IS NOT NULL AND state <> 'cancelled';
CREATE INDEX encounter_inpatients ON encounter (facility, discharged_at) INCLUDE (admitted_at, specialty)
    WHERE state = 'departed' AND admitted_at IS NOT NULL;
CREATE INDEX encounter_consulted ON encounter (facility, arrived_at) WHERE ed_arrived_at IS NULL;
CREATE INDEX statement_bed ON statement (facility, event_at) WHERE kind = 'bed';

-- How a bed's status went on: of the log of statements the only part that figures need, and nothing of a patient.
CREATE VIEW bed_status AS
    SELECT id, facility, key AS bed, event_at AS at, received_at, status FROM statement
    WHERE kind = 'bed' AND status IS NOT NULL;
GRANT SELECT ON bed_status TO analytics;

-- ---------------------------------------------------------------- history
-- The value that was shown, not what a late message makes of it afterwards. Nothing is kept where there was not enough data.
CREATE TABLE series_minute (
    id       text NOT NULL,
    facility text NOT NULL,              -- '' is the whole cluster
    at       timestamptz NOT NULL,       -- start of the minute
    value    double precision NOT NULL,
    PRIMARY KEY (id, facility, at)
) PARTITION BY RANGE (at);

CREATE TABLE series_hour (
    id       text NOT NULL,
    facility text NOT NULL,
    at       timestamptz NOT NULL,       -- start of the hour
    value    double precision NOT NULL,  -- the last
    low      double precision NOT NULL,
    high     double precision NOT NULL,
    mean     double precision NOT NULL,  -- of the minutes that have a value
    samples  integer NOT NULL,           -- how many minutes those are
    PRIMARY KEY (id, facility, at)
) PARTITION BY RANGE (at);

CREATE TABLE series_day (LIKE series_hour INCLUDING ALL) PARTITION BY RANGE (at);  -- of the center's time zone

-- Up to when minutes were made into hours, and hours into days.
CREATE TABLE series_rolled (
    series text PRIMARY KEY CHECK (series IN ('hour', 'day')),
    until  timestamptz NOT NULL
);

-- Analytics owns no table, so it gets this instead: partitions of the three series, made ahead and dropped when they are
-- wholly older than what is kept, and of no other table. Neither a wrong clock nor a wrong argument drops what is younger
-- than a day, two months or two years by the server's own clock.
CREATE FUNCTION keep_series(moment timestamptz, minute_days integer, hour_days integer, day_days integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = center, pg_temp SET lock_timeout = '2s' SET timezone = 'UTC' AS $$
DECLARE
    series record;
    first  timestamptz;
    past   text;
    part   text;
    done   integer := 0;
BEGIN
    FOR series IN
        SELECT * FROM (VALUES
            ('series_minute', 'day',   'YYYYMMDD', interval '1 day',   3, greatest(minute_days, 1)),
            ('series_hour',   'month', 'YYYYMM',   interval '1 month', 1, greatest(hour_days, 62)),
            ('series_day',    'year',  'YYYY',     interval '1 year',  1, greatest(day_days, 731))
        ) AS s (parent, unit, suffix, width, ahead, days)
    LOOP
        FOR step IN 0..series.ahead LOOP
            first := date_trunc(series.unit, moment) + step * series.width;
            part := series.parent || '_' || to_char(first, series.suffix);
            CONTINUE WHEN to_regclass('center.' || part) IS NOT NULL;
            -- Made alone and then attached: that way readers of the series go on.
            EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', part, series.parent);
            EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                           series.parent, part, first, first + series.width);
            done := done + 1;
        END LOOP;
        FOR past IN
            SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
            WHERE i.inhparent = ('center.' || series.parent)::regclass
        LOOP
            first := to_timestamp(substr(past, length(series.parent) + 2), series.suffix);
            CONTINUE WHEN first + series.width > least(moment, clock_timestamp()) - make_interval(days => series.days);
            EXECUTE format('DROP TABLE %I', past);
            done := done + 1;
        END LOOP;
    END LOOP;
    RETURN done;
END
$$;
REVOKE ALL ON FUNCTION keep_series(timestamptz, integer, integer, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION keep_series(timestamptz, integer, integer, integer) TO analytics;
GRANT SELECT, INSERT, UPDATE ON series_minute, series_hour, series_day, series_rolled TO analytics;
GRANT SELECT ON series_minute, series_hour, series_day, series_rolled TO reader;
