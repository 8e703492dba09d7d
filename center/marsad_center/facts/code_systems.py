"""Which code systems are everybody's: a code of any other is local, and what it means is for a map to say.

Names are those of HL7 table 0396, of senders' habit, and the URIs and OIDs of FHIR (terminologies-systems).
"""

from __future__ import annotations

import re

_NAMES = frozenset(
    [
        *("I10", "I10P", "I10C", "I10G"),
        *(f"ICD10{edition}" for edition in ("", "AM", "CA", "CM", "GM", "PCS", "SE", "WHO")),
        *("SCT", "SCT2", "SNM3", "SNOMED", "SNOMEDCT", "SNOMEDCTUS"),
        *("LN", "LOINC", "CVX", "MVX", "NDC", "RXNORM", "RXN", "ATC", "WHOATC", "UCUM"),
    ]
)
_HL7_TABLE = re.compile(r"HL7\d{1,4}")
_URIS = (
    "http://hl7.org/fhir/sid/",  # icd-10, icd-10-cm, cvx, ndc...
    "http://terminology.hl7.org/",
    "http://snomed.info/",
    "http://loinc.org",
    "http://www.nlm.nih.gov/research/umls/rxnorm",
    "http://www.whocc.no/atc",
    "http://unitsofmeasure.org",
)
_OIDS = frozenset(
    [
        *(f"2.16.840.1.113883.6.{number}" for number in (1, 3, 8, 69, 73, 88, 90, 96, 135)),
        "2.16.840.1.113883.12.292",  # CVX
    ]
)


def is_standard(system: str) -> bool:
    """Whether `system`, as a sender wrote it, is a code system that needs no map."""
    if system.startswith(_URIS):
        return True
    name = system.upper().removeprefix("URN:OID:")
    plain = re.sub(r"[^A-Z0-9]", "", name)
    return name in _OIDS or plain in _NAMES or _HL7_TABLE.fullmatch(plain) is not None
