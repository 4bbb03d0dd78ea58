"""The jobs of the fourth screen: rewrite, say it again, compare, and keep; and the models they hold open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from engine.errors import Cancelled, StyloraError
from engine.host.model_jobs import adapter_folder
from engine.progress import Progress, Report
from engine.settings import RewriteSettings, changed
from engine.workspace import Workspace

if TYPE_CHECKING:
    from engine.generation.conversation import Written
    from engine.models.sampling import Sampling

Result = dict[str, Any]

opened: dict[tuple[Path, int], Any] = {}
"""Rewriters by their weights file and its time: several adapters, one base model."""
live: dict[Path, tuple[Any, Any]] = {}
"""The adapter under training, if one is: its model as it is at this step, and its recipe."""
reached: dict[Path, int] = {}
"""The update that the training of an adapter is at."""

_MOST_OPEN = 4
"""Adapters held open on one base model: to compare two with two takes no more."""
_KNOBS = (
    *("variations", "strength", "temperature", "top_p", "min_p", "repetition_penalty", "hold", "scale", "tolerance"),
    *("narrativize_input", "perspective", "apply_input_perturbation", "expand_for_texture", "use_persona"),
    *("retries", "remember"),
)
"""What a request may set for itself; names and ranges are those of ``[rewrite]`` in `stylora.toml`."""


def noting(adapter: Path, report: Report) -> Report:
    """`report` for the training of an adapter, by which rewrites between its steps know the update they are of."""

    def told(progress: Progress) -> None:
        if progress.stage == "training":
            reached[adapter] = int(progress.done)
        report(progress)

    return told


def open_rewriter(workspace: Workspace, adapter: Path, report: Report) -> Any:
    """The rewriter of an adapter, kept for the next request while its weights file is the same."""
    from engine.generation.rewriter import Rewriter
    from engine.recipe import RECIPE_FILE, load_recipe

    for trained, model in list(live.items()):
        if adapter != trained:
            raise StyloraError(f"{adapter.name}: {trained.name} is being trained, and only that can be tried meanwhile")
        return Rewriter.of_training(workspace, *model, report)
    weights = adapter / "adapters.safetensors"
    key = (weights, weights.stat().st_mtime_ns if weights.exists() else 0)
    if key not in opened:
        base = next((one.loaded for one in opened.values()), None)
        if base is not None and load_recipe(adapter / RECIPE_FILE).base != base.identity:
            # One base model at a time: two would not fit beside each other on most machines.
            opened.clear()
            base = None
        made = Rewriter.open(workspace, adapter, report, base=base)
        for old in [known for known in opened if known[0] == weights] or list(opened)[: 1 - _MOST_OPEN]:
            del opened[old]
        opened[key] = made
    opened[key] = opened.pop(key)  # the latest stays longest
    opened[key].relay.listener = report
    return opened[key]


def sampling_of(settings: RewriteSettings) -> Sampling:
    """How a workspace's settings decode, for rewriting and for measuring alike."""
    from engine.models.sampling import Sampling

    return Sampling(
        temperature=settings.temperature,
        top_p=settings.top_p,
        min_p=settings.min_p,
        repetition_penalty=settings.repetition_penalty,
        repetition_window=settings.repetition_window,
        hold=settings.hold,
    )


def _asked(workspace: Workspace, knobs: dict[str, Any]) -> RewriteSettings:
    from engine.settings import nearest

    for name in knobs:
        if name not in _KNOBS:
            raise StyloraError(f"rewrite: unknown parameter {name!r}{nearest(name, list(_KNOBS))}")
    return changed(workspace.settings.rewrite, knobs)


