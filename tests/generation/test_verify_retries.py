"""What happens where every variation fails: tried again, bounded, in the open."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_adapter import write_small_adapter

from engine.errors import Cancelled
from engine.generation.limits import CALIBRATION_FILE, DEFAULT, Limits, write_limits
from engine.generation.preparing import Choices
from engine.generation.rewriter import Rewriter, Rewritten
from engine.progress import Progress, silent
from engine.workspace import Workspace

NOTE = "The bridge at Carrow was closed in 1987, and nobody saw it."


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Workspace:
    made = Workspace.create(tmp_path_factory.mktemp("retries") / "w")
    (made.root / "stylora.toml").write_text(
        f'base_model = "tiny"\n[models.tiny]\nsource = "folder"\nlocation = "{tiny_model}"\npath = "{tiny_model}"\n'
    )
    write_small_adapter(made.root / "lora_adapters" / "one", tiny_model, size=40, seed=1)
    return Workspace(made.root)


@pytest.fixture(scope="module")
def rewriter(workspace: Workspace) -> Rewriter:
    return Rewriter.open(workspace, workspace.root / "lora_adapters" / "one")


def retried(rewriter: Rewriter, retries: int) -> Rewritten:
    return rewriter.choosing(Choices(retries=retries)).rewrite([NOTE], variations=2)[0]


def test_what_fails_is_tried_again_so_often_and_nothing_is_hidden(rewriter: Rewriter) -> None:
    once, again = retried(rewriter, 0), retried(rewriter, 2)
    assert (once.retries, len(once.variations)) == (0, 2)
    assert (again.retries, len(again.variations)) == (2, 6)
    assert [one.text for one in again.variations[:2]] == [one.text for one in once.variations]
    assert len({one.text for one in again.variations}) > 2
    for variation in again.variations:
        assert not variation.verdict.passed
        assert [one.kind for one in variation.verdict.findings][-1] == "retries"


def test_retries_are_the_same_every_time(rewriter: Rewriter) -> None:
    assert retried(rewriter, 1) == retried(rewriter, 1)


def test_a_sound_variation_needs_no_retry(rewriter: Rewriter, monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = ("facts", "invented", "omitted", "unfinished", "loop", "empty", "negation", "swapped", "refusal")
    monkeypatch.setattr(rewriter, "limits", Limits(demoted=kinds))
    assert retried(rewriter, 2).retries == 0


def test_a_stop_while_trying_again_leaves_what_was_written(rewriter: Rewriter) -> None:
    def at_the_news(progress: Progress) -> None:
        if progress.stage == "retry":
            raise Cancelled

    def in_the_middle(passage: int, variation: int, delta: str) -> None:
        if not delta:  # nothing is shown of further tries
            raise Cancelled

    whole = retried(rewriter, 0)
    rewriter.relay.listener = at_the_news
    try:
        assert retried(rewriter, 2) == whole
    finally:
        rewriter.relay.listener = silent
    made = rewriter.choosing(Choices(retries=2)).rewrite([NOTE], variations=2, on_text=in_the_middle)
    assert made == [whole]


def test_an_adapters_own_thresholds_are_read_with_it(workspace: Workspace, rewriter: Rewriter) -> None:
    assert rewriter.limits == DEFAULT
    folder = workspace.root / "lora_adapters" / "one"
    try:
        write_limits(folder, Limits(author="One", passages=60))
        assert Rewriter.open(workspace, folder, base=rewriter.loaded).limits.author == "One"
    finally:
        (folder / CALIBRATION_FILE).unlink()
