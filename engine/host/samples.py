"""What a run's model wrote for the same held-out prompts as it learnt, beside the plain text and the author's own."""

from __future__ import annotations

from pathlib import Path

import msgspec

from engine.errors import StyloraError
from engine.host import runs
from engine.workspace import Workspace

_INPUT, _END = "[INPUT]:\n", "\n###"
"""Marks around the plain text in a prompt, as `engine.prompting` writes them."""


class Prompt(msgspec.Struct, frozen=True):
    """One of the fixed prompts."""

    prompt: str
    input: str
    """The plain text in it; the whole prompt where that is not to be found."""
    author: str = ""
    """The author's own passage, empty where the dataset no longer holds it."""


class Samples(msgspec.Struct, frozen=True):
    """All that was sampled in a run."""

    prompts: tuple[Prompt, ...] = ()
    steps: tuple[int, ...] = ()
    """Updates at which samples were taken, in order."""
    texts: dict[tuple[int, int], str] = {}
    """By update and number of the prompt."""
    cut: frozenset[tuple[int, int]] = frozenset()
    """Those that were stopped at the most tokens a sample has, where the model would have gone on."""


class _Line(msgspec.Struct):
    update: int
    sample: int
    prompt: str
    text: str
    cut: bool = False


class _Row(msgspec.Struct):
    text: str
    loss_start: int


def read(workspace: Workspace, name: str) -> Samples:
    """The samples of the run called `name`; none where it has none, or where there is no such run."""
    prompts: dict[int, str] = {}
    texts: dict[tuple[int, int], str] = {}
    cut: set[tuple[int, int]] = set()
    decoder = msgspec.json.Decoder(_Line)
    try:
        run = runs.find(workspace, name)
        with (Path(run.path) / "journal.jsonl").open("rb") as file:
            for raw in file:
                if not raw.startswith(b'{"kind":"sample"'):  # a journal of 100,000 updates holds few samples
                    continue
                try:
                    line = decoder.decode(raw)
                except msgspec.MsgspecError:
                    continue
                prompts[line.sample] = line.prompt
                texts[line.update, line.sample] = line.text
                (cut.add if line.cut else cut.discard)((line.update, line.sample))  # a resumed run writes some again
    except (OSError, StyloraError):
        return Samples()
    numbers = {number: place for place, number in enumerate(sorted(prompts))}
    own = _authors(workspace, run.author, list(prompts.values()))
    return Samples(
        prompts=tuple(
            Prompt(prompts[number], _plain(prompts[number]), own.get(_key(prompts[number]), "")) for number in numbers
        ),
        steps=tuple(sorted({update for update, _ in texts})),
        texts={(update, numbers[number]): text for (update, number), text in texts.items()},
        cut=frozenset((update, numbers[number]) for update, number in cut),
    )


def _plain(prompt: str) -> str:
    return prompt.rpartition(_INPUT)[2].partition(_END)[0].strip() or prompt


def _key(prompt: str) -> str:
    """A prompt without its white space, which the way through a tokenizer may have changed."""
    return "".join(prompt.split())


def _authors(workspace: Workspace, author: str | None, prompts: list[str]) -> dict[str, str]:
    """The author's side of the held-out rows with these prompts, by `_key`."""
    wanted, found = {_key(prompt) for prompt in prompts}, dict[str, str]()
    decoder = msgspec.json.Decoder(_Row)
    try:
        with (workspace.dataset(author or "") / "valid.jsonl").open("rb") as file:
            for raw in file:
                if len(found) == len(wanted):
                    break
                try:
                    row = decoder.decode(raw)
                except msgspec.MsgspecError:
                    continue
                key = _key(row.text[: row.loss_start])
                if key in wanted:
                    found[key] = row.text[row.loss_start :].strip()
    except (OSError, StyloraError):
        pass
    return found
