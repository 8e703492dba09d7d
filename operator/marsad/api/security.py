"""Where a center's data may be held, who may reach it or be reached by it, and who is believed."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field

from marsad.api.model import Model, rule, rules, short_name

PRIVATE_RANGES = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
"""Private address space (RFC 1918), from which a center may be reached by default."""

_COUNTRY = rule("self.matches('^[A-Z]{2}$')", "a country is two capital letters as in ISO 3166-1, such as SA")
Country = Annotated[str, Field(max_length=16, json_schema_extra=rules(_COUNTRY))]
"""ISO 3166-1 alpha-2 code."""

_CIDR = rule("isCIDR(self)", "an address range is written as 10.20.0.0/16 or fd00::/48")
Cidr = Annotated[str, Field(max_length=64, json_schema_extra=rules(_CIDR))]
"""A range of IPv4 or IPv6 addresses."""

_NARROW = rule(
    "!isCIDR(self) || cidr(self).prefixLength() >= 8",
    "an egress range wider than /8 is refused: name the destination, not the internet",
)
Destination = Annotated[str, Field(max_length=64, json_schema_extra=rules(_CIDR, _NARROW))]
"""A range of addresses that the center may reach."""

Ranges = Annotated[tuple[Cidr, ...], Field(max_length=64, json_schema_extra=rules(x_kubernetes_list_type="set"))]
"""Ranges of addresses, each once."""


class Residency(Model):
    """In which countries data that identifies patients may be held."""

    country: Annotated[
        str,
        Field(
            max_length=16,
            json_schema_extra=rules(
                _COUNTRY,
                rule("self == oldSelf", "security.residency.country cannot be changed: the data is already held there"),
            ),
        ),
    ]
    """Country whose law governs the data and where it is held, as two letters of ISO 3166-1; it cannot be changed."""
    allowed_jurisdictions: Annotated[
        tuple[Country, ...], Field(max_length=32, json_schema_extra=rules(x_kubernetes_list_type="set"))
    ] = ()
    """Further countries to which identifiable data may go; none by default."""


class Protocol(StrEnum):
    """Transport protocol."""

    TCP = "TCP"
    UDP = "UDP"


class EgressPort(Model):
    """A port that may be reached."""

    port: Annotated[
        int,
        Field(json_schema_extra=rules(rule("self >= 1 && self <= 65535", "a port is a number from 1 to 65535"))),
    ]
    """Port number."""
    protocol: Protocol = Protocol.TCP
    """TCP or UDP."""


class Egress(Model):
    """A destination outside the center that its pods may reach."""

    name: Annotated[
        str,
        Field(
            max_length=63,
            json_schema_extra=rules(
                short_name("an egress name has 1 to 40 lower-case letters, digits or dashes, such as referral-system")
            ),
        ),
    ]
    """What the destination is, such as referral-system; it names the network policy."""
    cidr: Destination
    """Addresses of the destination."""
    ports: Annotated[
        tuple[EgressPort, ...],
        Field(
            max_length=16,
            json_schema_extra=rules(
                rule("self.size() > 0", "an egress names at least one port"),
                x_kubernetes_list_type="map",
                x_kubernetes_list_map_keys=["port", "protocol"],
            ),
        ),
    ]
    """Ports of the destination."""
    jurisdiction: Country | None = None
    """Country in which the destination is; the residency's own country where absent."""


class Ingress(Model):
    """From which addresses the center may be reached."""

    gateway: Ranges = PRIVATE_RANGES
    """Ranges of the facilities that send to the gateway."""
    dashboard: Ranges = PRIVATE_RANGES
    """Ranges of the people who read the dashboard."""


_RESIDENCY_RULE = rule(
    "self.allowedEgress.all(to, !has(to.jurisdiction) || to.jurisdiction == self.residency.country || "
    "to.jurisdiction in self.residency.allowedJurisdictions)",
    "an allowedEgress leads to a country that security.residency does not allow: identifiable data could leave",
)


_OWN_HEADERS = (
    *("authorization", "proxy-authorization", "cookie", "host", "origin", "referer", "user-agent", "from", "via"),
    *("connection", "accept.*", "content-.*", "sec-.*", "if-.*", "transfer-encoding", "last-event-id"),
)
"""What no proxy says who somebody is in: what any browser sends, or what would put a secret into the audit."""


_PROXY_ONLY = rule(
    "!has(self.identityHeader) || self.allowedIngress.dashboard.all(range, "
    "!isCIDR(range) || cidr(range).prefixLength() >= 16)",
    "identityHeader is believed of whoever reaches the dashboard: let allowedIngress.dashboard name the proxy's own "
    "addresses, such as 10.20.0.7/32, and no range wider than /16",
    field_path=".identityHeader",
)


class Security(Model):
    """Residency, network edges and identity; what is not allowed here is denied."""

    model_config = ConfigDict(json_schema_extra=rules(_RESIDENCY_RULE, _PROXY_ONLY))

    residency: Residency
    """In which countries data that identifies patients may be held."""
    allowed_egress: Annotated[
        tuple[Egress, ...],
        Field(
            max_length=32,
            json_schema_extra=rules(x_kubernetes_list_type="map", x_kubernetes_list_map_keys=["name"]),
        ),
    ] = ()
    """Destinations outside the center that its pods may reach, besides DNS and each other; none by default."""
    allowed_ingress: Ingress = Ingress()
    """From which addresses the center may be reached; the private ranges by default. Of pods, those only whose own
    range is named, where the operator was told the pod network."""
    identity_header: Annotated[
        str | None,
        Field(
            max_length=64,
            json_schema_extra=rules(
                rule(
                    "self.matches('^[A-Za-z][A-Za-z0-9-]*$')",
                    "security.identityHeader is the name of an HTTP header, such as X-Forwarded-User",
                ),
                rule(
                    f"!self.lowerAscii().matches('^({'|'.join(_OWN_HEADERS)})$')",
                    "security.identityHeader may not be a header that browsers send themselves or that holds a "
                    "secret: name the one that the proxy alone sets, such as X-Forwarded-User",
                ),
            ),
        ),
    ] = None
    """Header in which a proxy that authenticates says who the reader is, such as X-Forwarded-User; it is kept with each
    answer to a recommendation. WARNING: whoever reaches the dashboard past that proxy can put any name into the header
    and so into the audit. Set it only where the proxy is the only way in (allowedIngress.dashboard names its
    addresses and no others) and where it replaces what the reader sent. A change restarts the dashboard's pods, one
    after the other. No header is believed where absent."""
