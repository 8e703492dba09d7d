-- What a code of a specialty means, looked up where it is read: facts keep codes as they were said, and a map that changes
-- changes what is read at once. By key, never by reading all maps.
SET LOCAL search_path = center;

CREATE INDEX code_map_meaning ON code_map (system, code);

-- The name of a standard code: one for all that mean it, whoever maps to it and however he writes it. The center's first.
CREATE FUNCTION code_name(system text, code text) RETURNS text LANGUAGE sql STABLE
RETURN (
    SELECT m.display FROM code_map m
     WHERE m.system = $1 AND m.code = $2 AND m.display <> '' ORDER BY m.facility, m.local_system, m.local_code LIMIT 1);

-- What people call the specialty that `facility` writes so: by its own map, then by the center's; else as it was said.
CREATE FUNCTION specialty_name(facility text, system text, code text, display text) RETURNS text LANGUAGE sql STABLE
RETURN coalesce(
    (SELECT coalesce(code_name(m.system, m.code), m.code) FROM code_map m
      WHERE m.facility IN ('', $1) AND m.local_system = $2 AND m.local_code = $3 ORDER BY m.facility DESC LIMIT 1),
    code_name($2, $3),
    nullif($4, ''),
    nullif($3, ''));
