"""The facilities to play: read from the declarations that the operator reads, or given on the command line."""

import re
from collections.abc import Collection
from pathlib import Path

import yaml

from marsad.api import facility as api
from marsad.api.feeds import Transport
from marsad.api.model import InvalidObject
from marsad.cli.simulate.hospital import Facility
from marsad.cli.simulate.message import Channel, Sender

_WORD = re.compile(
    r"(?P<code>[^=/:]+)=(?P<application>[^=/:]+)/(?P<facility>[^=/:]+)(:(?P<spaces>\d+))?(:(?P<beds>\d+))?"
)
_LABORATORY = ("lis", "laboratory", "lab")
_RADIOLOGY = ("ris", "radiology", "pacs")


class Unusable(ValueError):
    """What was asked for cannot be played; the text says what to do."""


def from_file(path: Path, transports: Collection[Transport] = (Transport.MLLP,)) -> list[Facility]:
    """The Facility documents of a YAML file with a feed of these transports, in the file's order. Raises Unusable."""
    try:
        documents = [document for document in yaml.safe_load_all(path.read_text()) if isinstance(document, dict)]
        declared = [api.Facility.parse(document) for document in documents if document.get("kind") == "Facility"]
    except OSError as error:
        raise Unusable(f"{path} cannot be read: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise Unusable(f"{path} is not YAML: {error}") from error
    except InvalidObject as error:
        raise Unusable(f"{path} declares a Facility that is not valid: {error}") from error
    found = [facility for each in declared if (facility := _from_declaration(each.spec, transports))]
    if not found:
        raise Unusable(
            f"{path} declares no Facility with a feed of {' or '.join(transports)}; examples/makkah.yaml shows some"
        )
    return found


def from_word(word: str) -> Facility:
    """A facility from `CODE=APPLICATION/FACILITY[:SPACES[:BEDS]]`. Raises Unusable."""
    found = _WORD.fullmatch(word)
    if not found:
        form = "CODE=APPLICATION/FACILITY[:SPACES[:BEDS]], such as KFH=HIS/KFH:40:200"
        raise Unusable(f"--facility {word}: write {form}")
    sender = Sender(found["application"], found["facility"])
    return Facility(found["code"], {Channel.HIS: sender}, int(found["spaces"] or 30), int(found["beds"] or 120))


def _from_declaration(spec: api.FacilitySpec, transports: Collection[Transport]) -> Facility | None:
    senders: dict[Channel, Sender] = {}
    for feed in spec.feeds:
        if feed.transport in transports:
            senders.setdefault(_channel(feed.name), Sender(feed.sending_application, feed.sending_facility))
    if not senders:
        return None
    senders.setdefault(Channel.HIS, next(iter(senders.values())))
    return Facility(spec.code, senders, spec.capacity.ed_spaces, sum(spec.capacity.beds.values()))


def _channel(feed: str) -> Channel:
    """What a feed's name says it is; anything that is not a laboratory or radiology system is the main one."""
    if feed.startswith(_LABORATORY):
        return Channel.LABORATORY
    return Channel.RADIOLOGY if feed.startswith(_RADIOLOGY) else Channel.HIS
