"""HL7 v2 and FHIR over TLS: whose certificates are accepted, and with which the gateway shows itself."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

from marsad.api.model import Model, rule, rules

_OBJECT_NAME = rule(
    "self.matches('^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$')",
    "a Secret or ConfigMap is named in lower-case letters, digits, dashes and dots, such as facility-authority",
)
ObjectName = Annotated[str, Field(max_length=253, json_schema_extra=rules(_OBJECT_NAME))]
"""Name of a Secret or ConfigMap of the HealthCluster's namespace."""

_SERVER_NAME = rule(
    "self.matches('^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?([.][a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*$') || isIP(self)",
    "a name of the gateway is a DNS name in lower-case letters or an address, such as hl7.makkah.example or 10.20.0.7",
)


class ClientAuthority(Model):
    """Where the certificates of the authorities are that sign the facilities' certificates."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "has(self.secretName) != has(self.configMapName)",
                "tls.clientAuthority names either secretName or configMapName, the object with the key ca.crt",
            )
        )
    )

    secret_name: ObjectName | None = None
    """Secret of this namespace whose key ca.crt holds the certificates, in PEM."""
    config_map_name: ObjectName | None = None
    """ConfigMap of this namespace whose key ca.crt holds the certificates, in PEM."""

    @property
    def kind(self) -> str:
        """Secret or ConfigMap."""
        return "Secret" if self.secret_name else "ConfigMap"

    @property
    def name(self) -> str:
        """Its name."""
        return self.secret_name or self.config_map_name or ""


class Hl7Tls(Model):
    """Mutual TLS (1.2 or later) on ports 2576 (HL7 v2) and 8443 (FHIR): both sides show a certificate."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "!has(self.secretName) || !has(self.names) || self.names.size() == 0",
                "tls.names stand in the certificate that the operator issues: leave them out where tls.secretName "
                "brings its own",
            )
        )
    )

    client_authority: ClientAuthority
    """Whose signature makes a facility's certificate valid; a connection without such a certificate is refused."""
    secret_name: ObjectName | None = None
    """Secret of this namespace, of type kubernetes.io/tls, with the gateway's certificate (tls.crt, with what signed
    it) and key (tls.key). Where absent, the operator issues a certificate and renews it; the ConfigMap
    gateway-authority then holds the certificate (ca.crt) that facilities have to trust."""
    names: Annotated[
        tuple[Annotated[str, Field(max_length=253, json_schema_extra=rules(_SERVER_NAME))], ...],
        Field(max_length=16, json_schema_extra=rules(x_kubernetes_list_type="set")),
    ] = ()
    """Further names and addresses by which facilities reach the gateway, besides those of its Service: they stand in
    the certificate that the operator issues."""
