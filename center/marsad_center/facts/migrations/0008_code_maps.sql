-- A code map says what the registry says: a mapping that was taken back is gone, and a code that is mapped now is not
-- unmapped any more. Neither table is a fact; an older gateway writes neither.
SET LOCAL search_path = center;

GRANT DELETE ON code_map, unmapped_code TO gateway;
