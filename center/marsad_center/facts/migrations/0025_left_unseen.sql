-- Which facilities ever say by the disposition that somebody left without being seen. An index for this alone: it has a row for
-- such visits only.
SET LOCAL search_path = center;

CREATE INDEX encounter_left_unseen ON encounter (facility) WHERE disposition = 'LWBS';
