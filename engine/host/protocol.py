"""What host and clients say to each other: one JSON object a line, told apart by its ``type``.

`Hello`, `Welcome` and `Stop` keep their shape in every version, so that a client can always find out that
a host is of another version, and ask it to go.
"""

from __future__ import annotations

from typing import Any

import msgspec

from engine.errors import StyloraError

PROTOCOL = 1
LONGEST_LINE = 8 << 20
"""Bytes of one message; a longer one is taken for garbage."""


class Message(msgspec.Struct, frozen=True, tag_field="type", tag=str.lower):
    """Base of everything on the wire."""


class Hello(Message, frozen=True):
    protocol: int
    build: str = ""


class Start(Message, frozen=True):
    ref: int
    kind: str
    params: dict[str, Any]


class Cancel(Message, frozen=True):
    ref: int
    job: str


class Steer(Message, frozen=True):
    """Ask a job under way for an `action` of `engine.control`."""

    ref: int
    job: str
    action: str
    value: int | None = None


class Stop(Message, frozen=True):
    """Ask the host to leave: refused while jobs are active, unless `force` cancels them."""

    ref: int
    force: bool = False


class Welcome(Message, frozen=True):
    protocol: int
    build: str
    pid: int
    active: list[str]
    """Ids of the jobs that are queued or running."""


class Reply(Message, frozen=True):
    """Answer to the request numbered `ref`: a job's id, or the reason why not."""

    ref: int
    job: str = ""
    error: str = ""


class News(Message, frozen=True):
    """`event` was appended to the journal of `job`; it may stand for several reports in a row, see `journal.merged`.

    `trouble` is a line about what is wrong with the keeping of the journal, for as long as that lasts; `stopping` is
    whether the job was asked to stop, and has not come to a point where it can.
    """

    job: str
    event: msgspec.Raw
    trouble: str = ""
    stopping: bool = False


Request = Hello | Start | Cancel | Steer | Stop
Answer = Welcome | Reply | News

_encoder = msgspec.json.Encoder()
_requests: msgspec.json.Decoder[Request] = msgspec.json.Decoder(Request)
_answers: msgspec.json.Decoder[Answer] = msgspec.json.Decoder(Answer)


def pack(message: Message) -> bytes:
    """One line, newline included."""
    return _encoder.encode(message) + b"\n"


def request(line: bytes) -> Request:
    """The client's message on `line`; raises `StyloraError` for anything else."""
    try:
        return _requests.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise StyloraError(f"not understood: {error}") from None


def answer(line: bytes) -> Answer:
    """The host's message on `line`; raises `StyloraError` for anything else."""
    try:
        return _answers.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise StyloraError(f"the host said something strange: {error}") from None


class Lines:
    """Cuts a byte stream into lines; bounded, so that a stream without newlines cannot fill the memory."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The lines completed by `data`, without their newlines; raises `StyloraError` for an endless one."""
        *lines, self._rest = (self._rest + data if self._rest else data).split(b"\n")
        if len(self._rest) > LONGEST_LINE:
            raise StyloraError(f"a line of more than {LONGEST_LINE} bytes")
        return lines
