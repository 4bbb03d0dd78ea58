"""The jobs of the fourth screen: rewrite, say it again, and keep. A comparison is `engine.host.comparing`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from engine.errors import Cancelled, StyloraError
from engine.host.model_jobs import adapter_folder
from engine.host.open_models import live, open_rewriter, reached
from engine.progress import Progress, Report
from engine.settings import RewriteSettings, changed
from engine.workspace import Workspace

if TYPE_CHECKING:
    from engine.generation.conversation import Written
    from engine.generation.rewriter import Rewriter

Result = dict[str, Any]

LIVE = "live"
"""As a checkpoint: the weights in training, as they are."""
_KNOBS = (
    *("variations", "strength", "temperature", "top_p", "min_p", "repetition_penalty", "hold", "scale", "tolerance"),
    *("narrativize_input", "perspective", "apply_input_perturbation", "expand_for_texture", "use_persona"),
    *("retries", "remember"),
)
"""What a request may set for itself; names and ranges are those of ``[rewrite]`` in `stylora.toml`."""


def asked_for(workspace: Workspace, knobs: dict[str, Any]) -> RewriteSettings:
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
    from engine.models.sampling import Sampling

    if words is not None and words < 1:
        raise StyloraError(f"words {words}: ask for at least one, or leave it out for as many as the text has")
    if not text.strip():
        raise StyloraError("nothing to rewrite: the text is empty; give at least one sentence")
    target = target_of(output) if output is not None else None
    folder = adapter_folder(workspace, adapter, author)
    asked_for(workspace, knobs)  # before a model is loaded for nothing
    answers = who_answers(workspace, folder, checkpoint, knobs, report)
    checkpoint, knobs, chosen = answers.checkpoint, answers.knobs, answers.rewriter
    settings = asked_for(workspace, knobs)
    seed = workspace.settings.seed if seed is None else seed
    if answers.update is not None:
        report(Progress("rewrite", message="answered by the running training", values={"update": answers.update}))

    def on_text(variation: int, delta: str) -> None:
        report(Progress("rewrite", values={"variation": variation, "delta": delta}))

    if answers.update is None:
        report(
            Progress("rewrite", message=f"writing {settings.variations} variation{'s' * (settings.variations != 1)}")
        )

    partial = partial_file(target) if target is not None and not chosen.in_training else None
    rewritten = rewrite_document(
        chosen.choosing(choices(chosen.recipe, settings)),
        text,
        variations=settings.variations,
        strength=settings.strength,
        sampling=Sampling.of(settings),
        seed=seed,
        words=words,
        markdown=markdown,
        partial=partial,
        on_text=on_text,
        report=report,
    )
    result: Result = {"author": chosen.recipe.author, "seed": seed, **_plain(rewritten)}
    result["marks"] = [*result["marks"], *answers.marks]
    if answers.update is not None:
        result["update"] = answers.update
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


@dataclass(frozen=True)
class Answers:
    """Who answers a request, and with what. `update` is that of the weights in training, None where others answer."""

    rewriter: Rewriter
    checkpoint: str | int | None
    knobs: dict[str, Any]
    marks: tuple[str, ...]
    """What whoever reads the answer should know of it."""
    update: int | None = None


def who_answers(
    workspace: Workspace, folder: Path, checkpoint: str | int | None, knobs: Mapping[str, Any], report: Report
) -> Answers:
    """Who answers a request for the adapter `folder`, with what was chosen for it where the request says nothing.

    While it is trained, its weights at this step do (`checkpoint` None or `LIVE`); "none" is the adapter as it lies on
    the disk, anything else one of its checkpoints there. Raises `StyloraError` for what is not there, or cannot be
    asked beside the training.
    """
    from engine.report.chosen import checkpoint_folder, taken, update_of

    refuse_untrained(folder)
    if checkpoint == LIVE and folder not in live:
        raise StyloraError(f"{folder.name} is not in training, so it has no live weights; leave the checkpoint out")
    if folder in live and checkpoint in (None, LIVE):
        rewriter = open_rewriter(workspace, folder, report)
        if rewriter.in_training:  # it may have ended just now
            at = reached.get(folder, 0)
            said = {name: value for name, value in knobs.items() if value is not None}
            return Answers(rewriter, None, said, (f"by the running training, at update {at}",), at)
        checkpoint = None
    beside = bool(live)
    place, said, as_chosen = taken(folder, checkpoint, knobs)
    update = update_of(folder, place)
    rewriter = open_rewriter(workspace, checkpoint_folder(folder, update), report, on_disk=True)
    what = f"{folder.name}, " + ("as it lies on the disk" if update is None else f"checkpoint {update}")
    marks = [as_chosen, f"by {what}, not by the weights in training" if beside else ""]
    kept = None if place == "none" and folder not in live else place
    return Answers(rewriter, kept, said, tuple(filter(None, marks)))


def refuse_untrained(folder: Path) -> None:
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
    written = [written_of(one) for one in result["variations"]]
    if result["best"]["text"] not in texts:
        # The best of several passages is put together from several variations, and equals none of them.
        texts.append(result["best"]["text"])
        written.append(written_of(result["best"], "best of each passage"))
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


def written_of(one: Mapping[str, Any], label: str = "") -> Written:
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


def _plain(value: Any) -> Result:
    return msgspec.to_builtins(value, str_keys=True, enc_hook=str)
