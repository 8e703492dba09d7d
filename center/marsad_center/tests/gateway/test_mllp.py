"""Framing: the same frames whatever the fragmentation, and nothing lost silently."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from marsad_center.gateway import mllp
from marsad_center.gateway.mllp import Event, Frame, Framer, Junk, TooLong, Truncated, wrap

# Small alphabets and limits, so that frame bytes, restarts and limits are met all the time.
PIECES = st.sampled_from(
    [b"\x0b", b"\x1c", b"\r", b"\x1c\r", b"\x0bMSH", b"MSH", b"|", b"a", b"\n", b"\0", b"abcdefgh"]
)
STREAMS = st.lists(PIECES, max_size=40).map(b"".join)


def played(stream: bytes, cuts: list[int]) -> list[Event]:
    framer = Framer(limit=20, junk_limit=12, head=5)
    edges = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    events = [event for start, end in itertools.pairwise(edges) for event in framer.feed(stream[start:end])]
    return events + framer.close()


@given(STREAMS, st.lists(st.integers(0, 400), max_size=20))
def test_any_fragmentation_gives_the_same_events(stream: bytes, cuts: list[int]) -> None:
    assert played(stream, cuts) == played(stream, []) == played(stream, list(range(len(stream))))


@given(st.lists(st.binary(min_size=1, max_size=15).filter(lambda b: not {0x0B, 0x1C} & set(b)), max_size=8))
def test_what_was_wrapped_comes_out(contents: list[bytes]) -> None:
    assert played(b"".join(map(wrap, contents)), []) == [Frame(content) for content in contents]


@given(STREAMS)
def test_every_byte_is_in_an_event_or_is_framing_or_comes_after_a_fatal_one(stream: bytes) -> None:
    framer = Framer(limit=10_000, junk_limit=10_000)
    events = framer.feed(stream) + framer.close()
    if any(isinstance(event, Junk) and event.fatal for event in events):
        return
    told = b"".join(event.content for event in events if not isinstance(event, TooLong))
    framing = b"\x0b\x1c\r\n"
    assert told.translate(None, framing) == stream.translate(None, framing)


def test_line_ends_between_frames_are_no_junk() -> None:
    assert played(wrap(b"MSH|1") + b"\r\n" + wrap(b"MSH|2") + b"\n", []) == [Frame(b"MSH|1"), Frame(b"MSH|2")]


def test_junk_is_told_and_the_next_frame_is_found() -> None:
    assert played(b"junk" + wrap(b"MSH|1"), []) == [Junk(b"junk", fatal=False), Frame(b"MSH|1")]


def test_an_end_without_a_start_is_fatal_because_its_sender_waits_for_an_answer() -> None:
    assert played(b"MSH|1\x1c\r" + wrap(b"MSH|2"), []) == [Junk(b"MSH|1\x1c\r", fatal=True)]


def test_a_message_that_begins_in_an_unfinished_one_is_found() -> None:
    assert played(b"\x0bMSH|1" + wrap(b"MSH|2"), []) == [Truncated(b"MSH|1"), Frame(b"MSH|2")]


def test_of_many_messages_that_begin_in_one_block_the_last_is_whole_and_the_first_are_told_as_one() -> None:
    parts = [b"MSH|%d" % number for number in range(5000)]
    framer = Framer()
    events = framer.feed(wrap(b"\x0b".join(parts)))
    assert events[-1] == Frame(b"MSH|4999")
    assert len(events) <= 20
    assert b"\x0b".join(event.content for event in events if isinstance(event, Truncated | Frame)) == b"\x0b".join(
        parts
    )


def test_a_frame_of_exactly_the_limit_is_whole_and_one_byte_more_is_too_long() -> None:
    for content, expected in ((b"x" * 20, Frame(b"x" * 20)), (b"x" * 21, TooLong(b"x" * 5, 21))):
        assert played(wrap(content), []) == played(wrap(content), list(range(30))) == [expected]


def test_an_overlong_frame_is_not_kept_in_memory() -> None:
    framer = Framer(limit=1000, head=100)
    assert framer.feed(b"\x0b") == []
    for _ in range(1000):
        assert framer.feed(b"x" * 100) == []
        assert framer.buffered <= 1100
    assert framer.feed(mllp.END + wrap(b"MSH|1")) == [TooLong(b"x" * 100, 100_000), Frame(b"MSH|1")]
