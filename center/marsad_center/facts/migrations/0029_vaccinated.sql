-- Who is one person, kept; and how many persons have a vaccination of each declared group, counted as facts change (ADR
-- 0040). Triggers note whose number changed, so that also an older gateway does; `keep_persons` works the notes off. It
-- runs as the owner: analytics calls it and reads the counts, and never sees a number of a patient.
SET LOCAL search_path = center;

-- ---------------------------------------------------------------- what is declared
ALTER TABLE facility ADD COLUMN vaccination jsonb NOT NULL DEFAULT '[]';   -- as in center.json

-- Codes as the facility writes them that mean one of a group, after its code map.
CREATE TABLE vaccine_of_group (
    facility text NOT NULL,
    system   text NOT NULL,
    code     text NOT NULL,
    "group"  text NOT NULL,
    PRIMARY KEY (facility, system, code, "group")
);

-- What is not whole: a facility whose groups or codes changed, until its vaccinations were all looked at again. Facility ''
-- is everybody: until what there was at this migration is worked off.
CREATE TABLE vaccination_recount (
    facility text PRIMARY KEY,
    look     boolean NOT NULL DEFAULT true,   -- the declaration is to be read
    after    text,                            -- the last vaccination (its key) that was looked at; null: none is to be
    until    bigint                           -- of facility '': the last note of what there was
);

-- ---------------------------------------------------------------- what is kept
-- Numbers to look at; only added to, and emptied by keep_persons. Read by deleting, never from a number on: notes become
-- visible in another order than they are numbered. `identifier`: of which a link came or went.
CREATE TABLE person_changed (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    facility    text NOT NULL,
    patient_key text NOT NULL,
    identifier  text
);

-- The numbers of a person who has more than one. The person is called by the smallest of them, however it came about.
CREATE TABLE person_member (
    facility        text NOT NULL,
    patient_key     text NOT NULL,
    person_facility text NOT NULL,
    person_key      text NOT NULL,
    PRIMARY KEY (facility, patient_key)
);
CREATE INDEX person_member_person ON person_member (person_key, person_facility);

CREATE TABLE common_identifier (
    identifier text PRIMARY KEY               -- more numbers carry it than one person has: it is nobody's
);

-- Facility '' is the cluster, in which a person counts once for a group.
CREATE TABLE vaccinated (
    person_facility text NOT NULL,
    person_key      text NOT NULL,
    facility        text NOT NULL,
    "group"         text NOT NULL,
    PRIMARY KEY (person_key, person_facility, facility, "group")
);
CREATE TABLE vaccinated_count (
    facility text NOT NULL,
    "group"  text NOT NULL,
    persons  bigint NOT NULL DEFAULT 0,       -- rows of vaccinated
    PRIMARY KEY (facility, "group")
);

-- The numbers of one batch and whose they are; empty between batches. Not logged: a batch is done or it is not.
CREATE UNLOGGED TABLE person_work (
    facility        text NOT NULL,
    patient_key     text NOT NULL,
    person_facility text NOT NULL,
    person_key      text NOT NULL,
    PRIMARY KEY (facility, patient_key)
);

-- Written and emptied all the time: cleared by how much that was, not by how little is in them.
ALTER TABLE person_changed SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
ALTER TABLE person_work SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

CREATE INDEX vaccination_patient ON vaccination (patient_key) WHERE status = 'given';

-- ---------------------------------------------------------------- who notes what changed
CREATE FUNCTION person_link_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = center, pg_temp AS $$
BEGIN
    INSERT INTO person_changed (facility, patient_key, identifier) SELECT facility, patient_key, identifier FROM changed;
    RETURN NULL;
END
$$;
CREATE TRIGGER linked AFTER INSERT ON person_link REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION person_link_changed();
CREATE TRIGGER unlinked AFTER DELETE ON person_link REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION person_link_changed();

-- Both ends of what came and of what went: all that hung together hangs on one of them.
CREATE FUNCTION patient_merge_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = center, pg_temp AS $$
BEGIN
    INSERT INTO person_changed (facility, patient_key)
        SELECT facility, unnest(ARRAY[merged, survivor]) FROM changed;
    RETURN NULL;
