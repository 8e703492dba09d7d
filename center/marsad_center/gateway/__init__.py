"""The gateway: HL7 v2 over MLLP and FHIR R4 over HTTP in, answered only after commit, facts as PROFILE.md says."""
