"""The dashboard: one live page in the reader's language, its JSON, and its stream of server-sent events."""