END
$$;
CREATE FUNCTION patient_merge_updated() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = center, pg_temp AS $$
BEGIN
    INSERT INTO person_changed (facility, patient_key)
        SELECT facility, unnest(ARRAY[n.merged, n.survivor, o.survivor])
          FROM before o JOIN changed n USING (facility, merged) WHERE o.survivor <> n.survivor;
    RETURN NULL;
END
$$;
CREATE TRIGGER merged AFTER INSERT ON patient_merge REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION patient_merge_changed();
CREATE TRIGGER unmerged AFTER DELETE ON patient_merge REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION patient_merge_changed();
CREATE TRIGGER merged_otherwise AFTER UPDATE ON patient_merge REFERENCING OLD TABLE AS before NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION patient_merge_updated();

-- A vaccination of nobody in particular is nobody's.
CREATE FUNCTION vaccination_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = center, pg_temp AS $$
BEGIN
    INSERT INTO person_changed (facility, patient_key)
        SELECT facility, patient_key FROM changed WHERE status = 'given' AND patient_key <> '';
    RETURN NULL;
END
$$;
CREATE FUNCTION vaccination_updated() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = center, pg_temp AS $$
BEGIN
    INSERT INTO person_changed (facility, patient_key)
        SELECT o.facility, p.key FROM before o JOIN changed n USING (facility, key)
            CROSS JOIN LATERAL (VALUES (o.patient_key, o.status), (n.patient_key, n.status)) AS p (key, status)
        WHERE (o.patient_key, o.vaccine_system, o.vaccine_code, o.status)
            IS DISTINCT FROM (n.patient_key, n.vaccine_system, n.vaccine_code, n.status)
            AND p.status = 'given' AND p.key <> '';
    RETURN NULL;
END
$$;
CREATE TRIGGER vaccinated AFTER INSERT ON vaccination REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION vaccination_changed();
CREATE TRIGGER not_vaccinated AFTER DELETE ON vaccination REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION vaccination_changed();
CREATE TRIGGER vaccinated_otherwise AFTER UPDATE ON vaccination REFERENCING OLD TABLE AS before NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION vaccination_updated();

-- With the declaration itself, so that no figure is made of the new one and the old counts.
CREATE FUNCTION vaccination_declared() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = center, pg_temp AS $$
BEGIN
    INSERT INTO vaccination_recount (facility) VALUES (NEW.code) ON CONFLICT (facility) DO UPDATE SET look = true;
    RETURN NULL;
END
$$;
CREATE TRIGGER vaccination_declared AFTER INSERT ON facility
    FOR EACH ROW WHEN (NEW.vaccination <> '[]') EXECUTE FUNCTION vaccination_declared();
CREATE TRIGGER vaccination_declared_otherwise AFTER UPDATE ON facility
    FOR EACH ROW WHEN ((OLD.vaccination, OLD.active) IS DISTINCT FROM (NEW.vaccination, NEW.active))
    EXECUTE FUNCTION vaccination_declared();

CREATE FUNCTION code_map_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = center, pg_temp AS $$
BEGIN
    INSERT INTO vaccination_recount (facility) SELECT code FROM facility f WHERE f.vaccination <> '[]'
            AND EXISTS (SELECT FROM changed c WHERE c.facility IN ('', f.code)) ORDER BY code
        ON CONFLICT (facility) DO UPDATE SET look = true;
    RETURN NULL;
END
$$;
CREATE TRIGGER mapped AFTER INSERT ON code_map REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION code_map_changed();
CREATE TRIGGER unmapped AFTER DELETE ON code_map REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION code_map_changed();
CREATE TRIGGER mapped_otherwise AFTER UPDATE ON code_map REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION code_map_changed();

-- ---------------------------------------------------------------- who is one person
-- The numbers that carry an identifier; none where more than 64 do (as a dummy has it): that one is nobody's. At most 65
-- are read.
CREATE FUNCTION person_carriers(of_identifier text) RETURNS TABLE (facility text, patient_key text)
LANGUAGE sql STABLE AS $$
    SELECT c.facility, c.patient_key
      FROM (SELECT l.facility, l.patient_key, count(*) OVER () AS carriers
              FROM (SELECT p.facility, p.patient_key FROM center.person_link p WHERE p.identifier = of_identifier
                     LIMIT 65) AS l) AS c
     WHERE c.carriers <= 64
