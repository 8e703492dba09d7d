"""What is counted of FHIR. Labels are bounded: interactions that are served, and HTTP statuses that are answered."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

REQUESTS = Counter(
    "marsad_gateway_fhir_requests", "FHIR requests by interaction and HTTP status", ["interaction", "status"]
)
ENTRIES = Counter("marsad_gateway_fhir_entries", "Entries of the batches and transactions that came in")
SECONDS = Histogram(
    "marsad_gateway_fhir_seconds",
    "From a FHIR request's header to its answer",
    buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60),
)
CONNECTIONS = Gauge("marsad_gateway_http_connections", "Open connections of HTTP, with and without TLS")
CLOSED = Counter("marsad_gateway_http_closed", "HTTP connections that the gateway ended unasked", ["cause"])
BYTES = Counter("marsad_gateway_fhir_bytes", "Bytes of FHIR bodies that came in")
