"""The gateway: HL7 v2 over MLLP in, acknowledged only after commit, mapped to facts as PROFILE.md says."""
