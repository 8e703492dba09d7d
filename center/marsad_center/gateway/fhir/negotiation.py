"""Which content is taken and given: JSON of FHIR R4 (https://hl7.org/fhir/R4/http.html#mime-type)."""

from __future__ import annotations

from collections.abc import Mapping

_TAKEN = frozenset({"application/fhir+json", "application/json", "application/json+fhir", "text/json"})
_GIVEN = frozenset({*_TAKEN, "*/*", "application/*", "json"})
_R4 = frozenset({"", "4.0", "4.0.1"})


def refusal(headers: Mapping[str, str]) -> tuple[int, str, str] | None:
    """Status, issue code and words for a request that is not understood, or whose answer would not be; else None."""
    kind, parameters = _media(headers.get("content-type", ""))
    if kind not in _TAKEN or parameters.get("charset", "utf-8").lower() not in ("utf-8", "utf8", "us-ascii"):
        return 415, "not-supported", "send Content-Type: application/fhir+json, in UTF-8"
    if parameters.get("fhirversion", "") not in _R4:
        return 415, "not-supported", "send FHIR R4: fhirVersion=4.0"
    if headers.get("content-encoding", "identity").lower() != "identity":
        return 415, "not-supported", "send it uncompressed, without Content-Encoding"
    accepted = [_media(part)[0] for part in headers.get("accept", "*/*").split(",")]
    if not any(each in _GIVEN for each in accepted):
        return 406, "not-supported", "answers are application/fhir+json: accept it"
    return None


def _media(text: str) -> tuple[str, dict[str, str]]:
    kind, *rest = text.split(";")
    pairs = (part.partition("=") for part in rest)
    return kind.strip().lower(), {name.strip().lower(): value.strip().strip('"') for name, _equals, value in pairs}
