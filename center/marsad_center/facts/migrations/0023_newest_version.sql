-- Which version of each thing a sender said last over FHIR, of those that it says without a version (ADR 0038); and no
-- answer that names anybody stays in clear (ADR 0031).
SET LOCAL search_path = center;

CREATE TABLE newest_version (
    sending_application text NOT NULL,
    sending_facility    text NOT NULL,
    thing               text NOT NULL,    -- a token of type and key
    control_id          text,             -- of the message that said it last; null: none did yet
    sha256              bytea,
    received_at         timestamptz,
    PRIMARY KEY (sending_application, sending_facility, thing)
) WITH (fillfactor = 70);
GRANT SELECT, INSERT, UPDATE ON newest_version TO gateway;

-- What is answered over FHIR follows from the bytes that came and is not kept any more. `python -m marsad_center reseal`
-- forgets what earlier releases kept: the gateway cannot change a row by itself. An earlier gateway that runs beside this
-- one answers a repetition of what this one stored without a body.
CREATE FUNCTION forget_answers(ids bigint[]) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = center, pg_temp AS $$
    WITH done AS (
        UPDATE message SET ack = NULL WHERE id = ANY (ids) AND ack_code IN ('200', '201') AND ack IS NOT NULL RETURNING id)
    SELECT count(*) FROM done
$$;
REVOKE ALL ON FUNCTION forget_answers(bigint[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION forget_answers(bigint[]) TO gateway;
