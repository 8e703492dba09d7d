-- Why a referral was refused is kept as a code, where one is given: words may name the patient, and the message has them
-- (ADR 0031). Their column stays for earlier gateways, which write it until they are replaced; nobody reads it.
SET LOCAL search_path = center;

REVOKE SELECT (refusal) ON referral FROM analytics;
UPDATE referral SET refusal = '' WHERE refusal <> '';
ALTER TABLE referral
    ADD COLUMN IF NOT EXISTS refusal_system  text NOT NULL DEFAULT '',
    ADD COLUMN IF NOT EXISTS refusal_code    text NOT NULL DEFAULT '',
    ADD COLUMN IF NOT EXISTS refusal_display text NOT NULL DEFAULT '';
UPDATE statement SET body = body - 'refusal' WHERE kind = 'referral' AND body ? 'refusal';
