"""Feeds: the systems of a facility that send, how they are recognised, and where theirs deviate from the profile."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field

from marsad.api.model import CONTROL, Model, rule, rules, short_name
from marsad.api.zones import TimeZone


class Transport(StrEnum):
    """How a feed reaches the gateway."""

    MLLP = "MLLP"
    MLLPS = "MLLPS"
    FHIR = "FHIR"
    FHIRS = "FHIRS"


_VALUE = rule(
    "self.matches('^[^|^~&\\\\\\\\\\\\p{Cc}]+$')",
    "a code is not empty and has no control characters or the separators | ^ ~ & and \\",
)
_FIELD = rule(
    "self.matches('^[A-Z][A-Z0-9]{2}-[0-9]{1,2}$')", "a field is a segment and its number, such as PV1-10 or AIS-3"
)
Codes = Annotated[
    tuple[Annotated[str, Field(max_length=64, json_schema_extra=rules(_VALUE))], ...],
    Field(max_length=32, json_schema_extra=rules(x_kubernetes_list_type="set")),
]
"""Codes as they stand in messages, each once."""
_Places = Annotated[
    tuple[Annotated[str, Field(max_length=8, json_schema_extra=rules(_FIELD))], ...],
    Field(max_length=8, json_schema_extra=rules(x_kubernetes_list_type="set")),
]

_FINGERPRINT = rule(
    "self.matches('^([0-9A-Fa-f]{2}:?){31}[0-9A-Fa-f]{2}$')",
    "a fingerprint is the SHA-256 of the certificate: 64 hexadecimal digits, as `openssl x509 -fingerprint -sha256` "
    "prints them",
)


class ClientCertificate(Model):
    """The certificate that a sender shows; where both are given, both must hold."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "has(self.name) || (has(self.fingerprints) && self.fingerprints.size() > 0)",
                "a certificate is known by its name, its fingerprints, or both",
            )
        )
    )

    name: Annotated[
        str | None,
        Field(
            max_length=253,
            json_schema_extra=rules(
                rule(
                    f"self.matches('^[^{CONTROL}]+$')",
                    "a certificate's name is not empty and has no control characters",
                )
            ),
        ),
    ] = None
    """A DNS name or URI of its subject alternative names, or the common name of its subject, as it is written there."""
    fingerprints: Annotated[
        tuple[Annotated[str, Field(max_length=95, json_schema_extra=rules(_FINGERPRINT))], ...],
        Field(max_length=4, json_schema_extra=rules(x_kubernetes_list_type="set")),
    ] = ()
    """SHA-256 of the certificate, in hexadecimal digits; several while one certificate takes the place of another."""


class Profile(Model):
    """Where a feed deviates from the default feed profile (center/marsad_center/gateway/PROFILE.md); a list that is
    given takes the place of the default one."""

    triage_codes: Codes | None = None
    """Codes of OBX-3 whose value is the triage level."""
    physician_contact_codes: Codes | None = None
    """Codes of OBX-3 that tell of the first contact with a physician."""
    admit_decision_codes: Codes | None = None
    """Codes of OBX-3 that tell of the decision to admit."""
    expected_admission_is_decision: bool | None = None
    """Whether an expected admission (PV2-8) in a message of an emergency visit is the decision to admit."""
    offload_codes: Codes | None = None
    """Codes of OBX-3 that tell when an ambulance handed its patient over."""
    ventilated_codes: Codes | None = None
    """Codes of OBX-3 that tell that a patient is ventilated."""
    ambulance_modes: Codes | None = None
    """Values of PV2-38 that mean: came by ambulance."""
    ambulance_types: Codes | None = None
    """Values of PV1-4 that mean: came by ambulance."""
    lwbs_dispositions: Codes | None = None
    """Values of PV1-36 that mean: left without being seen."""
    virtual_codes: Codes | None = None
    """Codes of SCH-8 and AIS-3 that mean a virtual consultation."""
    appointment_specialty: _Places | None = None
    """Fields in which an appointment's specialty stands, such as PV1-10: the first that is filled."""
    order_specialty: _Places | None = None
    """Fields in which the specialty stands that asks for an order, such as ORC-17: the first that is filled."""


def _hl7_name(segment: str, field: str) -> dict[str, str]:
    return rule(
        "self.matches('^[^|^~&\\\\\\\\\\\\p{Cc}]+$')",
        f"{field} is the first component of {segment}, not empty and without control characters "
        "or the separators | ^ ~ & and \\",
    )


_FEED_RULES = rules(
    rule(
        "!(self.transport in ['MLLPS', 'FHIRS']) || has(self.certificate)",
        "a feed over MLLPS or FHIRS names its client certificate: without it, whoever has one could speak for it",
    ),
    rule(
        "self.transport in ['MLLPS', 'FHIRS'] || !has(self.certificate)",
        "certificate is for MLLPS and FHIRS: over another transport none is shown, and it would protect nothing",
    ),
)


class Feed(Model):
    """One system of the facility that sends."""

    model_config = ConfigDict(json_schema_extra=_FEED_RULES)

    name: Annotated[
        str,
        Field(
            max_length=63,
            json_schema_extra=rules(
                short_name("a feed name has 1 to 40 lower-case letters, digits or dashes, such as his")
            ),
        ),
    ]
    """What the sender is, such as his or lis; unique within the facility."""
    sending_application: Annotated[
        str,
        Field(max_length=180, json_schema_extra=rules(_hl7_name("MSH-3", "sendingApplication"))),
    ]
    """First component of MSH-3 in its messages; of FHIR, what stands before the bar of the header X-Marsad-Feed."""
    sending_facility: Annotated[
        str, Field(max_length=180, json_schema_extra=rules(_hl7_name("MSH-4", "sendingFacility")))
    ]
    """First component of MSH-4 in its messages; of FHIR, what stands after the bar of the header X-Marsad-Feed."""
    transport: Transport = Transport.MLLP
    """MLLP, MLLPS (MLLP over TLS), FHIR (over HTTP) or FHIRS (FHIR over TLS). Its sender is heard by this protocol
    only, so what comes by both is declared as two feeds with two senders; what is declared without TLS may come over
    TLS, too. A feed that the release has no ear for is left out, never served in plain text; Connected then says
    NotInRelease. This release has all four."""
    certificate: ClientCertificate | None = None
    """Of a feed over MLLPS or FHIRS: the certificate without which nobody speaks for it. Feeds may share one, such as
    those that an integration engine passes on."""
    time_zone: TimeZone | None = None
    """Time zone of the times that it writes without an offset; the HealthCluster's where absent."""
    profile: Profile | None = None
    """Where it deviates from the default feed profile."""
