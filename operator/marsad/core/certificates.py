"""Certificates of MLLP and FHIR over TLS: what objects hold, which the operator issues itself, and when anew.

Pure: keys are made in shell/issuing.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from marsad.api.names import GATEWAY, GROUP
from marsad.api.tls import Hl7Tls
from marsad.core.acceptance import refusal
from marsad.core.stamp import ours
from marsad.core.world import Held, Key, Manifest, Observed

AUTHORITY, SERVER = "gateway-authority", "gateway-tls"
"""Secrets that the operator makes: its own authority of a center, and what that signs for the gateway. A ConfigMap of
the first name publishes the authority's certificate."""
ANNOTATION_CERTIFICATE = f"{GROUP}/certificate"  # the authority's, on its Secret: what is published of it

AUTHORITY_VALID, AUTHORITY_RENEWED = timedelta(days=3650), timedelta(days=730)
VALID, RENEWED = timedelta(days=90), timedelta(days=30)
"""How long a certificate is valid, and how long before its end it is issued anew."""

CERTIFICATE, KEY, CA = "tls.crt", "tls.key", "ca.crt"


class Step(StrEnum):
    """What becomes of the authority before it signs: kept, a new certificate for its old key (who trusts the old one
    trusts what it signs), or a new one."""

    KEEP = "keep"
    RENEW = "renew"
    MAKE = "make"


@dataclass(frozen=True)
class Due:
    """A certificate to be issued for the gateway, with these names and addresses; `authority` is the step before."""

    authority: Step
    names: tuple[str, ...]


def declared(observed: Observed) -> Hl7Tls | None:
    """TLS as it is declared, for every pipeline that is on; None where nobody is to listen for it."""
    pipelines = observed.cluster.spec.pipelines
    return pipelines.hl7.tls if pipelines.hl7.enabled or pipelines.fhir.enabled else None


def objects(observed: Observed) -> Iterator[tuple[str, str]]:
    """(kind, name) of what must be read to know whether TLS can be spoken."""
    if (tls := declared(observed)) is None:
        return
    yield from ((("Secret", tls.secret_name),) if tls.secret_name else (("Secret", AUTHORITY), ("Secret", SERVER)))
    yield tls.client_authority.kind, tls.client_authority.name


def read(data: Mapping[str, bytes]) -> Held:
    """What the data of a Secret or ConfigMap hold: a certificate with its key, else the authorities of ca.crt."""
    try:
        if CERTIFICATE in data or KEY in data or CA not in data:
            return _pair(data)
        found = x509.load_pem_x509_certificates(data[CA])
    except ValueError:
        return Held(fault=f"{CERTIFICATE if CERTIFICATE in data else CA} holds no certificate in PEM")
    return Held(expires_at=max(one.not_valid_after_utc for one in found))


def _pair(data: Mapping[str, bytes]) -> Held:
    missing = [name for name in (CERTIFICATE, KEY) if not data.get(name)]
    if missing:
        return Held(fault=f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing")
    certificate = x509.load_pem_x509_certificates(data[CERTIFICATE])[0]
    try:
        key = serialization.load_pem_private_key(data[KEY], password=None)
    except (ValueError, TypeError):
        return Held(fault=f"{KEY} holds no key in PEM without a password")
    if key.public_key() != certificate.public_key():
        return Held(fault=f"{KEY} does not belong to {CERTIFICATE}")
    return Held(
        expires_at=certificate.not_valid_after_utc,
        names=_names(certificate),
        issuer=_issuer(certificate),
        signs=x509.SubjectKeyIdentifier.from_public_key(certificate.public_key()).digest.hex(),
    )


def _names(certificate: x509.Certificate) -> frozenset[str]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return frozenset()
    addresses = (str(one) for one in found.get_values_for_type(x509.IPAddress))
    return frozenset(found.get_values_for_type(x509.DNSName)) | frozenset(addresses)


def _issuer(certificate: x509.Certificate) -> str:
    try:
        signer = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    except x509.ExtensionNotFound:
        return ""
    return (signer or b"").hex()


def names(observed: Observed, tls: Hl7Tls) -> tuple[str, ...]:
    """What the gateway is called: as a Service, and as is declared."""
    namespace = observed.cluster.namespace
    service = (
        f"{GATEWAY}.{namespace}.svc",
        f"{GATEWAY}.{namespace}.svc.cluster.local",
        f"{GATEWAY}.{namespace}",
        GATEWAY,
    )
    return tuple(dict.fromkeys((*service, *map(_canonical, tls.names))))


def _canonical(name: str) -> str:
    """An address as a certificate tells it again: fd00:0::7 is fd00::7."""
    try:
        return str(ip_address(name))
    except ValueError:
        return name


def due(observed: Observed) -> Due | None:
    """What the operator should issue now, or None. What someone else made under these names is never replaced."""
    cluster, tls = observed.cluster, declared(observed)
    halted = cluster.spec.paused or cluster.deleting or observed.namespace_going or refusal(observed) is not None
    if halted or tls is None or tls.secret_name:
        return None
    step = _authority(observed)
    wanted = names(observed, tls)
    if step is None or not (step is not Step.KEEP or _server_is_due(observed, wanted)):
        return None
    return Due(step, wanted)


def _authority(observed: Observed) -> Step | None:
    """None where there is one that cannot sign and is not ours, or none that could be read."""
    live = observed.get("", "Secret", AUTHORITY)
    if live is None:
        return Step.MAKE
    held = observed.certificates.get(Key.of(live))
    if held is None:
        return None
    if not ours(live, observed.cluster):
        return None if held.fault else Step.KEEP
    if held.fault:
        return Step.MAKE
    return Step.RENEW if ends(held, observed.now + AUTHORITY_RENEWED) else Step.KEEP


def _server_is_due(observed: Observed, wanted: tuple[str, ...]) -> bool:
    live = observed.get("", "Secret", SERVER)
    if live is None:
        return True
    held = observed.certificates.get(Key.of(live))
    if held is None or not ours(live, observed.cluster):
        return False
    signer = observed.certificates[Key("", "Secret", observed.cluster.namespace, AUTHORITY)].signs
    same = held.names == frozenset(wanted) and held.issuer == signer
    return bool(held.fault) or not same or ends(held, observed.now + RENEWED)


def ends(held: Held, before: datetime) -> bool:
    """Whether what an object holds is not valid until then."""
    return held.expires_at is None or held.expires_at < before


def published(observed: Observed) -> str:
    """The certificate of the operator's own authority, in PEM; empty where it has none or does not issue."""
    tls, live = declared(observed), observed.get("", "Secret", AUTHORITY)
    if tls is None or tls.secret_name or live is None:
        return ""
    annotations: Mapping[str, str] = live["metadata"].get("annotations") or {}
    return annotations.get(ANNOTATION_CERTIFICATE, "")


def own_secrets(observed: Observed) -> list[Manifest]:
    """The live Secrets that the operator made for TLS, wanted still or not."""
    found = (observed.get("", "Secret", name) for name in (AUTHORITY, SERVER))
    return [live for live in found if live is not None and ours(live, observed.cluster)]
