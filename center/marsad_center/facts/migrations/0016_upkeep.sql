-- What people do with what was received: which keys this database was written with, and who looked at content when.
SET LOCAL search_path = center;

CREATE TABLE center_key (
    name        text PRIMARY KEY,                  -- of the entry in the Secret center-key
    fingerprint bytea NOT NULL,                    -- of the key; it opens nothing
    first_used  timestamptz NOT NULL DEFAULT now()
);
GRANT SELECT, INSERT ON center_key TO gateway;

-- Written before content is shown, never changed. Who it was is in the audit log of the API server, at the same moment.
CREATE TABLE content_access (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at            timestamptz NOT NULL DEFAULT now(),
    quarantine_id bigint NOT NULL,
    pod           text NOT NULL
);
GRANT SELECT, INSERT ON content_access TO gateway;
