"""What a person does with what was refused, by `marsad` alone: looks, corrects the Facility, takes the messages after
all, and has those read again that were read wrongly."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml

from e2e import facts
from e2e.kind.center import Center
from e2e.kind.senders.conftest import DECLARED, Cli, Senders
from e2e.kubectl import eventually
from e2e.mllp import Sender, code
from marsad_center.tests.gateway.playing import adt

pytestmark = pytest.mark.kind
RUN = f"{time.time_ns()}"
PHYSICIAN = "DR-SECRET-NAME"
BEGAN = datetime.now(UTC)
TAIF, ZAHIR = "TAIFHIS|TAIF", "ZAHIRHIS|ZAHIR"
ZAHIR_DECLARED = {
    "apiVersion": "marsad.dev/v1alpha1",
    "kind": "Facility",
    "metadata": {"name": "al-zahir", "namespace": "makkah"},
    "spec": {
        "code": "ZAHIR", "kind": "Hospital", "level": "City", "displayNames": {"en": "Al-Zahir Hospital"},
        "capacity": {"edSpaces": 10},
        "feeds": [{"name": "his", "sendingApplication": "ZAHIRHIS", "sendingFacility": "ZAHIR"}],
    },
}  # fmt: skip


def told(visit: str, sender: str, *observed: str, minutes: float = 20) -> bytes:
    """An arrival so many minutes ago, and what was observed."""
    stamp = (datetime.now(UTC) - timedelta(minutes=minutes)).strftime("%Y%m%d%H%M%S+0000")
    return adt("A04", visit, visit, at=stamp, more=observed, sender=sender).encode()


def send(center: Center, message: bytes) -> str:
    with Sender(*center.gateway) as sender:
        return code(sender.send(message))


def levels(center: Center) -> dict[str, int]:
    """Who waits in Al-Taif, by triage level."""
    return {level: count for level, count in center.figure("ed.waiting", "TAIF")["breakdown"].items() if count}


def corrected() -> list[dict[str, Any]]:
    """The declarations, with the profile that Al-Taif's messages ask for."""
    documents = list(yaml.safe_load_all(DECLARED.read_text()))
    taif = next(each for each in documents if each["metadata"]["name"] == "al-taif")
    taif["spec"]["feeds"][0]["profile"] = {"triageCodes": ["ACUITY"]}
    return documents


@dataclass(frozen=True)
class Refused:
    """The center that refused, and the numbers of the rows of Al-Taif's message and Al-Zahir's."""

    center: Center
    torn: str
    new: str


@pytest.fixture(scope="module")
def refused(senders: Senders, marsad: Cli) -> Refused:
    """Al-Taif sent what cannot be read as it is declared, and what is read without its triage level; Al-Zahir, which
    nobody declared, sent as well."""
    center = senders.center
    assert send(center, told(f"torn-{RUN}", TAIF, f"OBX|1|ST|DOCTOR^^99T||{PHYSICIAN}||||||F")) == "AE"
    assert send(center, told(f"poor-{RUN}", TAIF, "OBX|1|NM|ACUITY^^99T||2||||||F")) == "AA"
    assert send(center, told(f"new-{RUN}", ZAHIR)) == "AR"
    ids = {row["controlId"]: str(row["id"]) for row in marsad.json("quarantine", "list")["rows"]}
    return Refused(center, ids[f"torn-{RUN}"], ids[f"new-{RUN}"])


def test_what_was_refused_is_listed_and_shown_without_what_it_says_of_the_patient(
    refused: Refused, marsad: Cli
) -> None:
    listed = marsad("quarantine", "list", "--feed", "TAIF/his")
    assert f"torn-{RUN}" in listed
    assert "bad-time" in listed
    shown = marsad("quarantine", "show", refused.torn)
    assert "OBX-5" in shown, "the segment and field"
    assert "in the Facility" in shown, "and what to do"
    assert PHYSICIAN not in listed + shown
    assert PHYSICIAN in marsad("quarantine", "show", refused.torn, "--content")
    access = f"select count(*) from center.content_access where quarantine_id = {refused.torn}"
    assert refused.center.kube.psql(refused.center.name, access) == [["1"]], "who looked at it is on record"


