-- What is expected: the newest forecast of each figure, and how wrong it was when it was tried on the past. Analytics replaces
-- both together. A facility without forecast has a row in forecast_state that says what is missing, never a made-up line.
SET LOCAL search_path = center;

CREATE TABLE forecast_state (
    facility      text NOT NULL REFERENCES facility (code),
    id            text NOT NULL,                -- forecast.ed.arrivals, forecast.bed.occupancy
    state         text NOT NULL CHECK (state IN ('ok', 'no-data')),
    reason        text CHECK (reason IN ('history', 'stale')),   -- too short, or no message for too long
    history_days  double precision NOT NULL,    -- what there is
    required_days double precision NOT NULL,    -- what it takes
    known_until   timestamptz,                  -- end of the last hour that was used
    made_at       timestamptz NOT NULL,
    PRIMARY KEY (facility, id),
    CHECK ((state = 'no-data') = (reason IS NOT NULL))
);

-- grain hour or day: `at` is where it starts; grain total: the next 24 hours together, from `at`.
CREATE TABLE forecast (
    facility text NOT NULL,
    id       text NOT NULL,
    grain    text NOT NULL CHECK (grain IN ('hour', 'day', 'total')),
    at       timestamptz NOT NULL,
    value    double precision NOT NULL,
    low      double precision NOT NULL,         -- 80 % of past errors lie between low and high
    high     double precision NOT NULL,
    naive    double precision NOT NULL,         -- what the seasonal-naive forecast says: the floor, always shown beside
    PRIMARY KEY (facility, id, grain, at),
    FOREIGN KEY (facility, id) REFERENCES forecast_state ON DELETE CASCADE
);

CREATE TABLE forecast_quality (
    facility   text NOT NULL,
    id         text NOT NULL,
    grain      text NOT NULL CHECK (grain IN ('hour', 'day')),
    model      text NOT NULL,                   -- 'naive' when no model was better
    origins    integer NOT NULL,                -- forecasts that were made of the past
    wape       double precision,                -- sum of absolute errors / sum of actual values; null if those are 0
    naive_wape double precision,
    mase       double precision,                -- mean absolute error / that of the seasonal-naive one within the history
    naive_mase double precision,
    coverage   double precision,                -- share of actual values inside intervals made from earlier errors
    trained_at timestamptz NOT NULL,
    PRIMARY KEY (facility, id, grain),
    FOREIGN KEY (facility, id) REFERENCES forecast_state ON DELETE CASCADE
);

GRANT SELECT, INSERT, UPDATE, DELETE ON forecast_state, forecast, forecast_quality TO analytics;
GRANT SELECT ON forecast_state, forecast, forecast_quality TO reader;
