"""FHIR R4 in: resources and Bundles over HTTP, answered only after the commit, mapped to facts as PROFILE.md says."""
