-- One index for each way of looking a row up: in a young table all are equally cheap to the planner, and with two that
-- begin with the facility it now and then took the one that reads all of a facility, until statistics were first taken.
-- What is found by another name than its own has an index that begins with that name, and asks for the facility in a
-- way that fits no index. tests/facts/test_migrate.py holds the tables to it.
SET LOCAL search_path = center;

DROP INDEX encounter_patient;
CREATE INDEX encounter_patient ON encounter (patient_key);

DROP INDEX clinical_order_filler;
CREATE INDEX clinical_order_filler ON clinical_order (filler) WHERE filler <> '';

DROP INDEX clinical_order_resulted;
CREATE INDEX clinical_order_resulted ON clinical_order (facility, kind, resulted_at) WHERE resulted_at IS NOT NULL;

DROP INDEX patient_merge_survivor;
CREATE INDEX patient_merge_survivor ON patient_merge (survivor);

DROP INDEX patient_merge_log_merged, patient_merge_log_survivor;
CREATE INDEX patient_merge_log_merged ON patient_merge_log (merged);
CREATE INDEX patient_merge_log_survivor ON patient_merge_log (survivor);
