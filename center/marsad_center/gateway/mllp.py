"""MLLP framing without I/O: bytes in, frames and faults out, the same whatever the fragmentation.

A block is 0x0B, content, 0x1C 0x0D (HL7 Transport Specification: MLLP, release 1). Senders break the rule in known
ways; each becomes an event, so that nothing is lost silently and the next good frame is found again.
"""

from __future__ import annotations

from dataclasses import dataclass

START = 0x0B
END = b"\x1c\x0d"
_RESTART = b"\x0bMSH"  # a new message begins inside a block: the one before was never finished
_MOST_RESTARTS = 16  # told apart in one block: four bytes may begin one, so a block could hold millions
_BLANK = b"\r\n \t"  # line ends that some senders add after a block


@dataclass(frozen=True, slots=True)
class Frame:
    """The content of one whole block."""

    content: bytes


@dataclass(frozen=True, slots=True)
class Truncated:
    """Content of a block that never ended, because a new one began in it or the stream stopped."""

    content: bytes


@dataclass(frozen=True, slots=True)
class TooLong:
    """A block over the limit: its first bytes, and how long it was in all."""

    head: bytes
    size: int


@dataclass(frozen=True, slots=True)
class Junk:
    """Bytes between blocks. `fatal`: a block end without a start, or more than is bearable; close the connection."""

    content: bytes
    fatal: bool


Event = Frame | Truncated | TooLong | Junk


def wrap(content: bytes) -> bytes:
    """`content` as a block."""
    return b"\x0b" + content + END


class Framer:
    """One connection's stream. `limit`, `junk_limit`, `head`: bytes of content, of junk, and kept of a TooLong.

    After a fatal Junk the stream is not looked at any more.
    """

    def __init__(self, limit: int = 16 * 1024 * 1024, junk_limit: int = 64 * 1024, head: int = 64 * 1024) -> None:
        self._limit, self._junk_limit, self._head = limit, junk_limit, head
        self._buffer = bytearray()
        self._inside = False
        self._searched = (
            0  # how far the buffer is known to hold no END, so that 1-byte fragments cost no quadratic search
        )
        self._dropped = 0  # bytes of an overlong block that were let go
        self._dead = False

    @property
    def partial(self) -> bool:
        """True while bytes wait for more: within a block, or junk without a start."""
        return not self._dead and (self._inside or bool(self._buffer.strip(_BLANK)))

    @property
    def buffered(self) -> int:
        """Bytes held."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[Event]:
        """What `data` completes, in order."""
        events: list[Event] = []
        if self._dead:
            return events
        if self._inside or self._buffer:
            self._buffer += data
            if not self._take(events, blocks=1):
                return events
            data = bytes(self._buffer)
            self._buffer.clear()
        self._buffer += self._take_plain(data, events)
        self._take(events)
        return events

    def _take_plain(self, data: bytes, events: list[Event]) -> bytes:
        """Blocks at the beginning that are whole and follow the rule, as nearly all do. What is left."""
        at = 0
        while data[at : at + 1] == b"\x0b":
            end = data.find(END, at + 1)
            if end < 0 or end - at - 1 > self._limit:
                break
            content = data[at + 1 : end]
            if _RESTART in content:
                break
            events.append(Frame(content))
            at = end + len(END)
        return data[at:]

    def _take(self, events: list[Event], blocks: int = 0) -> bool:
        """What the buffer completes: all of it, or until so many blocks are. Whether they are, and more may follow."""
        taken = 0
        while not self._dead:
            if self._inside:
                if not self._take_block(events):
                    return False
                taken += 1
                if taken == blocks:
                    return True
            elif not self._take_start(events):
                return False
        return False

    def close(self) -> list[Event]:
        """What is left when the stream ends."""
        events: list[Event] = []
        if self._dead:
            return events
        if self._inside:
            size = self._dropped + len(self._buffer)
            if size > self._limit:
                events.append(TooLong(bytes(self._buffer[: self._head]), size))
            else:
                events += _split(bytes(self._buffer), finished=False)
        elif self._buffer.strip(_BLANK):
            events.append(Junk(bytes(self._buffer), fatal=True))
        self._dead = True
        self._buffer.clear()
        return events

    def _take_start(self, events: list[Event]) -> bool:
        start = self._buffer.find(START)
        end = self._buffer.find(END, self._searched)
        junk_ends = start if start >= 0 else len(self._buffer)
        if 0 <= end < min(junk_ends, self._junk_limit - 1):  # an end without a start: the sender waits for an answer
            return self._die(events, bytes(self._buffer[: end + len(END)]))
        if junk_ends > self._junk_limit:
            return self._die(events, bytes(self._buffer[: self._junk_limit]))
        if start < 0:
            self._searched = max(0, len(self._buffer) - 1)
            return False
        junk = bytes(self._buffer[:start])
        if junk.strip(_BLANK):
            events.append(Junk(junk, fatal=False))
        del self._buffer[: start + 1]
        self._inside, self._searched = True, 0
        return True

    def _take_block(self, events: list[Event]) -> bool:
        end = self._buffer.find(END, self._searched)
        if end < 0:
            if len(self._buffer) + self._dropped > self._limit + 1:  # one more may be the first byte of END
                # Keep the head and the last byte (it may be the first of END); the middle is only counted.
                keep = max(self._head, 1)
                self._dropped += max(0, len(self._buffer) - keep - 1)
                del self._buffer[keep:-1]
            self._searched = max(0, len(self._buffer) - 1)
            return False
        size = self._dropped + end
        if size > self._limit:
            events.append(TooLong(bytes(self._buffer[: min(self._head, end)]), size))
        else:
            with memoryview(self._buffer) as view:  # one copy, not two: the block may have 16 MiB
                content = bytes(view[:end])
            events += _split(content, finished=True)
        del self._buffer[: end + len(END)]
        self._inside, self._searched, self._dropped = False, 0, 0
        return True

    def _die(self, events: list[Event], junk: bytes) -> bool:
        events.append(Junk(junk, fatal=True))
        self._dead = True
        self._buffer.clear()
        return False


def _split(content: bytes, *, finished: bool) -> list[Event]:
    """A block's content; where messages began inside it, all but the last are truncated ones, and those before the
    last few are told as one."""
    parts = content.rsplit(_RESTART, _MOST_RESTARTS)
    whole = [parts[0], *(b"MSH" + part for part in parts[1:])]
    events: list[Event] = [Truncated(part) for part in whole[:-1] if part.strip(_BLANK)]
    events.append(Frame(whole[-1]) if finished else Truncated(whole[-1]))
    return events
