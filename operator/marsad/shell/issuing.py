"""Makes keys, and certificates that an authority of a center's own signs. Nothing here asks or writes anything."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from marsad.api.names import GATEWAY
from marsad.core.certificates import AUTHORITY_VALID, CA, CERTIFICATE, KEY, VALID

CLOCKS = timedelta(hours=1)  # how far a facility's clock may be behind
PEM = serialization.Encoding.PEM


@dataclass(frozen=True)
class Signer:
    """An authority: its certificate and its key."""

    certificate: x509.Certificate
    key: CertificateIssuerPrivateKeyTypes


def authority(namespace: str, now: datetime, before: Signer | None = None) -> Signer:
    """An authority of a center's own; with `before` its key lives on under a new certificate."""
    key = before.key if before is not None else ec.generate_private_key(ec.SECP256R1())
    assert isinstance(key, ec.EllipticCurvePrivateKey)  # what is renewed was made here
    name = _name(f"Marsad gateway authority of {namespace}")
    usage = x509.KeyUsage(
        digital_signature=False, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    made = (
        _builder(name, name, key.public_key(), now, AUTHORITY_VALID)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
    )
    return Signer(made.sign(key, hashes.SHA256()), key)


def server(names: tuple[str, ...], signer: Signer, now: datetime) -> dict[str, bytes]:
    """A new key, and its certificate with these names followed by what signed it, as a Secret's data."""
    key = ec.generate_private_key(ec.SECP256R1())
    alternatives: list[x509.GeneralName] = [_alternative(name) for name in names]
    signed_by = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.certificate.public_key())  # type: ignore[arg-type]
    made = (
        _builder(_name(GATEWAY), signer.certificate.subject, key.public_key(), now, VALID)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(signed_by, critical=False)
    )
    certificate = made.sign(signer.key, hashes.SHA256())
    authority_pem = pem(signer.certificate)
    return {**pair(certificate, key), CERTIFICATE: pem(certificate) + authority_pem, CA: authority_pem}


def loaded(data: Mapping[str, bytes]) -> Signer:
    """The authority that a Secret holds, which was judged to be one."""
    key = serialization.load_pem_private_key(data[KEY], password=None)
    return Signer(x509.load_pem_x509_certificates(data[CERTIFICATE])[0], key)  # type: ignore[arg-type]


def pair(certificate: x509.Certificate, key: CertificateIssuerPrivateKeyTypes) -> dict[str, bytes]:
    """Certificate and key as the data of a Secret of type kubernetes.io/tls."""
    written = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return {CERTIFICATE: pem(certificate), KEY: written}


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, valid: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now.astimezone(UTC) - CLOCKS)
        .not_valid_after(now.astimezone(UTC) + valid)
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common[:64])])


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def pem(certificate: x509.Certificate) -> bytes:
    """The certificate as text."""
    return certificate.public_bytes(PEM)