$$;

-- From a number to its identifiers and from these to their numbers, each once: as long as what it finds. `|| ''`: not by
-- the index that finds all of a facility (migration 0020). No bitmaps: one is made of all rows before the first 65 are taken.
CREATE OR REPLACE FUNCTION same_person(of_facility text, of_patient text) RETURNS TABLE (facility text, patient_key text)
LANGUAGE sql STABLE SET search_path = center, pg_temp SET enable_bitmapscan = off AS $$
    WITH RECURSIVE reached (facility, patient_key, identifier) AS (
        SELECT of_facility, of_patient, NULL::text
        UNION SELECT n.facility, n.patient_key, n.identifier FROM reached r CROSS JOIN LATERAL (
            SELECT NULL::text AS facility, NULL::text AS patient_key, l.identifier FROM person_link l
                WHERE l.facility = r.facility AND l.patient_key = r.patient_key
            UNION ALL SELECT c.facility, c.patient_key, NULL FROM person_carriers(r.identifier) c
            UNION ALL SELECT m.facility, m.survivor, NULL FROM patient_merge m
                WHERE m.facility = r.facility AND m.merged = r.patient_key
            UNION ALL SELECT m.facility, m.merged, NULL FROM patient_merge m
                WHERE m.facility || '' = r.facility AND m.survivor = r.patient_key) AS n
    ) SELECT r.facility, r.patient_key FROM reached r WHERE r.identifier IS NULL
$$;

-- ---------------------------------------------------------------- a batch, step by step
-- What the declarations of the facilities that are to be looked at mean. Whose vaccinations mean what they meant is whole
-- again at once; the others' are counted anew.
CREATE FUNCTION read_vaccine_groups() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    mark record;
    differs boolean;
BEGIN
    FOR mark IN SELECT * FROM vaccination_recount WHERE look AND facility <> '' ORDER BY facility LOOP
        WITH declared AS (
            SELECT f.code AS facility, c ->> 'system' AS system, c ->> 'code' AS code, g ->> 'name' AS "group"
              FROM facility f, jsonb_array_elements(f.vaccination) g, jsonb_array_elements(g -> 'codes') c
             WHERE f.code = mark.facility AND f.active
        ), wanted AS (
            SELECT d.facility, d.system, d.code, d."group" FROM declared d WHERE NOT EXISTS (
                SELECT FROM code_map m WHERE m.facility IN ('', d.facility)
                    AND m.local_system = d.system AND m.local_code = d.code)
            UNION SELECT d.facility, m.local_system, m.local_code, d."group"
              FROM declared d JOIN code_map m ON m.facility IN ('', d.facility) AND m.system = d.system AND m.code = d.code
             WHERE m.facility <> '' OR NOT EXISTS (SELECT FROM code_map own WHERE own.facility = d.facility
                    AND own.local_system = m.local_system AND own.local_code = m.local_code)
        ), gone AS (
            DELETE FROM vaccine_of_group v WHERE v.facility = mark.facility
                AND (v.system, v.code, v."group") NOT IN (SELECT system, code, "group" FROM wanted) RETURNING 1
        ), come AS (
            INSERT INTO vaccine_of_group SELECT * FROM wanted ON CONFLICT DO NOTHING RETURNING 1
        ) SELECT EXISTS (SELECT FROM gone) OR EXISTS (SELECT FROM come) INTO differs;
        INSERT INTO vaccinated_count (facility, "group")
            SELECT s.facility, g ->> 'name' FROM facility f, jsonb_array_elements(f.vaccination) g,
                (VALUES (mark.facility), ('')) AS s (facility)
            WHERE f.code = mark.facility AND f.active ON CONFLICT DO NOTHING;
        IF NOT differs AND mark.after IS NULL THEN
            DELETE FROM vaccination_recount WHERE facility = mark.facility;
        ELSE
            UPDATE vaccination_recount SET look = false, after = CASE WHEN differs THEN '' ELSE after END
             WHERE facility = mark.facility;
        END IF;
    END LOOP;
