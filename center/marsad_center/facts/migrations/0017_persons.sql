-- Patient numbers that belong to one person: by national identifiers across facilities, by merges within one. All are
-- tokens of the center's key. An older gateway writes no links.
SET LOCAL search_path = center;

CREATE TABLE person_link (
    facility    text NOT NULL,
    patient_key text NOT NULL,
    identifier  text NOT NULL,
    message_id  bigint NOT NULL,         -- which said it first
    PRIMARY KEY (facility, patient_key, identifier)
);
CREATE INDEX person_link_identifier ON person_link (identifier);
CREATE INDEX person_link_message ON person_link (message_id);

CREATE FUNCTION same_person(of_facility text, of_patient text) RETURNS TABLE (facility text, patient_key text)
LANGUAGE sql STABLE SET search_path = center, pg_temp AS $$
    WITH RECURSIVE person (facility, patient_key) AS (
        VALUES (of_facility, of_patient)
        UNION SELECT n.facility, n.patient_key FROM person p CROSS JOIN LATERAL (
            SELECT b.facility, b.patient_key FROM person_link a JOIN person_link b USING (identifier)
                WHERE a.facility = p.facility AND a.patient_key = p.patient_key
            UNION ALL SELECT m.facility, m.survivor FROM patient_merge m
                WHERE m.facility = p.facility AND m.merged = p.patient_key
            UNION ALL SELECT m.facility, m.merged FROM patient_merge m
                WHERE m.facility = p.facility AND m.survivor = p.patient_key) n
    ) SELECT * FROM person
$$;

GRANT SELECT, INSERT, DELETE ON person_link TO gateway;
REVOKE ALL ON FUNCTION same_person(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION same_person(text, text) TO gateway;
