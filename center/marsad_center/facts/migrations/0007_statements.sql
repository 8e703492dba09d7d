-- Everything beside visits and orders: appointments, referrals, prescriptions, vaccinations, documents, beds, diagnoses, and
-- what contact centers and decision support report. `statement` is the log, as `movement` is that of visits; the other
-- tables are derived from it by event time and from nothing else (facts/statements.py). An older gateway writes none of it.
SET LOCAL search_path = center;

-- ---------------------------------------------------------------- visits say more
ALTER TABLE movement
    ADD COLUMN specialty    text,          -- PV1-10, the hospital service
    ADD COLUMN decided_at   timestamptz,   -- decision to admit
    ADD COLUMN offloaded_at timestamptz,   -- taken over from the ambulance
    ADD COLUMN arrival_mode text,          -- ambulance, or the sender's word
    ADD COLUMN ventilated   boolean;
ALTER TABLE encounter
    ADD COLUMN specialty    text,
    ADD COLUMN decided_at   timestamptz,
    ADD COLUMN bedded_at    timestamptz,   -- first room or bed in the emergency department
    ADD COLUMN offloaded_at timestamptz,
    ADD COLUMN arrival_mode text,
    ADD COLUMN ventilated   boolean NOT NULL DEFAULT false;

-- ---------------------------------------------------------------- the log
CREATE TABLE statement (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message_id  bigint NOT NULL,
    facility    text NOT NULL,
    kind        text NOT NULL,        -- the KIND of a class in facts/events.py
    key         text NOT NULL,
    event_at    timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    status      text,
    patient_key text,
    visit_key   text,
    body        jsonb NOT NULL DEFAULT '{}'   -- the other fields of the class that say something
);
CREATE INDEX statement_thing ON statement (facility, kind, key);
CREATE INDEX statement_message ON statement (message_id);

-- ---------------------------------------------------------------- what it comes to
-- STATE_at is when a thing first entered that state, by event time; status is the state it is in.
CREATE TABLE appointment (
    facility          text NOT NULL,
    key               text NOT NULL,
    patient_key       text NOT NULL DEFAULT '',
    visit_key         text NOT NULL DEFAULT '',
    status            text,
    starts_at         timestamptz,
    specialty_system  text NOT NULL DEFAULT '',
    specialty_code    text NOT NULL DEFAULT '',
    specialty_display text NOT NULL DEFAULT '',
    virtual           boolean NOT NULL DEFAULT false,
    booked_at         timestamptz,
    arrived_at        timestamptz,
    completed_at      timestamptz,
    cancelled_at      timestamptz,
    no_show_at        timestamptz,
    source_at         timestamptz NOT NULL,
    updated_at        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (facility, key)
);
CREATE INDEX appointment_starts ON appointment (facility, starts_at);

CREATE TABLE referral (
    facility          text NOT NULL,   -- whose feed told of it
    key               text NOT NULL,
    patient_key       text NOT NULL DEFAULT '',
    visit_key         text NOT NULL DEFAULT '',
    status            text,
    from_facility     text NOT NULL DEFAULT '',
    to_facility       text NOT NULL DEFAULT '',
    from_level        text NOT NULL DEFAULT '',
    to_level          text NOT NULL DEFAULT '',
    specialty_system  text NOT NULL DEFAULT '',
    specialty_code    text NOT NULL DEFAULT '',
    specialty_display text NOT NULL DEFAULT '',
    urgency           text NOT NULL DEFAULT '',
    refusal           text NOT NULL DEFAULT '',
    submitted_at      timestamptz,
    accepted_at       timestamptz,
    refused_at        timestamptz,
    seen_at           timestamptz,
    reported_at       timestamptz,
    cancelled_at      timestamptz,
    source_at         timestamptz NOT NULL,
    updated_at        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (facility, key)
);
CREATE INDEX referral_submitted ON referral (facility, submitted_at);

CREATE TABLE prescription (
    facility           text NOT NULL,
    key                text NOT NULL,
    patient_key        text NOT NULL DEFAULT '',
    visit_key          text NOT NULL DEFAULT '',
    status             text,
    medication_system  text NOT NULL DEFAULT '',
    medication_code    text NOT NULL DEFAULT '',
    medication_display text NOT NULL DEFAULT '',
    issued_at          timestamptz,
    dispensed_at       timestamptz,
    cancelled_at       timestamptz,
    source_at          timestamptz NOT NULL,
    updated_at         timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (facility, key)
);
CREATE INDEX prescription_issued ON prescription (facility, issued_at);

CREATE TABLE vaccination (
    facility        text NOT NULL,
    key             text NOT NULL,
    patient_key     text NOT NULL DEFAULT '',
    visit_key       text NOT NULL DEFAULT '',
    status          text,
    vaccine_system  text NOT NULL DEFAULT '',
    vaccine_code    text NOT NULL DEFAULT '',
    vaccine_display text NOT NULL DEFAULT '',
    dose            text NOT NULL DEFAULT '',
    given_at        timestamptz,
    refused_at      timestamptz,
    deleted_at      timestamptz,
    source_at       timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (facility, key)
);
CREATE INDEX vaccination_given ON vaccination (facility, given_at);

CREATE TABLE document (
    facility         text NOT NULL,
    key              text NOT NULL,
    patient_key      text NOT NULL DEFAULT '',
    visit_key        text NOT NULL DEFAULT '',
    status           text,
    category_system  text NOT NULL DEFAULT '',
    category_code    text NOT NULL DEFAULT '',
    category_display text NOT NULL DEFAULT '',
    created_at       timestamptz,
    final_at         timestamptz,
    replaced_at      timestamptz,
    cancelled_at     timestamptz,
    source_at        timestamptz NOT NULL,
    updated_at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (facility, key)
);

