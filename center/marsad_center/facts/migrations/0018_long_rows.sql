-- A message stays in its row up to a page: sealed bytes do not compress, so to try it and then to write them elsewhere in
-- pieces, each with an entry in an index, cost a tenth of the server's time for a message. Longer ones still go elsewhere.
SET LOCAL search_path = center;

ALTER TABLE message SET (toast_tuple_target = 8160);
