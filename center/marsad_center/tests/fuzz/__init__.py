"""Fuzzing of what strangers send: targets, a campaign for them (`python -m marsad_center.tests.fuzz`), kept cases."""
