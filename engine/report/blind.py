"""Two ways of rewriting judged by a person who does not see which is which: the texts, the votes, what they come to.

Everything is kept as it happens, so that a trial that was left goes on where it was. Knows files, and no model.
"""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from random import Random
from typing import Literal, TypeVar

import msgspec

from engine.atomic import write_bytes
from engine.errors import StyloraError
from engine.measures.resampling import wilson

TRIAL_FILE, TEXTS_FILE, VOTES_FILE = "trial.json", "texts.jsonl", "votes.jsonl"

Choice = Literal["a", "b", "="]
Line = TypeVar("Line")


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """One of the two ways: an adapter, a checkpoint of it (None: as it lies), and a strength."""

    adapter: str
    checkpoint: str | None = None
    strength: float = 1.0


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """What is judged: the same `inputs`, by name, on both sides from one seed."""

    sides: tuple[Side, Side]
    inputs: tuple[tuple[str, str], ...]
    """Name and text."""
    seed: int
    variations: int = 1
    weights: tuple[str, str] = ("", "")
    """SHA-256 of each side's adapter: other weights are another trial."""

    @property
    def name(self) -> str:
        """12 hex digits that follow from everything above: the same trial goes on, another one is another."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()[:12]

    @property
    def labels(self) -> tuple[str, str]:
        """What tells the sides apart, in a few words each."""
        one, other = self.sides
        parts: tuple[list[str], list[str]] = ([], [])
        for side, said in zip((one, other), parts, strict=True):
            if one.adapter != other.adapter:
                said.append(side.adapter)
            if one.checkpoint != other.checkpoint:
                said.append(
                    f"checkpoint {side.checkpoint}" if side.checkpoint is not None else "the adapter as it lies"
                )
            if one.strength != other.strength:
                said.append(f"strength {side.strength:g}")
        return ", ".join(parts[0]), ", ".join(parts[1])


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """What one side made of one input."""

    input: int
    side: int
    text: str


class Vote(msgspec.Struct, frozen=True, kw_only=True):
    """A judgement. `winner` is the side behind the letter that was chosen, None for no difference."""

    input: int
    choice: Choice
    winner: int | None


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """One input with its two texts in the order they are shown in."""

    input: int
    name: str
    source: str
    a: str
    b: str
    order: tuple[int, int]
    """The side behind A and the one behind B."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What the votes come to."""

    labels: tuple[str, str]
    wins: tuple[int, int]
    ties: int
    inputs: int
    share: float | None
    """Of the decided votes, how many went to the first side; None while none is decided."""
    low: float
    """Wilson's 95% interval of that share (`engine.measures.resampling.wilson`)."""
    high: float
    same: int = 0
    """Inputs that both wrote alike, which nobody is asked about."""
    chance: float
    """Probability of a split as uneven or more, if both were equally good: the exact two-sided binomial test."""

    @property
    def sentence(self) -> str:
        """The result in plain words."""
        decided = sum(self.wins)
        votes = decided + self.ties
        if not votes and self.same and self.same == self.inputs:
            return f"both wrote the same for every one of {self.inputs} inputs"
        if not decided:
            return f"no side was ever preferred in {votes} vote{'s' * (votes != 1)}" if votes else "no votes yet"
        better = 0 if self.wins[0] >= self.wins[1] else 1
        low, high = (self.low, self.high) if better == 0 else (1 - self.high, 1 - self.low)
        lead = f"{self.labels[better]} was preferred in {self.wins[better]} of {decided} decided votes"
        between = f" ({self.wins[better] / decided:.0%}, 95% interval {low:.0%} to {high:.0%})"
        ties = f"; {self.ties} without a difference" if self.ties else ""
        ties += f"; {self.same} written alike by both" if self.same else ""
        if self.wins[0] == self.wins[1]:
            verdict = "there is no difference to be seen"
        elif low > 0.5:
            verdict = f"it is better than {self.labels[1 - better]}"
        else:
            verdict = "that may be chance; more votes would tell"
        return f"{lead}{between}{ties}: {verdict}"


