"""Stories of those who send: over TLS, as FHIR, what is refused of it, and what becomes of it with time."""
