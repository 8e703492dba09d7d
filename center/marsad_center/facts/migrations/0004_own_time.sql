-- Freshness runs from the message's own time (MSH-7), not from the clinical time of what it tells of: a result that was
-- final before the feed was switched on, or an entry made late, is no late message. An older gateway leaves it null.
SET LOCAL search_path = center;

ALTER TABLE message ADD COLUMN sent_at timestamptz;      -- MSH-7; null if it is not there or tells nothing
ALTER TABLE unmeasured ADD COLUMN sent_at timestamptz;   -- the same, else the event's time, else receipt
ALTER TABLE feed_counter ADD COLUMN last_sent_at timestamptz;  -- newest accepted, never later than its receipt

UPDATE feed_counter SET last_sent_at = least(last_event_at, last_received_at) WHERE accepted > 0;
