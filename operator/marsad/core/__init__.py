"""What should be, given what is: pure functions of an `Observed` world. No client, clock, randomness or kopf."""
