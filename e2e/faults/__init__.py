"""A center of real processes on a real PostgreSQL, and what may befall it."""
