"""What a sender speaks TLS with: the authority it trusts, and the certificate that it shows."""

import ssl
from dataclasses import dataclass
from pathlib import Path

from marsad.cli.simulate.facilities import Unusable


@dataclass(frozen=True)
class Tls:
    """A context for connections, and the name that the gateway's certificate must bear."""

    context: ssl.SSLContext
    server_name: str


def tls(ca: Path | None, certificate: Path | None, key: Path | None, server_name: str) -> Tls:
    """TLS from files in PEM. Without `ca` the system's authorities are trusted. Raises Unusable."""
    try:
        context = ssl.create_default_context(cafile=ca)
    except OSError as error:  # ssl.SSLError is one
        raise Unusable(f"--ca {ca}: no certificates can be read from it ({_why(error)})") from error
    if (certificate is None) != (key is None):
        raise Unusable("--cert and --key belong together: give both")
    if certificate is not None and key is not None:
        try:
            context.load_cert_chain(certificate, key)
        except OSError as error:
            raise Unusable(
                f"--cert {certificate} and --key {key}: no certificate with its key ({_why(error)})"
            ) from error
    return Tls(context, server_name)


def _why(error: OSError) -> str:
    return str(getattr(error, "reason", None) or error.strerror or error)
