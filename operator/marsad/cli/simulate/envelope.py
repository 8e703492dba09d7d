"""What a sender must know of a message to send it: who it is from, how it is called, which answers it asks for."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Outgoing:
    """A message on its way. `lane` orders: messages with the same lane are delivered in order.

    `accept` and `application` say which acknowledgements to wait for (MSH-15 and MSH-16); `again` marks bytes that this
    play has sent before, on purpose. `visit` (facility code, number) and `trigger` are given of what a facility of this
    play says.
    """

    data: bytes
    sender: str
    control_id: str
    lane: str
    accept: bool
    application: bool
    again: bool = False
    visit: tuple[str, str] = ("", "")
    trigger: str = ""


def envelope(data: bytes, again: bool = False) -> Outgoing:
    """Reads what it can from the header and never fails: malformed messages are sent too.

    Both fields empty: one application acknowledgement (original mode). Otherwise each is waited for only where it says
    AL: an empty field beside a filled one is NE, and ER or SU may rightly stay without answer (HL7 v2.5.1, 2.9.3).
    """
    lines = data.split(b"\r")
    mark = data[3:4] or b"|"
    header = [value.decode("utf-8", "replace") for value in lines[0].split(mark)]
    header += [""] * (18 - len(header))
    accept, application = header[14], header[15]
    original = not accept and not application
    patient = next((line.split(mark) for line in lines if line.startswith(b"PID")), [])
    lane = patient[3].split(b"^")[0].decode("latin-1") if len(patient) > 3 else ""
    return Outgoing(data, f"{header[2]}/{header[3]}", header[9], lane, accept == "AL",
                    original or application == "AL", again)  # fmt: skip
