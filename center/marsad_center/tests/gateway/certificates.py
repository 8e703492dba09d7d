"""Certificates for tests: an authority of facilities, another that nobody trusts, and what they sign."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PEM = serialization.Encoding.PEM


@dataclass(frozen=True)
class Signed:
    """A certificate and its key, in PEM."""

    certificate: bytes
    key: bytes

    @property
    def fingerprint(self) -> str:
        """As `openssl x509 -fingerprint -sha256` prints it: AB:CD:..."""
        return x509.load_pem_x509_certificate(self.certificate).fingerprint(hashes.SHA256()).hex(":").upper()

    def write(self, folder: Path, name: str) -> tuple[Path, Path]:
        """NAME.crt and NAME.key in the folder."""
        paths = folder / f"{name}.crt", folder / f"{name}.key"
        paths[0].write_bytes(self.certificate)
        paths[1].write_bytes(self.key)
        return paths


class Authority:
    """An authority that signs whatever a test asks for."""

    def __init__(self, name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        made = _builder(self._name, self._name, self._key, 30).add_extension(x509.BasicConstraints(True, None), True)
        self.certificate = made.sign(self._key, hashes.SHA256()).public_bytes(PEM)

    def sign(
        self,
        common_name: str,
        *,
        dns: tuple[str, ...] = (),
        uri: tuple[str, ...] = (),
        days: int = 1,
        server: bool = False,
    ) -> Signed:
        """A certificate that is valid from yesterday for `days` from now (negative: expired)."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        usage = ExtendedKeyUsageOID.SERVER_AUTH if server else ExtendedKeyUsageOID.CLIENT_AUTH
        made = _builder(subject, self._name, key, days).add_extension(x509.ExtendedKeyUsage([usage]), False)
        names = [*map(x509.DNSName, dns), *map(x509.UniformResourceIdentifier, uri)]
        if names:
            made = made.add_extension(x509.SubjectAlternativeName(names), False)
        pem = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        return Signed(made.sign(self._key, hashes.SHA256()).public_bytes(PEM), pem)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, days: int
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=10))
        .not_valid_after(now + timedelta(days=days))
    )


def client_context(folder: Path, trusted: bytes, shown: Signed | None) -> ssl.SSLContext:
    """What a facility speaks TLS with: it trusts the gateway's authority, and shows a certificate or none."""
    context = ssl.create_default_context(cadata=trusted.decode())
    if shown is not None:
        context.load_cert_chain(*shown.write(folder, "client"))
    return context