CREATE TABLE bed (
    facility    text NOT NULL,
    key         text NOT NULL,          -- point of care^room^bed
    patient_key text NOT NULL DEFAULT '',
    visit_key   text NOT NULL DEFAULT '',
    status      text,
    since       timestamptz,            -- in this state since
    source_at   timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (facility, key)
);

CREATE TABLE diagnosis (
    facility          text NOT NULL,
    key               text NOT NULL,
    patient_key       text NOT NULL DEFAULT '',
    visit_key         text NOT NULL DEFAULT '',
    status            text,
    diagnosis_system  text NOT NULL DEFAULT '',
    diagnosis_code    text NOT NULL DEFAULT '',
    diagnosis_display text NOT NULL DEFAULT '',
    role              text NOT NULL DEFAULT '',
    stated_at         timestamptz,
    deleted_at        timestamptz,
    source_at         timestamptz NOT NULL,
    updated_at        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (facility, key)
);

CREATE TABLE contact (
    facility      text NOT NULL,
    key           text NOT NULL,
    patient_key   text NOT NULL DEFAULT '',
    visit_key     text NOT NULL DEFAULT '',
    status        text,
    topic_system  text NOT NULL DEFAULT '',
    topic_code    text NOT NULL DEFAULT '',
    topic_display text NOT NULL DEFAULT '',
    medium        text NOT NULL DEFAULT '',
    open_at       timestamptz,
    answered_at   timestamptz,
    completed_at  timestamptz,
    abandoned_at  timestamptz,
    source_at     timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (facility, key)
);

CREATE TABLE guidance (
    facility       text NOT NULL,
    key            text NOT NULL,
    patient_key    text NOT NULL DEFAULT '',
    visit_key      text NOT NULL DEFAULT '',
    status         text,
    module         text NOT NULL DEFAULT '',
    reason_system  text NOT NULL DEFAULT '',
    reason_code    text NOT NULL DEFAULT '',
    reason_display text NOT NULL DEFAULT '',
    answered_at    timestamptz,
    source_at      timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (facility, key)
);

-- ---------------------------------------------------------------- local codes
-- Facts keep codes as they were said; this says what they mean. Facility '' holds for every facility.
CREATE TABLE code_map (
    facility     text NOT NULL DEFAULT '',
    local_system text NOT NULL,
    local_code   text NOT NULL,
    system       text NOT NULL,
    code         text NOT NULL,
    display      text NOT NULL DEFAULT '',
    PRIMARY KEY (facility, local_system, local_code)
);
-- Codes of no standard system that no map knows: counted and listed, never dropped.
CREATE TABLE unmapped_code (
    facility text NOT NULL,
    kind     text NOT NULL,             -- of the fact that uses it: order, diagnosis, appointment...
    system   text NOT NULL,
    code     text NOT NULL,
    display  text NOT NULL DEFAULT '',
    times    bigint NOT NULL DEFAULT 1,
    first_at timestamptz NOT NULL,
    last_at  timestamptz NOT NULL,
    PRIMARY KEY (facility, kind, system, code)
);

-- ---------------------------------------------------------------- who may do what
GRANT SELECT, INSERT ON statement TO gateway;
GRANT SELECT, INSERT, UPDATE ON appointment, referral, prescription, vaccination, document, bed, diagnosis, contact, guidance,
    code_map, unmapped_code TO gateway;
GRANT SELECT ON code_map, unmapped_code TO analytics, reader;
-- Nothing that names a patient or a visit.
GRANT SELECT (specialty, decided_at, bedded_at, offloaded_at, arrival_mode, ventilated) ON encounter TO analytics;
GRANT SELECT (facility, status, starts_at, specialty_system, specialty_code, specialty_display, virtual, booked_at, arrived_at,
              completed_at, cancelled_at, no_show_at, source_at, updated_at) ON appointment TO analytics;
GRANT SELECT (facility, status, from_facility, to_facility, from_level, to_level, specialty_system, specialty_code,
              specialty_display, urgency, refusal, submitted_at, accepted_at, refused_at, seen_at, reported_at, cancelled_at,
              source_at, updated_at) ON referral TO analytics;
GRANT SELECT (facility, status, medication_system, medication_code, medication_display, issued_at, dispensed_at, cancelled_at,
              source_at, updated_at) ON prescription TO analytics;
GRANT SELECT (facility, status, vaccine_system, vaccine_code, vaccine_display, dose, given_at, refused_at, deleted_at,
              source_at, updated_at) ON vaccination TO analytics;
GRANT SELECT (facility, status, category_system, category_code, category_display, created_at, final_at, replaced_at,
              cancelled_at, source_at, updated_at) ON document TO analytics;
GRANT SELECT (facility, key, status, since, source_at, updated_at) ON bed TO analytics;
GRANT SELECT (facility, status, diagnosis_system, diagnosis_code, diagnosis_display, role, stated_at, deleted_at, source_at,
              updated_at) ON diagnosis TO analytics;
GRANT SELECT (facility, status, topic_system, topic_code, topic_display, medium, open_at, answered_at, completed_at,
              abandoned_at, source_at, updated_at) ON contact TO analytics;
GRANT SELECT (facility, status, module, reason_system, reason_code, reason_display, answered_at, source_at, updated_at)
    ON guidance TO analytics;
