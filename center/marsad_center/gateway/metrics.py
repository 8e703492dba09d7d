"""What the gateway counts. Labels are bounded: codes of table 0008 and the reasons of PROFILE.md."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

RECEIVED = Counter("marsad_gateway_received", "Frames and faults that came in over MLLP")
ACKNOWLEDGED = Counter("marsad_gateway_acknowledged", "Messages by the code of their acknowledgement", ["code"])
DUPLICATES = Counter("marsad_gateway_duplicates", "Messages that were stored already and got the same answer again")
QUARANTINED = Counter("marsad_gateway_quarantined", "Messages that went to quarantine, by reason", ["reason"])
NOT_STORED = Counter("marsad_gateway_not_stored", "Messages let go unanswered: the database stayed away too long")
COMMIT_SECONDS = Histogram(
    "marsad_gateway_commit_seconds",
    "From the first statement of a batch to its commit",
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30),
)
BATCH_MESSAGES = Histogram(
    "marsad_gateway_batch_messages", "Messages a commit", buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256)
)
ACKNOWLEDGE_SECONDS = Histogram(
    "marsad_gateway_acknowledge_seconds",
    "From a message's last byte to its acknowledgement",
    buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30),
)
QUEUE_DEPTH = Gauge("marsad_gateway_queue_messages", "Messages that wait for their commit")
DATABASE_RETRIES = Counter("marsad_gateway_database_retries", "Batches tried again because the database failed them")
OTHER_DATABASE = Counter(
    "marsad_gateway_other_database", "Batches let go unanswered: the database had other feeds than they were judged for"
)
REGISTRY_REFUSED = Gauge(
    "marsad_gateway_registry_refused", "1 while the database refuses the registry and the last good one is in force"
)
CONNECTIONS = Gauge("marsad_gateway_connections", "Open MLLP connections")
REFUSED = Counter("marsad_gateway_connections_refused", "Connections over the limit")
TLS_FAILED = Counter("marsad_gateway_tls_handshakes_failed", "Connections that TLS did not let in", ["reason"])
TLS_EXPIRES = Gauge("marsad_gateway_tls_expires_timestamp_seconds", "When the gateway's own certificate expires")
TLS_REFUSED = Gauge("marsad_gateway_tls_refused", "1 while the files for TLS cannot be used; the last good ones stay")
CLOSED = Counter("marsad_gateway_connections_closed", "Connections that the gateway ended", ["cause"])
BYTES = Counter("marsad_gateway_bytes", "Bytes over MLLP", ["direction"])
