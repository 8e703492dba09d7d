"""Messages of a file, byte for byte: framed as MLLP, or separated by empty lines."""

import re
from pathlib import Path

from marsad.cli.simulate.facilities import Unusable

_FRAME = re.compile(rb"\x0b(.*?)\x1c\r", re.DOTALL)
_BETWEEN = re.compile(rb"(?:\r?\n){2,}|\r?\n(?=MSH)")


def messages(path: Path) -> list[bytes]:
    """The messages of a file in its order. Raises Unusable.

    Framed messages are taken as they are. Others end in CR and keep every byte but line feeds: files from editors end
    segments with LF or CR LF, which HL7 (2.6) does not know.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise Unusable(f"{path} cannot be read: {error.strerror}") from error
    if data.startswith(b"\x0b"):
        return _FRAME.findall(data)
    # The shared file: segments end in CR, messages in CR LF LF. The last CR is the segment's, so it is put back.
    parts = (part.replace(b"\r\n", b"\r").replace(b"\n", b"\r").strip(b"\r") for part in _BETWEEN.split(data))
    found = [part + b"\r" for part in parts if part.strip()]
    if not found:
        raise Unusable(f"{path} holds no message")
    return found
