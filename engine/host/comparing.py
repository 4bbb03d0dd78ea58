"""A comparison on the fourth screen: one text and one seed, with several adapters, checkpoints or strengths."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import msgspec

from engine.errors import Cancelled, StyloraError
from engine.host.model_jobs import adapter_folder
from engine.host.rewriting import asked_for, refuse_untrained, who_answers, written_of
from engine.progress import Progress, Report
from engine.workspace import Workspace

Result = dict[str, Any]


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
    from engine.models.sampling import Sampling

    settings = asked_for(workspace, {"variations": 1, **knobs})
    folders = [adapter_folder(workspace, one) for one in adapters] or [adapter_folder(workspace, None, author)]
    wanted = list(product(folders, checkpoints or (None,), strengths or (None,)))
    if len(wanted) < 2:
        raise StyloraError("nothing to compare: name two adapters, two checkpoints or two strengths")
    if not text.strip():
        raise StyloraError("nothing to rewrite: the text is empty; give at least one sentence")
    for folder in folders:
        refuse_untrained(folder)
    seed = workspace.settings.seed if seed is None else seed
    sides: list[Result] = []
    for number, (folder, checkpoint, strength) in enumerate(wanted):
        answers = who_answers(workspace, folder, checkpoint, {**knobs, "strength": strength}, report)
        at = asked_for(workspace, {"variations": 1, **answers.knobs})

        def on_text(variation: int, delta: str, side: int = number) -> None:
            if variation == 0:
                report(Progress("rewrite", values={"variation": side, "delta": delta}))

        made = rewrite_document(
            answers.rewriter.choosing(choices(answers.rewriter.recipe, at)),
            text,
            variations=at.variations,
            strength=at.strength,
            sampling=Sampling.of(at),
            seed=seed,
            words=words,
            on_text=on_text,
            report=report,
        )
        marks = [*made.marks, *answers.marks]
        del answers  # or two base models would be held where the next adapter has another one
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
        best = msgspec.to_builtins(made.best, str_keys=True, enc_hook=str)
        sides.append({"label": label, **best, "marks": marks})
    result: Result = {"seed": seed, "sides": sides}
    if settings.remember:
        try:
            turn = Conversation(workspace, folders[0]).add(
                text,
                [written_of(side, side["label"]) for side in sides],
                settings={**knobs, "seed": seed, "words": words},
                how="compared",
            )
            result["turn"] = turn.number
        except StyloraError as error:
            sides[-1]["marks"].append(f"not in the history: {error}")
    return result
