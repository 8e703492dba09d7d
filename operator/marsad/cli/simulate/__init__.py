"""Plays facilities: patients arrive, are triaged, seen, tested, admitted, moved and discharged, as HL7 over MLLP.

Pure (no clock, no socket, draws from seeded generators): rhythm, clinical, catalogue, people, message, visit,
hospital, ward, journey, town. Edge: facilities and playlist read files, memory keeps one of open visits, envelope,
mllp and player deliver, pace keeps time, screen shows, command puts them together.
"""
