-- What a message says can be said anew (marsad_center/facts/replacing.py): merges get a log as visits have one, an order
-- knows which messages named it, and the gateway may delete facts. It still cannot delete or change what it received.
SET LOCAL search_path = center;

CREATE TABLE patient_merge_log (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message_id bigint NOT NULL,
    facility   text NOT NULL,
    merged     text NOT NULL,
    survivor   text NOT NULL,
    event_at   timestamptz NOT NULL
);
CREATE INDEX patient_merge_log_merged ON patient_merge_log (facility, merged);
CREATE INDEX patient_merge_log_survivor ON patient_merge_log (facility, survivor);
CREATE INDEX patient_merge_log_message ON patient_merge_log (message_id);
INSERT INTO patient_merge_log (message_id, facility, merged, survivor, event_at)
    SELECT message_id, facility, merged, survivor, event_at FROM patient_merge ORDER BY event_at, message_id;

-- 0: and others, which were not noted (an earlier release, or more than bear to be listed).
ALTER TABLE clinical_order ADD COLUMN message_ids bigint[] NOT NULL DEFAULT '{0}';

GRANT SELECT, INSERT, DELETE ON patient_merge_log TO gateway;
GRANT DELETE ON movement, encounter, patient_merge, clinical_order, statement, appointment, referral, prescription, vaccination,
    document, bed, diagnosis, contact, guidance TO gateway;
