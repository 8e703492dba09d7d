"""Whom a killed play left behind: what the file of open visits holds at every moment."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from marsad.cli.simulate.account import Account
from marsad.cli.simulate.facilities import Unusable
from marsad.cli.simulate.hospital import Facility
from marsad.cli.simulate.memory import Memory
from marsad.cli.simulate.message import Channel, Sender
from marsad.cli.simulate.pace import Scribe, facilities
from marsad.cli.simulate.people import Person
from marsad.cli.simulate.player import Player
from marsad.cli.simulate.town import Clock, Town
from marsad.cli.simulate.visit import Place, Visit
from marsad.tests.cli.fake_gateway import FakeGateway

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
KFH = Facility("KFH", {Channel.HIS: Sender("HIS", "KFH")}, 4, 10)
NOOR = Facility("NOOR", {Channel.HIS: Sender("HIS", "NOOR")}, 4, 10)


class Play:
    """One play with the file: `say` writes a message about visit V1 of KFH, `answered` has it accepted."""

    def __init__(self, file: Path) -> None:
        self.memory = Memory(file)
        self.scribe = Scribe("run", ("", ""), self.memory)
        person = Person("R1", ("الغامدي", "محمد"), "M", "19800101")
        self.visit = Visit("KFH", "V1", person, "E", Place("ED"), NOW)

    def say(self, *triggers: str, facility: Facility = KFH) -> None:
        self.messages = [self.scribe.write(facility, self.visit.adt(trigger, NOW), NOW) for trigger in triggers]

    def answered(self) -> None:
        for message in self.messages:
            self.memory.accepted(message)

    def left(self, *played: Facility) -> list[str]:
        return [draft.key for _, draft in self.memory.left(played or (KFH,), NOW)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "open"


@pytest.fixture
def play(file: Path) -> Iterator[Play]:
    play = Play(file)
    yield play
    play.memory.close()


def next_play(file: Path, killed: Play) -> Play:
    killed.memory.close()  # as the kernel does
    return Play(file)


def test_a_visit_is_left_from_before_its_first_message_goes_out(play: Play, file: Path) -> None:
    play.say("A04")
    after = next_play(file, play)
    ((facility, draft),) = after.memory.left([KFH], NOW)
    assert (facility, draft.trigger, draft.key, draft.occurred) == (KFH, "A03", "V1", NOW)
    assert draft.segments == play.visit.adt("A04", NOW).segments[:2]
    message = after.scribe.write(facility, draft, NOW)
    assert after.left() == ["V1"]
    after.memory.accepted(message)
    assert next_play(file, after).left() == []


@pytest.mark.parametrize("end", ["A03", "A11"])
def test_a_visit_is_over_only_when_its_end_was_accepted(play: Play, file: Path, end: str) -> None:
    play.say("A04", end)
    assert play.left() == ["V1"]
    play.answered()
    assert play.left() == []
    assert next_play(file, play).left() == []


def test_a_discharge_that_is_cancelled_before_its_answer_ends_nothing(play: Play, file: Path) -> None:
    play.say("A04", "A03", "A13")
    play.answered()
    assert next_play(file, play).left() == ["V1"]


def test_a_discharge_that_is_cancelled_after_its_answer_opens_the_visit_again(play: Play, file: Path) -> None:
    play.say("A04", "A03")
    play.answered()
    play.say("A13")
    assert next_play(file, play).left() == ["V1"]


def test_visits_of_a_facility_that_is_not_played_wait_for_one_that_plays_it(play: Play, file: Path) -> None:
    play.say("A04")
    play.say("A04", facility=NOOR)  # numbers are a facility's own
    second = next_play(file, play)
    assert (second.left(KFH), second.left(KFH, NOOR)) == (["V1"], ["V1", "V1"])
    second.say("A03")
    second.answered()
    third = next_play(file, second)
    assert (third.left(KFH), third.left(NOOR)) == ([], ["V1"])


def test_a_line_that_was_cut_short_is_passed_over(play: Play, file: Path) -> None:
    play.say("A04")
    play.memory.close()
    file.write_text(file.read_text() + '["KFH", "V2", ["PI')
    assert Play(file).left() == ["V1"]


def test_two_plays_do_not_share_a_file(play: Play, file: Path) -> None:
    play.say("A04")
    with pytest.raises(Unusable, match="another play uses it"):
        Memory(file)


def test_a_play_without_end_does_not_fill_the_disk(play: Play, file: Path) -> None:
    for _ in range(3000):
        play.say("A04", "A03")
        play.answered()
    assert len(file.read_text().splitlines()) < 1100
    with pytest.raises(Unusable, match="another play uses it"):
        Memory(file)  # it is still ours after it was written anew


async def test_a_play_first_tells_what_was_left_and_goes_on_from_there(play: Play, file: Path) -> None:
    play.say("A04")
    after = next_play(file, play)
    town = Town([KFH], 1, Clock(datetime.now(UTC), 1.0), "next", warm=True)
    source = facilities(town, after.scribe, 1000.0, after.memory.left(town.facilities, NOW))
    async with FakeGateway().serving() as gateway:
        player = Player("127.0.0.1", gateway.port, Account(), on_accepted=after.memory.accepted)
        await player.play(source, asyncio.Event(), count=5)
    assert b"|ADT^A03^ADT_A03|" in gateway.received[0]
    assert b"|V1^^^KFH^VN" in gateway.received[0]
    left = next_play(file, after).left()
    assert "V1" not in left
    assert left