def rewrite(
    workspace: Workspace,
    report: Report,
    *,
    text: str,
    adapter: str | Path | None = None,
    author: str | None = None,
    checkpoint: str | int | None = None,
    seed: int | None = None,
    words: int | None = None,
    markdown: bool = False,
    output: str | Path | None = None,
    beside: Literal["diff", "columns"] | None = None,
    width: int = 160,
    name: str = "passage",
    again: int | None = None,
    **knobs: Any,
) -> Result:
    """A text in, several rewrites out, streamed as progress of stage ``rewrite`` with values variation and delta.

    `knobs` are settings of ``[rewrite]`` for this once. With `output` the best rewrite is written there, and what is
    done of it survives a stop; without, the result goes into the history, as another version of turn `again` if that
    is given. `beside` adds the text and the best rewrite under that key: as a diff of the file `name`, or in columns of
    `width` characters in all.
    """
    from engine.generation.beside import diff, side_by_side
    from engine.generation.document import rewrite_document
    from engine.generation.partial import partial_file
    from engine.generation.preparing import choices
    from engine.host.outputs import target_of, write_result
    from engine.report.chosen import checkpoint_folder, taken, update_of

    if words is not None and words < 1:
        raise StyloraError(f"words {words}: ask for at least one, or leave it out for as many as the text has")
    if not text.strip():
        raise StyloraError("nothing to rewrite: the text is empty; give at least one sentence")
    target = target_of(output) if output is not None else None
    folder = adapter_folder(workspace, adapter, author)
    _trained(folder)
    as_chosen = ""
    if folder not in live:
        checkpoint, knobs, as_chosen = taken(folder, checkpoint, knobs)
    checkpoint = None if checkpoint == "none" else checkpoint
    settings = _asked(workspace, knobs)
    chosen = open_rewriter(workspace, checkpoint_folder(folder, update_of(folder, checkpoint)), report)
    seed = workspace.settings.seed if seed is None else seed
    live_at = reached.get(folder) if chosen.in_training else None
    if live_at is not None:
        report(Progress("rewrite", message="answered by the running training", values={"update": live_at}))

    def on_text(variation: int, delta: str) -> None:
        report(Progress("rewrite", values={"variation": variation, "delta": delta}))

    partial = partial_file(target) if target is not None and not chosen.in_training else None
    rewritten = rewrite_document(
        chosen.choosing(choices(chosen.recipe, settings)),
        text,
        variations=settings.variations,
        strength=settings.strength,
        sampling=sampling_of(settings),
        seed=seed,
        words=words,
        markdown=markdown,
        partial=partial,
        on_text=on_text,
        report=report,
    )
    result: Result = {"author": chosen.recipe.author, "seed": seed, **_plain(rewritten)}
    if as_chosen:
        result["marks"] = [*result["marks"], as_chosen]
    if live_at is not None:
        result |= {"update": live_at, "marks": [*result["marks"], _by_training(live_at)]}
    if rewritten.cancelled:
        result["stopped"] = "cancelled"
    if target is not None:
        if rewritten.cancelled:
            raise Cancelled  # half a text is no output
        write_result(target, rewritten.best.text, partial)
        result["output"] = str(target)
    elif settings.remember and not rewritten.cancelled:
        try:
            result["turn"] = _remember(workspace, folder, text, result, knobs, checkpoint, seed, words, again)
        except StyloraError as error:
            # The text was written, after a while perhaps: whoever waited for it gets it.
            result["marks"] = [*result["marks"], f"not in the history: {error}"]
    del result["pairs"], result["cancelled"]
    if beside == "diff":
        result["beside"] = diff(text, rewritten.best.text, name)
    elif beside == "columns":
        result["beside"] = side_by_side(rewritten.pairs, width)
    return result


def _by_training(update: int) -> str:
    return f"by the running training, at update {update}"


def _trained(folder: Path) -> None:
    """Raise `StyloraError` where there is no adapter at all, with what there is instead."""
    if folder.is_dir() or folder in live:
        return
    others = sorted(path.parent.name for path in folder.parent.glob("*/adapters.safetensors"))
    instead = f"; with --adapter: {', '.join(others)}" if others else ""
    raise StyloraError(f"{folder}: no adapter there yet; train one with 'stylora train'{instead}")


def _remember(
    workspace: Workspace,
    adapter: Path,
    text: str,
    result: Result,
    knobs: dict[str, Any],
    checkpoint: str | int | None,
    seed: int,
    words: int | None,
    again: int | None,
) -> int:
    from engine.generation.conversation import Conversation

    conversation = Conversation(workspace, adapter)
    before = conversation.turn(again) if again is not None else None
    texts = [one["text"] for one in result["variations"]]
    written = [_written(one) for one in result["variations"]]
    if result["best"]["text"] not in texts:
        # The best of several passages is put together from several variations, and equals none of them.
        texts.append(result["best"]["text"])
        written.append(_written(result["best"], "best of each passage"))
    turn = conversation.add(
        text,
        written,
        best=texts.index(result["best"]["text"]),
        marks=result["marks"],
        steps=result["steps"],
        settings={**knobs, "checkpoint": checkpoint, "seed": seed, "words": words, "adapter": adapter.name},
        how="asked" if before is None else "again" if before.text == text else "edited",
        of=again,
    )
    return turn.number


def _written(one: Mapping[str, Any], label: str = "") -> Written:
    from engine.generation.conversation import Written, grade

    return Written(
        text=one["text"],
        findings=tuple(finding["message"] for finding in one["findings"]),
        grades=tuple(grade(finding) for finding in one["findings"]),
        label=label,
    )


def again(
    workspace: Workspace,
    report: Report,
    *,
    adapter: str | Path | None = None,
    author: str | None = None,
    turn: int | None = None,
    text: str | None = None,
    seed: int | None = None,
    **knobs: Any,
) -> Result:
    """An earlier turn (default: the last) once more: with the next seed, or with another text and the same one."""
    from engine.generation.conversation import Conversation

    folder = adapter_folder(workspace, adapter, author)
    before = Conversation(workspace, folder).turn(turn)
    if before.how == "compared":
        raise StyloraError(f"turn {before.number} is a comparison; compare again, or name another turn")
    told = {name: value for name, value in before.settings.items() if name != "adapter"}
    earlier = int(told.pop("seed"))
    edited = text is not None and text != before.text
    return rewrite(
        workspace,
        report,
        text=text if text is not None else before.text,
        adapter=folder,
        seed=seed if seed is not None else earlier if edited else earlier + 1,
        again=before.number,
        **{**told, **{name: value for name, value in knobs.items() if value is not None}},
    )


