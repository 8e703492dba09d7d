-- Why a referral was refused is words that may name the patient. No figure asks for them, and the message has them
-- (ADR 0031). The column stays for earlier gateways, which write it until they are replaced; nobody reads it.
SET LOCAL search_path = center;

REVOKE SELECT (refusal) ON referral FROM analytics;
UPDATE referral SET refusal = '' WHERE refusal <> '';
UPDATE statement SET body = body - 'refusal' WHERE kind = 'referral' AND body ? 'refusal';