def begin(folder: Path, trial: Trial) -> Path:
    """The folder of `trial` in `folder`, made if it is not there yet."""
    place = folder / trial.name
    if not (place / TRIAL_FILE).is_file():
        write_bytes(place / TRIAL_FILE, msgspec.json.format(msgspec.json.encode(trial)) + b"\n")
    return place


def read_trial(place: Path) -> Trial:
    """The trial whose folder is `place`."""
    try:
        return msgspec.json.decode((place / TRIAL_FILE).read_bytes(), type=Trial)
    except OSError:
        raise StyloraError(f"{place}: no blind trial there; start one with 'stylora blind'") from None
    except msgspec.MsgspecError as error:
        raise StyloraError(f"{place / TRIAL_FILE}: damaged ({error}); delete {place} and start again") from None


def append(place: Path, line: Written | Vote) -> None:
    """Add a text or a vote, on the disk before this returns; a line that was cut off is closed first."""
    path = place / (TEXTS_FILE if isinstance(line, Written) else VOTES_FILE)
    try:
        with path.open("a+b") as file:
            if file.tell():
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":
                    file.write(b"\n")
            file.write(msgspec.json.encode(line) + b"\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise StyloraError(f"{path}: {error.strerror}; the vote was not saved") from None


def texts(place: Path) -> dict[tuple[int, int], str]:
    """What was written so far, by input and side."""
    return {(one.input, one.side): one.text for one in _lines(place / TEXTS_FILE, Written)}


def votes(place: Path) -> dict[int, Vote]:
    """The votes so far, by input; the last one of an input counts."""
    return {vote.input: vote for vote in _lines(place / VOTES_FILE, Vote)}


def _lines(path: Path, kind: type[Line]) -> Iterable[Line]:
    decoder = msgspec.json.Decoder(kind)
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return
    for line in lines:
        try:
            yield decoder.decode(line)
        except msgspec.MsgspecError:
            continue  # cut off when the machine stopped


def order(trial: Trial, input: int) -> tuple[int, int]:
    """The side behind A and the one behind B for an input: drawn by the seed, hidden from whoever votes."""
    first = Random(f"{trial.seed}:blind:{trial.name}:{input}").randrange(2)
    return first, 1 - first


def questions(place: Path) -> list[Question]:
    """Every input that both sides have written something else for, in an order drawn by the seed, voted on or not."""
    trial, written = read_trial(place), texts(place)
    numbers = [n for n in range(len(trial.inputs)) if (n, 0) in written and (n, 1) in written]
    numbers = [n for n in numbers if written[n, 0] != written[n, 1]]
    Random(f"{trial.seed}:blind:order").shuffle(numbers)
    asked = []
    for number in numbers:
        sides = order(trial, number)
        name, source = trial.inputs[number]
        a, b = (written[number, side] for side in sides)
        asked.append(Question(input=number, name=name, source=source, a=a, b=b, order=sides))
    return asked


def vote(place: Path, question: Question, choice: Choice) -> Vote:
    """Save a vote on `question` at once and return it."""
    made = Vote(
        input=question.input, choice=choice, winner=None if choice == "=" else question.order["ab".index(choice)]
    )
    append(place, made)
    return made


def outcome(place: Path) -> Outcome:
    """What the votes come to so far."""
    trial, cast, written = read_trial(place), votes(place), texts(place)
    both = [n for n in range(len(trial.inputs)) if (n, 0) in written and (n, 1) in written]
    wins = tuple(sum(vote.winner == side for vote in cast.values()) for side in (0, 1))
    decided = sum(wins)
    low, high = wilson(wins[0], decided)
    return Outcome(
        labels=trial.labels,
        wins=(wins[0], wins[1]),
        ties=len(cast) - decided,
        inputs=len(trial.inputs),
        same=sum(written[n, 0] == written[n, 1] for n in both),
        share=wins[0] / decided if decided else None,
        low=low,
        high=high,
        chance=_chance(wins),
    )


def _chance(wins: Sequence[int]) -> float:
    """The exact two-sided binomial test of a fair coin."""
    of, most = sum(wins), max(wins)
    tail = sum(math.comb(of, count) for count in range(most, of + 1)) / 2**of if of else 1.0
    return min(1.0, 2 * tail)