def history(
    workspace: Workspace, report: Report, *, adapter: str | Path | None = None, author: str | None = None
) -> Result:
    """What was rewritten with an adapter, and where the files of it are."""
    from engine.generation.conversation import Conversation

    conversation = Conversation(workspace, adapter_folder(workspace, adapter, author))
    turns = [msgspec.to_builtins(turn) for turn in conversation.turns()]
    return {"file": str(conversation.path), "readable": str(conversation.readable), "turns": turns}


def keep(
    workspace: Workspace,
    report: Report,
    *,
    adapter: str | Path | None = None,
    author: str | None = None,
    turn: int | None = None,
    variation: int | None = None,
) -> Result:
    """Mark one variation (from 1, default: the best) of a turn (default: the last) as the one chosen."""
    from engine.generation.conversation import Conversation

    conversation = Conversation(workspace, adapter_folder(workspace, adapter, author))
    chosen = conversation.keep(turn, None if variation is None else variation - 1)
    assert chosen.kept is not None
    return {"turn": chosen.number, "variation": chosen.kept + 1, "text": chosen.written[chosen.kept].text}


def compare(
    workspace: Workspace,
    report: Report,
    *,
    text: str,
    adapters: Sequence[str | Path] = (),
    author: str | None = None,
    checkpoints: Sequence[str | int] = (),
    strengths: Sequence[float] = (),
    seed: int | None = None,
    words: int | None = None,
    **knobs: Any,
) -> Result:
    """The same text and seed with two or more adapters, checkpoints or strengths; every combination is a side. What is
    left out of a side is as it was chosen for its adapter, else as in the settings."""
    from engine.generation.conversation import Conversation
    from engine.generation.document import rewrite_document
    from engine.generation.preparing import choices
    from engine.report.chosen import checkpoint_folder, taken, update_of

    settings = _asked(workspace, {"variations": 1, **knobs})
    folders = [adapter_folder(workspace, one) for one in adapters] or [adapter_folder(workspace, None, author)]
    wanted = list(product(folders, checkpoints or (None,), strengths or (None,)))
    if len(wanted) < 2:
        raise StyloraError("nothing to compare: name two adapters, two checkpoints or two strengths")
    if not text.strip():
        raise StyloraError("nothing to rewrite: the text is empty; give at least one sentence")
    for folder in folders:
        _trained(folder)
    seed = workspace.settings.seed if seed is None else seed
    sides: list[Result] = []
    for number, (folder, checkpoint, strength) in enumerate(wanted):
        said, as_chosen, place = {**knobs, "strength": strength}, "", checkpoint
        if folder not in live:
            place, said, as_chosen = taken(folder, checkpoint, said)
        at = _asked(workspace, {"variations": 1, **said})
        chosen = open_rewriter(workspace, checkpoint_folder(folder, update_of(folder, place)), report)
        live_at = reached.get(folder) if chosen.in_training else None

        def on_text(variation: int, delta: str, side: int = number) -> None:
            if variation == 0:
                report(Progress("rewrite", values={"variation": side, "delta": delta}))

        made = rewrite_document(
            chosen.choosing(choices(chosen.recipe, at)),
            text,
            variations=at.variations,
            strength=at.strength,
            sampling=sampling_of(at),
            seed=seed,
            words=words,
            on_text=on_text,
            report=report,
        )
        del chosen  # or two base models would be held where the next adapter has another one
        if made.cancelled:
            raise Cancelled
        label = ", ".join(
            part
            for part, told in (
                (folder.name, len(folders) > 1),
                (f"checkpoint {checkpoint}", len(checkpoints) > 1),
                (f"strength {at.strength:g}", len(strengths) > 1),
            )
            if told
        )
        marks = [*made.marks, as_chosen, _by_training(live_at) if live_at is not None else ""]
        sides.append({"label": label, **_plain(made.best), "marks": [mark for mark in marks if mark]})
    result: Result = {"seed": seed, "sides": sides}
    if settings.remember:
        try:
            turn = Conversation(workspace, folders[0]).add(
                text,
                [_written(side, side["label"]) for side in sides],
                settings={**knobs, "seed": seed, "words": words},
                how="compared",
            )
            result["turn"] = turn.number
        except StyloraError as error:
            sides[-1]["marks"].append(f"not in the history: {error}")
    return result


def waits(workspace: Workspace, kind: str, params: Mapping[str, Any]) -> str:
    """Why a request is not answered between the steps of the training under way but after it, in a line; '' where it
    is. Its model carries the adapter in training: to put other weights on would take these off, and training with
    them. So only strengths of that adapter are compared meanwhile."""
    if kind == "compare":
        named = [adapter_folder(workspace, one) for one in params.get("adapters") or ()]
        folders = named or [adapter_folder(workspace, None, params.get("author"))]
        for trained in live:
            if params.get("checkpoints") or folders != [trained]:
                return f"waits for the training's end: until then only strengths of {trained.name} can be compared"
    return ""


def _plain(value: Any) -> Result:
    return msgspec.to_builtins(value, str_keys=True, enc_hook=str)
