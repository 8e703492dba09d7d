-- When a feed last said something that was taken. Receipt alone is no sign of life for the figures: a feed all of whose
-- messages are refused would pass for live. An older gateway leaves it as it is.
SET LOCAL search_path = center;

-- newest message that was answered positively, one that came before included
ALTER TABLE feed_counter ADD COLUMN last_accepted_at timestamptz;

UPDATE feed_counter SET last_accepted_at = last_received_at WHERE accepted > 0;
