-- The facts of one control center. Everything lives in schema center; times are timestamptz; codes are kept as
-- (system, code, display). No table is ever emptied by a change of the registry: what leaves it becomes inactive.

REVOKE ALL ON SCHEMA public FROM PUBLIC;
CREATE SCHEMA center;
SET LOCAL search_path = center;

CREATE TABLE schema_version (
    version       integer PRIMARY KEY,
    name          text NOT NULL,
    sha256        text NOT NULL,
    breaks_before integer NOT NULL,
    applied_at    timestamptz NOT NULL DEFAULT now()
);

-- ---------------------------------------------------------------- registry: written by the gateway from center.json
CREATE TABLE facility (
    code          text PRIMARY KEY,
    kind          text NOT NULL,
    level         text,
    display_names jsonb NOT NULL DEFAULT '{}',
    latitude      double precision,
    longitude     double precision,
    ed_spaces     integer NOT NULL DEFAULT 0,
    beds          jsonb NOT NULL DEFAULT '{}',   -- {"general": 120, "icu": 20}
    platforms     jsonb NOT NULL DEFAULT '[]',
    active        boolean NOT NULL DEFAULT true,
    updated_at    timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE feed (
    id                  integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    facility            text NOT NULL REFERENCES facility (code),
    name                text NOT NULL,
    sending_application text NOT NULL,   -- MSH-3
    sending_facility    text NOT NULL,   -- MSH-4
    transport           text NOT NULL,
    active              boolean NOT NULL DEFAULT true,
    updated_at          timestamptz NOT NULL DEFAULT now(),
    UNIQUE (facility, name)
);
CREATE UNIQUE INDEX feed_sender ON feed (sending_application, sending_facility) WHERE active;

-- ---------------------------------------------------------------- what was received
-- One row a message of a known sender, for ever under its key; `ack` is what was answered and is answered again.
CREATE TABLE message (
    id                  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    feed_id             integer NOT NULL REFERENCES feed (id),
    facility            text NOT NULL REFERENCES facility (code),
    sending_application text NOT NULL,
    sending_facility    text NOT NULL,
    control_id          text NOT NULL,   -- MSH-10
    sha256              bytea NOT NULL,  -- of raw
    raw                 bytea NOT NULL,  -- between the frame bytes, exactly
    charset             text NOT NULL,   -- the Python codec it was decoded with
    message_type        text NOT NULL,   -- MSH-9.1, such as ADT
    trigger             text NOT NULL,   -- MSH-9.2, such as A01
    event_at            timestamptz,     -- the time of the source event (see gateway/PROFILE.md); null if none is given
    received_at         timestamptz NOT NULL,
    committed_at        timestamptz NOT NULL DEFAULT now(),
    ack_code            text NOT NULL,   -- AA, AE, AR, or CA, CE, CR
    ack                 bytea,           -- the acknowledgement's bytes; null when the sender asked for none
    UNIQUE (sending_application, sending_facility, control_id)
);
CREATE INDEX message_feed_received ON message (feed_id, received_at);

-- What could not be used, with the reason in words. The same bytes with the same reason again only count `times` up, so
-- a sender that retries for ever cannot fill the disk.
CREATE TABLE quarantine (
    id                  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    received_at         timestamptz NOT NULL,
    last_received_at    timestamptz NOT NULL,
    times               bigint NOT NULL DEFAULT 1,
    feed_id             integer REFERENCES feed (id),
    sending_application text,
    sending_facility    text,
    control_id          text,
    reason              text NOT NULL,   -- a word: conflict, unknown-sender, no-header... (gateway/verdict.py)
    detail              text NOT NULL,   -- a sentence
    sha256              bytea NOT NULL,
    raw                 bytea NOT NULL,  -- may be cut (size says how long it was)
    size                bigint NOT NULL,
    ack_code            text,            -- null: the connection was closed without an answer
    peer                text NOT NULL,   -- address of the sender that brought it last
    UNIQUE (reason, sha256)
);
CREATE INDEX quarantine_received ON quarantine (received_at);

-- Number of the last committed batch of each gateway process. When a connection breaks during COMMIT, the process looks here
-- after it has reconnected: the only way to know what became of the transaction, on a promoted replica too.
CREATE TABLE gateway_commit (
    instance     uuid PRIMARY KEY,
    batch        bigint NOT NULL,
    committed_at timestamptz NOT NULL
) WITH (fillfactor = 50);

-- received = accepted + rejected + duplicate; quarantined counts those of rejected that went to quarantine.
CREATE TABLE feed_counter (
    feed_id          integer PRIMARY KEY REFERENCES feed (id),
    received         bigint NOT NULL DEFAULT 0,
    accepted         bigint NOT NULL DEFAULT 0,
    rejected         bigint NOT NULL DEFAULT 0,
    duplicate        bigint NOT NULL DEFAULT 0,
    quarantined      bigint NOT NULL DEFAULT 0,
    last_event_at    timestamptz,        -- newest source event that was accepted
    last_received_at timestamptz         -- newest message of any kind
) WITH (fillfactor = 50);                -- one hot row a feed: leave room for updates in place

-- ---------------------------------------------------------------- facts
-- The log of what happened to a visit, by the time it happened at; encounter is derived from it and from nothing else.
CREATE TABLE movement (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message_id     bigint NOT NULL REFERENCES message (id),
    facility       text NOT NULL REFERENCES facility (code),
    visit_key      text NOT NULL,
    patient_key    text NOT NULL DEFAULT '',
    event          text NOT NULL,        -- A01, A02, A03, A04, A05, A06, A07, A08, A11, A12, A13
    event_at       timestamptz NOT NULL,
    received_at    timestamptz NOT NULL,
    movement_key   text,                 -- ZBE-1
    action         text NOT NULL,        -- insert, update, cancel
    class          text,                 -- PV1-2, one letter: E emergency, I inpatient, O outpatient...
    point_of_care  text,                 -- PV1-3.1
    room           text,                 -- PV1-3.2
    bed            text,                 -- PV1-3.3
    arrived_at     timestamptz,          -- PV1-44
    discharged_at  timestamptz,          -- PV1-45
    disposition    text,                 -- PV1-36
    triage_level   smallint CHECK (triage_level BETWEEN 1 AND 5),
    triaged_at     timestamptz,
    seen_at        timestamptz,          -- first contact with a physician
    cancelled_by   bigint REFERENCES movement (id)   -- as the last derivation found it
);
CREATE INDEX movement_visit ON movement (facility, visit_key);
CREATE INDEX movement_message ON movement (message_id);

-- One row a visit. in_ed: is in the emergency department now (also when admitted and still boarding there).
CREATE TABLE encounter (
    id             bigint GENERATED ALWAYS AS IDENTITY,
    facility       text NOT NULL REFERENCES facility (code),
    visit_key      text NOT NULL,
    patient_key    text NOT NULL DEFAULT '',
    class          text NOT NULL,        -- E, I, O, P...; U unknown
    state          text NOT NULL CHECK (state IN ('expected', 'present', 'departed', 'cancelled')),
    in_ed          boolean NOT NULL,
    triage_level   smallint CHECK (triage_level BETWEEN 1 AND 5),
    point_of_care  text,
    room           text,
    bed            text,
    arrived_at     timestamptz,          -- first arrival of any class
    ed_arrived_at  timestamptz,          -- null: never was in the emergency department
    triaged_at     timestamptz,
    seen_at        timestamptz,          -- first contact with a physician
    admitted_at    timestamptz,          -- became an inpatient
    ed_departed_at timestamptz,          -- left the emergency department: discharged, or moved to a ward
    discharged_at  timestamptz,
    disposition    text,
    source_at      timestamptz NOT NULL, -- newest event it includes
    updated_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (facility, visit_key)
);
CREATE INDEX encounter_present ON encounter (facility) WHERE state = 'present';
CREATE INDEX encounter_ed_arrived ON encounter (facility, ed_arrived_at) WHERE ed_arrived_at IS NOT NULL AND state <> 'cancelled';
CREATE INDEX encounter_discharged ON encounter (facility, discharged_at) WHERE discharged_at IS NOT NULL;
CREATE INDEX encounter_patient ON encounter (facility, patient_key);

CREATE TABLE patient_merge (
    facility   text NOT NULL REFERENCES facility (code),
    merged     text NOT NULL,            -- MRG-1, the key that goes
    survivor   text NOT NULL,            -- PID-3, the key that stays
    event_at   timestamptz NOT NULL,
    message_id bigint NOT NULL REFERENCES message (id),
    PRIMARY KEY (facility, merged)
);

-- One row an order (an OBR). order_key: the placer's number, else the filler's.
CREATE TABLE clinical_order (
    id           bigint GENERATED ALWAYS AS IDENTITY,
    facility     text NOT NULL REFERENCES facility (code),
    order_key    text NOT NULL,
    placer       text NOT NULL DEFAULT '',
    filler       text NOT NULL DEFAULT '',
    visit_key    text NOT NULL DEFAULT '',
    kind         text NOT NULL CHECK (kind IN ('lab', 'radiology', 'other')),
    kind_stated  boolean NOT NULL DEFAULT false,  -- by OBR-24; else guessed from the words of the code
    code_system  text NOT NULL DEFAULT '',
    code         text NOT NULL DEFAULT '',
    display      text NOT NULL DEFAULT '',
    ordered_at   timestamptz,            -- earliest time any message gives for the request
    resulted_at  timestamptz,            -- earliest final (or corrected) result
    cancelled_at timestamptz,
    source_at    timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (facility, order_key)
);
CREATE INDEX clinical_order_resulted ON clinical_order (facility, kind, resulted_at);
CREATE INDEX clinical_order_filler ON clinical_order (facility, filler) WHERE filler <> '';

-- ---------------------------------------------------------------- figures: written by analytics
-- facility '' is the whole cluster. value null with status 'no-data' means not enough data; it is never 0 instead.
CREATE TABLE indicator_value (
    id             text NOT NULL,
    facility       text NOT NULL DEFAULT '',
    value          double precision,
    unit           text NOT NULL,
    numerator      double precision,
    denominator    double precision,
    window_seconds double precision,
    target         double precision,
    status         text NOT NULL,
    breakdown      jsonb,
    source_at      timestamptz,
    computed_at    timestamptz NOT NULL,
    PRIMARY KEY (id, facility)
);

-- Events that are committed as facts and not yet in a computed figure: the gateway inserts one row an accepted message in
-- its own transaction; analytics deletes them in the transaction that writes the figures and counts the age of each
-- (computation time - event_at) into freshness. An outbox, so nothing is missed or counted twice.
CREATE TABLE unmeasured (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    feed_id     integer NOT NULL REFERENCES feed (id),
    facility    text NOT NULL,
    event_at    timestamptz NOT NULL,
    received_at timestamptz NOT NULL
);

-- Histogram of freshness a feed and minute: samples whose age was at most upper_seconds (and above the next lower bucket).
CREATE TABLE freshness (
    feed_id       integer NOT NULL REFERENCES feed (id),
    minute        timestamptz NOT NULL,
    upper_seconds double precision NOT NULL,
    samples       bigint NOT NULL,
    max_seconds   double precision NOT NULL,
    PRIMARY KEY (feed_id, minute, upper_seconds)
);
CREATE INDEX freshness_minute ON freshness (minute);