def sender_line(marsad: Cli) -> str:
    """What is said of Al-Zahir among the senders that nobody declared when they sent."""
    (line,) = [line for line in marsad("quarantine", "senders").splitlines() if "ZAHIRHIS" in line]
    return line


def test_an_undeclared_sender_is_listed_for_onboarding(refused: Refused, marsad: Cli) -> None:
    line = sender_line(marsad)
    assert "ZAHIR" in line
    assert "not declared" in line


@pytest.fixture(scope="module")
def mended(refused: Refused, marsad: Cli) -> Iterator[Center]:
    """Al-Taif's profile is put right and Al-Zahir declared, and the gateways know it."""
    center = refused.center
    center.kube.apply(yaml.safe_dump_all([*corrected(), ZAHIR_DECLARED], allow_unicode=True))

    def written() -> bool:
        told = center.kube.get("configmap", "center", center.name)
        return told is not None and "ZAHIRHIS" in told["data"]["center.json"]

    def known() -> bool:  # without a message: what follows must hold for a feed that never had one taken
        return bool(center.feed("ZAHIR")) and "declared since" in sender_line(marsad)

    eventually("the operator tells the center", written, 120)
    center.look_again()
    eventually("the center knows Al-Zahir", known, 120)
    yield center
    center.kube.run("delete", "facility", "al-zahir", "-n", center.name, "--ignore-not-found")


def test_after_the_facility_is_corrected_replay_brings_the_message_in_and_the_figures_follow(
    mended: Center, refused: Refused, marsad: Cli
) -> None:
    before = mended.figure("ed.census", "TAIF")["value"]
    assert f"{refused.torn} stored" in marsad("quarantine", "replay", refused.torn)
    assert mended.stored(f"torn-{RUN}") == {f"torn-{RUN}": 1}
    eventually("one more is there", lambda: mended.figure("ed.census", "TAIF")["value"] == before + 1, 120)
    assert f"torn-{RUN}" not in marsad("quarantine", "list", "--feed", "TAIF/his")


def test_after_a_sender_is_declared_it_is_heard_and_what_it_sent_before_is_taken(
    mended: Center, refused: Refused, marsad: Cli
) -> None:
    assert "declared since: replay" in sender_line(marsad)

    def taken() -> bool:  # 1: others are still unknown, or this pod has not read the declaration yet
        said = marsad("quarantine", "replay", "--reason", "unknown-sender", ok=(0, 1))
        return f"{refused.new} stored" in said

    eventually("what it sent before is taken", taken, 120)
    assert mended.stored(f"new-{RUN}") == {f"new-{RUN}": 1}
    assert "ZAHIRHIS" not in marsad("quarantine", "senders")

    def shown(least: int) -> bool:
        [[count]] = mended.kube.psql(
            mended.name, "select count(*) from center.encounter where facility = 'ZAHIR' and state = 'present'"
        )
        figure = mended.figure("ed.census", "ZAHIR")
        return bool(figure["value"] == int(count) >= least and figure["sourceAt"])

    eventually("who came before is shown, though nothing was heard since", lambda: shown(1), 120)
    eventually("it is heard", lambda: send(mended, told(f"first-{RUN}", ZAHIR)) == "AA", 120)
    eventually("who came before and after is shown", lambda: shown(2), 120)


def test_reading_a_range_again_corrects_what_was_read_wrongly_and_changes_nothing_else(
    mended: Center, marsad: Cli
) -> None:
    span = ("--from", BEGAN.isoformat(timespec="seconds"), "--to", datetime.now(UTC).isoformat(timespec="seconds"))
    unread, hada = levels(mended), mended.kube.psql(mended.name, facts.fingerprint("HADA"))
    said = marsad("reprocess", "--facility", "TAIF", *span)
    assert "1 say something else now. Done." in said, said
    eventually("the triage level is there", lambda: levels(mended).get("2", 0) == unread.get("2", 0) + 1, 120)

    taif = mended.kube.psql(mended.name, facts.fingerprint("TAIF"))
    said = marsad("reprocess")
    assert "0 say something else now. Done." in said, said
    assert mended.kube.psql(mended.name, facts.fingerprint("TAIF")) == taif
    assert mended.kube.psql(mended.name, facts.fingerprint("HADA")) == hada
    assert any(int(rows) for _table, rows, _digest in hada), "an empty hospital would prove nothing"
