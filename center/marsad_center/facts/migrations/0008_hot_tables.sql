-- What every message touches carries only what something needs. Why each goes: docs/adr/0024.
SET LOCAL search_path = center;

-- Nothing is ever deleted from feed, facility or message, and what names them has just read or written them: these could
-- only ever be satisfied, at a look-up and a row lock for each row that is written.
ALTER TABLE message DROP CONSTRAINT message_feed_id_fkey, DROP CONSTRAINT message_facility_fkey;
ALTER TABLE movement
    DROP CONSTRAINT movement_message_id_fkey,
    DROP CONSTRAINT movement_facility_fkey,
    DROP CONSTRAINT movement_cancelled_by_fkey;
ALTER TABLE encounter DROP CONSTRAINT encounter_facility_fkey;
ALTER TABLE clinical_order DROP CONSTRAINT clinical_order_facility_fkey;

-- An outbox is read and emptied as a whole: it needs no number of its own.
ALTER TABLE unmeasured DROP CONSTRAINT unmeasured_feed_id_fkey, DROP COLUMN id;

-- Rows come in the order of their receipt, so a summary of each megabyte finds a time as well as a tree would, and costs
-- nothing a row.
DROP INDEX message_feed_received;
CREATE INDEX message_received ON message USING brin (received_at) WITH (autosummarize = on);

-- Visits and orders are told of again and again: room to change a row in place, without touching its indexes.
ALTER TABLE encounter SET (fillfactor = 85);
ALTER TABLE clinical_order SET (fillfactor = 85);

-- Long messages are compressed by what is quickest, where the server has it.
DO $$
BEGIN
    ALTER TABLE message ALTER COLUMN raw SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN
    RAISE NOTICE 'this server has no lz4, long messages are compressed by pglz';
END
$$;