END
$$;

-- The next `most` vaccinations of a facility that is counted anew: whose they are. Once there are none it is whole.
CREATE FUNCTION next_to_recount(most integer) RETURNS TABLE (facility text, patient_key text) LANGUAGE plpgsql AS $$
DECLARE
    of_facility text;
    last_key text;
    next_key text;
BEGIN
    SELECT r.facility, r.after INTO of_facility, last_key FROM vaccination_recount r
     WHERE r.facility <> '' AND r.after IS NOT NULL ORDER BY r.facility LIMIT 1;
    IF of_facility IS NULL THEN
        RETURN;
    END IF;
    SELECT max(b.key) INTO next_key FROM (SELECT v.key FROM vaccination v
        WHERE v.facility = of_facility AND v.key > last_key ORDER BY v.key LIMIT most) AS b;
    IF next_key IS NULL THEN
        DELETE FROM vaccination_recount r WHERE r.facility = of_facility;
        RETURN;
    END IF;
    UPDATE vaccination_recount r SET after = next_key WHERE r.facility = of_facility;
    RETURN QUERY SELECT v.facility, v.patient_key FROM vaccination v
        WHERE v.facility = of_facility AND v.key > last_key AND v.key <= next_key
            AND v.status = 'given' AND v.patient_key <> '' ORDER BY v.key LIMIT most;
END
$$;

-- Identifiers that became nobody's, or somebody's again: whom they led to is looked at again, in the batches that follow.
CREATE FUNCTION note_common_identifiers(changed text[]) RETURNS void LANGUAGE sql AS $$
    WITH counted AS (
        SELECT i.identifier, (SELECT count(*) FROM (SELECT FROM person_link l WHERE l.identifier = i.identifier LIMIT 65
            ) AS l) > 64 AS common FROM (SELECT DISTINCT unnest(changed) AS identifier) AS i
    ), come AS (
        INSERT INTO common_identifier SELECT identifier FROM counted WHERE common ON CONFLICT DO NOTHING RETURNING identifier
    ), gone AS (
        DELETE FROM common_identifier WHERE identifier = ANY (ARRAY(SELECT identifier FROM counted WHERE NOT common))
        RETURNING identifier
    ) INSERT INTO person_changed (facility, patient_key)
        SELECT l.facility, l.patient_key FROM come CROSS JOIN LATERAL (
            SELECT p.facility, p.patient_key FROM person_link p WHERE p.identifier = come.identifier OFFSET 0) AS l
         WHERE EXISTS (SELECT FROM person_member m
                WHERE m.facility = l.facility AND m.patient_key = l.patient_key OFFSET 0)
        UNION ALL SELECT c.facility, c.patient_key FROM gone CROSS JOIN LATERAL person_carriers(gone.identifier) AS c
$$;

