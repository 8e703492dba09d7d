-- What was said is put right or taken back: what is kept beside a fact so that the newest word holds in any order.
SET LOCAL search_path = center;

-- What was recorded in error did not happen (FHIR: entered-in-error).
ALTER TABLE contact ADD COLUMN deleted_at timestamptz;
