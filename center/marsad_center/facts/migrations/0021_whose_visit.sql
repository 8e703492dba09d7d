-- A visit keeps the number that its own messages give, and whose it is now is asked of a view: to write it into each visit,
-- all that told of visits in a facility had to wait for each merge there. An older gateway goes on writing who survives; the
-- view says the same of such a row, and the next message of the visit derives it anew. Its merges read all visits, for want
-- of the index, as long as it runs.
SET LOCAL search_path = center;

DROP INDEX encounter_patient; -- nothing is found by it any more, and each new visit wrote it
CREATE VIEW encounter_patient AS
    SELECT e.facility, e.visit_key, coalesce(m.stays, m.survivor, e.patient_key) AS patient_key
    FROM encounter e LEFT JOIN patient_merge m ON m.facility = e.facility AND m.merged = e.patient_key;
GRANT SELECT ON encounter_patient TO gateway;

-- What earlier merges wrote over: as derived, the newest number that a movement gave.
UPDATE encounter e SET patient_key = said.patient_key
FROM patient_merge m CROSS JOIN LATERAL (
    SELECT v.facility, v.visit_key FROM encounter v
    WHERE v.facility = m.facility AND v.patient_key = coalesce(m.stays, m.survivor)) AS visit CROSS JOIN LATERAL (
    SELECT o.patient_key FROM movement o
    WHERE o.facility = visit.facility AND o.visit_key = visit.visit_key AND o.patient_key <> ''
    ORDER BY o.event_at DESC, o.received_at DESC, o.id DESC LIMIT 1) AS said
WHERE e.facility = visit.facility AND e.visit_key = visit.visit_key AND e.patient_key <> said.patient_key;
