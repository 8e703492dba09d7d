-- Who may do what. The gateway writes what it receives and the facts; it cannot take back what it stored raw (no UPDATE or
-- DELETE on message). Analytics sees facts without raw bytes and without anything that names a patient or a visit.
-- The reader (dashboard) sees figures and statistics of feeds.

DO $$
BEGIN
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO gateway, analytics, reader', current_database());
END
$$;

GRANT USAGE ON SCHEMA center TO gateway, analytics, reader;
SET LOCAL search_path = center;

GRANT SELECT ON schema_version, facility, feed, feed_counter TO gateway, analytics, reader;

-- gateway
GRANT INSERT, UPDATE ON facility, feed, feed_counter TO gateway;
GRANT SELECT, INSERT ON message TO gateway;
GRANT SELECT, INSERT ON quarantine TO gateway;
GRANT UPDATE (times, last_received_at, peer) ON quarantine TO gateway;
GRANT SELECT, INSERT ON movement TO gateway;
GRANT UPDATE (cancelled_by) ON movement TO gateway;
GRANT SELECT, INSERT, UPDATE ON encounter, clinical_order, patient_merge TO gateway;
GRANT INSERT ON unmeasured TO gateway;
GRANT SELECT, INSERT, UPDATE, DELETE ON gateway_commit TO gateway;

-- analytics
GRANT SELECT (id, feed_id, facility, message_type, trigger, event_at, received_at, committed_at, ack_code)
    ON message TO analytics;
GRANT SELECT (id, facility, class, state, in_ed, triage_level, point_of_care, room, bed, arrived_at, ed_arrived_at,
              triaged_at, seen_at, admitted_at, ed_departed_at, discharged_at, disposition, source_at, updated_at)
    ON encounter TO analytics;
GRANT SELECT (id, facility, kind, code_system, code, display, ordered_at, resulted_at, cancelled_at, source_at, updated_at)
    ON clinical_order TO analytics;
GRANT SELECT, DELETE ON unmeasured TO analytics;
GRANT SELECT, INSERT, UPDATE, DELETE ON indicator_value, freshness TO analytics;

-- reader
GRANT SELECT ON indicator_value, freshness TO reader;
