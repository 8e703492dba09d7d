"""A HealthCluster becomes a running center, and what a hospital sends is counted once and right."""

from __future__ import annotations

import json

import pytest

from e2e import facts, oracle
from e2e.kind.center import SIMHOSP, Center
from e2e.kubectl import eventually
from e2e.mllp import Sender, code, messages

pytestmark = pytest.mark.kind


@pytest.fixture(scope="module")
def played(makkah: Center) -> tuple[Center, oracle.Count]:
    """The shared file, sent once through MLLP; every message acknowledged."""
    with Sender(*makkah.gateway) as sender:
        answers = [code(sender.send(message)) for message in messages(oracle.SHARED_FILE)]
    assert set(answers) == {"CA"}, "the file asks for accept acknowledgements (MSH-15 AL), and all of it is good"
    return makkah, oracle.count(oracle.SHARED_FILE)


def test_every_message_of_the_file_is_stored_once(played: tuple[Center, oracle.Count]) -> None:
    center, expected = played
    rows = center.kube.psql(center.name, "select count(*), count(distinct control_id) from center.message "
                            f"where sending_application = '{SIMHOSP[0]}' and control_id ~ '^[0-9]+$'")  # fmt: skip
    assert rows == [[str(expected.messages), str(expected.messages)]]


def test_the_database_counts_what_an_independent_reading_of_the_file_counts(
    played: tuple[Center, oracle.Count], facility: str
) -> None:
    center, expected = played
    [[text]] = center.kube.psql(center.name, facts.query(facility))
    assert json.loads(text) == facts.told(expected)


def test_the_dashboard_shows_what_an_independent_reading_of_the_file_counts(
    played: tuple[Center, oracle.Count], facility: str
) -> None:
    center, expected = played
    [[stored]] = center.kube.psql(center.name, "select count(*) from center.message where ack_code in ('AA', 'CA') "
                                  f"and facility = '{facility}'")  # fmt: skip
    eventually("all of it is shown", lambda: center.feed(facility)["accepted"] == int(stored), 120)
    eventually("the census", lambda: center.figure("ed.census", facility)["value"] == expected.ed_census, 120)
    beds = expected.beds_occupied
    eventually("the beds", lambda: center.figure("bed.occupancy", facility)["numerator"] == beds, 120)
    waiting = center.figure("ed.waiting", facility)["breakdown"]
    assert {level: count for level, count in waiting.items() if count} == expected.waiting
    feed = center.feed(facility)
    assert feed["accepted"] == int(stored) >= expected.messages
    assert (feed["rejected"], feed["quarantined"]) == (0, 0)


def test_the_same_file_again_counts_nothing_twice(played: tuple[Center, oracle.Count], facility: str) -> None:
    center, expected = played
    before = center.feed(facility)
    with Sender(*center.gateway) as sender:
        answers = {code(sender.send(message)) for message in messages(oracle.SHARED_FILE)}
    assert answers == {"CA"}

    def counted() -> bool:
        return bool(center.feed(facility)["duplicate"] >= before["duplicate"] + expected.messages)

    eventually("the duplicates are counted", counted, 120)
    after = center.feed(facility)
    assert after["accepted"] == before["accepted"]
    assert center.figure("ed.census", facility)["value"] == expected.ed_census
