-- Merges are kept as they were said, and beside each the number that stays in the end: what is derived looks it up in one
-- step. An older gateway leaves it empty; it is filled when a merge of the same patient is told of again.
SET LOCAL search_path = center;

ALTER TABLE patient_merge ADD COLUMN stays text;
UPDATE patient_merge SET stays = survivor;
CREATE INDEX patient_merge_survivor ON patient_merge (facility, survivor);
