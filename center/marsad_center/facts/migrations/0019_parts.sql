-- Orders know who asked for them, so that turnaround can be told by specialty and triage level. An older gateway writes none
-- of it: such an order has its visit's specialty, until `reprocess` reads its messages again.
SET LOCAL search_path = center;

ALTER TABLE clinical_order
    ADD COLUMN specialty       text NOT NULL DEFAULT '',       -- as a message of the order says; '' when none does
    ADD COLUMN specialty_asked boolean NOT NULL DEFAULT false, -- a request said so; else a result
    ADD COLUMN specialty_at    timestamptz;                    -- when that was so

-- What analytics may see of an order's visit: its specialty and acuity, not which visit it is. Looked up when it is read, so
-- a late, corrected or reversed movement is in it, and the gateway writes nothing for it. LATERAL and LIMIT: by the key,
-- visit by visit, however many visits there are; a plain join reads them all.
CREATE VIEW order_turnaround AS
    SELECT o.facility, o.kind, o.ordered_at, o.resulted_at, o.cancelled_at,
           coalesce(nullif(o.specialty, ''), e.specialty) AS specialty, e.triage_level
      FROM clinical_order o
      LEFT JOIN LATERAL (SELECT specialty, triage_level FROM encounter
                          WHERE facility = o.facility AND visit_key = o.visit_key AND o.visit_key <> '' LIMIT 1) AS e ON true;
GRANT SELECT ON order_turnaround TO analytics;
