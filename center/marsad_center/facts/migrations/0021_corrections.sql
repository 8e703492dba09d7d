-- What was recorded in error did not happen (FHIR: entered-in-error).
ALTER TABLE contact ADD COLUMN deleted_at timestamptz;