-- Fills person_work: `changed`, all they are one person with now, and all they were before, each with its person.
CREATE FUNCTION gather_persons(changed_facility text[], changed_key text[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    pending record;
    found integer;
BEGIN
    DELETE FROM person_work;
    -- Most numbers are alone, and were before: they are taken together.
    INSERT INTO person_work SELECT c.facility, c.patient_key, c.facility, c.patient_key
        FROM (SELECT DISTINCT * FROM unnest(changed_facility, changed_key)) AS c (facility, patient_key)
        WHERE NOT EXISTS (SELECT FROM person_member m
                WHERE m.facility = c.facility AND m.patient_key = c.patient_key OFFSET 0)
            AND NOT EXISTS (SELECT FROM patient_merge m
                WHERE m.facility = c.facility AND m.merged = c.patient_key OFFSET 0)
            AND NOT EXISTS (SELECT FROM patient_merge m
                WHERE m.facility || '' = c.facility AND m.survivor = c.patient_key OFFSET 0)
            AND NOT EXISTS (SELECT FROM person_link l CROSS JOIN LATERAL person_carriers(l.identifier) AS o
                WHERE l.facility = c.facility AND l.patient_key = c.patient_key
                    AND (o.facility, o.patient_key) <> (c.facility, c.patient_key) OFFSET 0);
    FOR pending IN SELECT * FROM unnest(changed_facility, changed_key) AS c (facility, patient_key) LOOP
        PERFORM gather_person(pending.facility, pending.patient_key);
    END LOOP;
    LOOP  -- what was one person with any of them, until nothing is added
        found := 0;
        FOR pending IN
            SELECT DISTINCT o.facility, o.patient_key FROM person_work w CROSS JOIN LATERAL (
                SELECT o.facility, o.patient_key
                  FROM person_member m JOIN person_member o USING (person_key, person_facility)
                 WHERE m.facility = w.facility AND m.patient_key = w.patient_key OFFSET 0) AS o
             WHERE (o.facility, o.patient_key) NOT IN (SELECT facility, patient_key FROM person_work)
        LOOP
            found := found + 1;
            PERFORM gather_person(pending.facility, pending.patient_key);
        END LOOP;
        EXIT WHEN found = 0;
    END LOOP;
END
$$;

CREATE FUNCTION gather_person(of_facility text, of_patient text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM person_work WHERE facility = of_facility AND patient_key = of_patient) THEN
        RETURN;
    END IF;
    INSERT INTO person_work SELECT s.facility, s.patient_key, first_value(s.facility) OVER least, first_value(s.patient_key)
        OVER least FROM same_person(of_facility, of_patient) s
        WINDOW least AS (ORDER BY s.facility COLLATE "C", s.patient_key COLLATE "C");
END
$$;

-- person_member, vaccinated and the counts as person_work says. Whose counts changed.
CREATE FUNCTION keep_work() RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
    counted text[];
BEGIN
    DELETE FROM person_member WHERE ctid = ANY (ARRAY(
        SELECT m.at FROM person_work w CROSS JOIN LATERAL (SELECT ctid AS at, person_facility, person_key FROM person_member
                WHERE facility = w.facility AND patient_key = w.patient_key OFFSET 0) AS m
         WHERE (m.person_facility, m.person_key) <> (w.person_facility, w.person_key)
            OR (w.person_facility, w.person_key) NOT IN (
                SELECT person_facility, person_key FROM person_work GROUP BY 1, 2 HAVING count(*) > 1)));
    INSERT INTO person_member SELECT facility, patient_key, person_facility, person_key FROM (
            SELECT *, count(*) OVER (PARTITION BY person_facility, person_key) AS numbers FROM person_work) AS w
        WHERE numbers > 1 ON CONFLICT DO NOTHING;
    WITH wanted AS (
        SELECT DISTINCT w.person_facility, w.person_key, s.facility, v."group"
          FROM person_work w CROSS JOIN LATERAL (
               SELECT g."group" FROM vaccination AS v JOIN vaccine_of_group AS g
                   ON g.facility = w.facility AND g.system = v.vaccine_system AND g.code = v.vaccine_code
                WHERE v.patient_key = w.patient_key AND v.facility || '' = w.facility AND v.status = 'given' OFFSET 0) AS v
         CROSS JOIN LATERAL (VALUES (w.facility), ('')) AS s (facility)
    ), gone AS (
        DELETE FROM vaccinated WHERE ctid = ANY (ARRAY(
            SELECT h.at FROM person_work w CROSS JOIN LATERAL (SELECT ctid AS at, * FROM vaccinated
                    WHERE person_key = w.patient_key AND person_facility = w.facility OFFSET 0) AS h
             WHERE (h.person_facility, h.person_key, h.facility, h."group") NOT IN (
                SELECT person_facility, person_key, facility, "group" FROM wanted)))
        RETURNING facility, "group"
    ), come AS (
        INSERT INTO vaccinated (person_facility, person_key, facility, "group") SELECT * FROM wanted ON CONFLICT DO NOTHING
        RETURNING facility, "group"
    ), changes AS (
        INSERT INTO vaccinated_count AS c (facility, "group", persons)
            SELECT facility, "group", sum(amount) FROM (
                SELECT *, 1 AS amount FROM come UNION ALL SELECT *, -1 FROM gone) AS each
            GROUP BY 1, 2 HAVING sum(amount) <> 0
            ON CONFLICT (facility, "group") DO UPDATE SET persons = c.persons + excluded.persons
        RETURNING c.facility
    ) SELECT coalesce(array_agg(DISTINCT facility), '{}') INTO counted FROM changes;
    DELETE FROM person_work;
    RETURN counted;
END
$$;

-- One batch: at most `most` notes, and as many vaccinations that are counted anew. Gives how many numbers were looked at,
-- the facilities ('' is the cluster) whose counts, or whose being whole, changed, and whether there is more to do. One at
-- a time, and of one moment: what is committed meanwhile has notes of its own. Every look-up is by an index, one row after
-- the other (OFFSET 0 keeps look-ups from being joined): the plans are made while a center is young, and tables that are
-- small then would be read from end to end.
CREATE FUNCTION keep_persons(most integer, OUT numbers integer, OUT facilities text[], OUT more boolean)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = center, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off
SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off AS $$
DECLARE
    of_facility text[];
    of_patient text[];
    identifiers text[];
    whole text[];
BEGIN
    IF current_setting('transaction_isolation') <> 'repeatable read' THEN
        RAISE EXCEPTION 'persons are kept in a transaction that is repeatable read'
            USING ERRCODE = 'invalid_transaction_state';
    END IF;
    whole := ARRAY(SELECT facility FROM vaccination_recount);
    PERFORM read_vaccine_groups();
    WITH taken AS (
        DELETE FROM person_changed WHERE id = ANY (ARRAY(
            SELECT id FROM person_changed ORDER BY id LIMIT most FOR UPDATE SKIP LOCKED))
        RETURNING facility, patient_key, identifier
    ), looked AS (
        SELECT * FROM taken UNION ALL SELECT facility, patient_key, NULL FROM next_to_recount(most)
    ) SELECT array_agg(facility), array_agg(patient_key), array_agg(DISTINCT identifier) FILTER (
            WHERE identifier IS NOT NULL), count(*) INTO of_facility, of_patient, identifiers, numbers FROM looked;
    facilities := '{}';
    IF numbers > 0 THEN
        PERFORM note_common_identifiers(identifiers);
        PERFORM gather_persons(of_facility, of_patient);
        facilities := keep_work();
    END IF;
    DELETE FROM vaccination_recount r WHERE r.facility = '' AND NOT EXISTS (
        SELECT FROM person_changed WHERE id <= r.until);
    facilities := facilities || ARRAY(
        SELECT facility FROM unnest(whole) AS w (facility) WHERE facility NOT IN (SELECT facility FROM vaccination_recount));
    more := EXISTS (SELECT FROM person_changed) OR EXISTS (SELECT FROM vaccination_recount WHERE facility <> '');
END
$$;

-- ---------------------------------------------------------------- what is there already
INSERT INTO person_changed (facility, patient_key, identifier) SELECT facility, patient_key, identifier FROM person_link;
INSERT INTO person_changed (facility, patient_key) SELECT facility, unnest(ARRAY[merged, survivor]) FROM patient_merge;
INSERT INTO vaccination_recount (facility, look, until)
    SELECT '', false, max(id) FROM person_changed HAVING max(id) IS NOT NULL;

-- ---------------------------------------------------------------- who may do what
REVOKE ALL ON FUNCTION person_link_changed(), patient_merge_changed(), patient_merge_updated(), vaccination_changed(),
    vaccination_updated(), vaccination_declared(), code_map_changed(), person_carriers(text), read_vaccine_groups(),
    next_to_recount(integer), note_common_identifiers(text[]), gather_persons(text[], text[]), gather_person(text, text),
    keep_work(), keep_persons(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION person_carriers(text) TO gateway;   -- within same_person
GRANT EXECUTE ON FUNCTION keep_persons(integer) TO analytics;
GRANT SELECT ON vaccinated_count, vaccination_recount TO analytics;
-- How many there are is of use, which they are is not.
CREATE VIEW common_identifiers AS SELECT count(*) AS identifiers FROM common_identifier;
GRANT SELECT ON common_identifiers TO analytics;
