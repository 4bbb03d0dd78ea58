"""Documents: what is no prose stays to the byte, references come back, and what was stopped goes on."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_adapter import write_small_adapter

from engine.errors import Cancelled, StyloraError
from engine.generation.document import Document, rewrite_document
from engine.generation.partial import partial_file
from engine.generation.rewriter import Rewriter
from engine.host import open_models, rewriting
from engine.models.sampling import Sampling
from engine.progress import Progress, Report, silent
from engine.workspace import Workspace

ONE = "The bridge[^1] was shut in **1987**, and nobody saw it.[2]"
TWO = "A train left [the mine](http://a.b/c) and never came back."
FIXED = ("# Report of the year", "- a list item\n- another", "```\ncode is code\n```", "[^1]: A note with a few words.")
DOCUMENT = "\n\n".join((FIXED[0], ONE, FIXED[1], FIXED[2], TWO, "", FIXED[3])) + "\n"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Workspace:
    made = Workspace.create(tmp_path_factory.mktemp("document") / "w")
    (made.root / "stylora.toml").write_text(
        f'base_model = "tiny"\n[models.tiny]\nsource = "folder"\nlocation = "{tiny_model}"\npath = "{tiny_model}"\n'
        "[rewrite]\nvariations = 2\nretries = 0\n"
    )
    for number, name in enumerate(("unconducted_chorus", "other")):
        write_small_adapter(made.root / "lora_adapters" / name, tiny_model, size=40, seed=10 * number + 1)
    return Workspace(made.root)


@pytest.fixture(scope="module")
def rewriter(workspace: Workspace) -> Rewriter:
    return Rewriter.open(workspace, workspace.root / "lora_adapters" / "unconducted_chorus")


def rewritten(rewriter: Rewriter, text: str = DOCUMENT, **options: object) -> Document:
    told = {"variations": 1, "strength": 1.0, "sampling": Sampling(), "seed": 5, "markdown": True, **options}
    return rewrite_document(rewriter, text, **told)  # type: ignore[arg-type]


def test_only_prose_is_rewritten_and_references_come_back(rewriter: Rewriter) -> None:
    made = rewritten(rewriter)
    text = made.best.text
    at = 0
    for part in FIXED:
        at = text.index(part, at)
    assert text.endswith(f"\n\n\n{FIXED[3]}\n")
    for mark in ("[^1]", "[2]", "](http://a.b/c)"):
        assert text.count(mark) >= 1
    assert ONE not in text
    assert [pair.rewritten for pair in made.pairs] == [False, True, False, False, True, False]
    assert [step.source for step in made.steps] == [
        "The bridge was shut in 1987, and nobody saw it.",
        "A train left the mine and never came back.",
    ]


def test_what_is_found_in_a_document_says_where(rewriter: Rewriter) -> None:
    found = rewritten(rewriter).best.findings
    starts = {finding.message.split("”: ")[0] for finding in found}
    assert starts == {"“The bridge was shut in…", "“A train left the mine…"}
    alone = rewritten(rewriter, TWO).best.findings
    assert alone
    assert not any(finding.message.startswith("“A train") for finding in alone)


def test_line_ends_are_those_of_the_document(rewriter: Rewriter) -> None:
    text = rewritten(rewriter, DOCUMENT.replace("\n", "\r\n")).best.text
    assert text.count("\r\n") == text.count("\n") == DOCUMENT.count("\n")


def test_progress_counts_words_up_to_all_of_them(rewriter: Rewriter) -> None:
    reports: list[Progress] = []
    rewritten(rewriter, report=reports.append)
    for report in reports:
        assert report.stage == "rewrite"
        assert report.total == 19
        assert 0 <= report.done <= 19


def test_a_stopped_document_goes_on_where_it_was(
    rewriter: Rewriter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engine.generation import document

    monkeypatch.setattr(document, "AT_ONCE", 1)
    monkeypatch.setattr(document, "_TICK", 0.0)
    whole = rewritten(rewriter)
    partial = partial_file(tmp_path / "out.md")
    asked: list[str] = []
    ours = Rewriter.rewrite

    def counting(self: Rewriter, texts: list[str], **options: object) -> object:
        asked.extend(texts)
        return ours(self, texts, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Rewriter, "rewrite", counting)
    with pytest.raises(Cancelled):
        rewritten(rewriter, partial=partial, report=_after_first(partial))
    assert len(asked) == 2
    with partial.open("ab") as file:
        file.write(b'{"key": "torn')
    made = rewritten(rewriter, partial=partial)
    assert len(asked) == 3, "a finished passage was rewritten again"
    assert made.best.text == whole.best.text
    # Another seed is another work.
    asked.clear()
    rewritten(rewriter, partial=partial, seed=6)
    assert len(asked) == 2


def _after_first(partial: Path) -> Report:
    """A report that stops as soon as something has been kept."""

    def report(_: Progress) -> None:
        if partial.exists():
            raise Cancelled

    return report


def test_a_job_writes_its_output_whole_or_not_at_all(workspace: Workspace, tmp_path: Path) -> None:
    output = tmp_path / "out.md"
    told = {"text": DOCUMENT, "markdown": True, "output": output}
    result = rewriting.rewrite(workspace, silent, **told, beside="diff", name="r.md")  # type: ignore[arg-type]
    assert output.read_text() == result["best"]["text"]
    assert list(tmp_path.iterdir()) == [output]
    assert result["beside"].startswith("--- a/r.md\n+++ b/r.md\n")
    assert "turn" not in result


def test_while_it_is_tried_again_no_time_left_is_told(
    workspace: Workspace, rewriter: Rewriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engine.generation import document
    from engine.generation.preparing import Choices

    monkeypatch.setattr(document, "_TICK", 0.0)
    told: list[Progress] = []
    rewriter.relay.listener = told.append
    try:
        rewritten(rewriter.choosing(Choices(retries=1)), "The gate was shut in 1987.", report=told.append)
    finally:
        rewriter.relay.listener = silent
    first = next(at for at, one in enumerate(told) if "trying again (1)" in one.message)
    after = [one for one in told[first:] if one.stage == "rewrite" and "seconds_left" in one.values]
    assert {one.stage for one in told[first + 1 :]} >= {"retry"}
    assert after == []


def test_what_was_written_is_kept_until_it_is_safe(workspace: Workspace, tmp_path: Path) -> None:
    output = tmp_path / "out.md"
    told = {"text": DOCUMENT, "markdown": True, "output": output}

    def in_the_way(_: Progress) -> None:
        output.mkdir(exist_ok=True)

    with pytest.raises(StyloraError, match="kept beside it"):
        rewriting.rewrite(workspace, in_the_way, **told)  # type: ignore[arg-type]
    assert partial_file(output).exists()
    output.rmdir()
    said: list[Progress] = []
    rewriting.rewrite(workspace, said.append, **told)  # type: ignore[arg-type]
    assert "going on where it was stopped" in [one.message for one in said]
    assert not any("delta" in one.values for one in said), "something was written again"
    assert list(tmp_path.iterdir()) == [output]


def test_half_a_text_is_no_output(workspace: Workspace, tmp_path: Path) -> None:
    def stop(progress: Progress) -> None:
        if "delta" in progress.values:
            raise Cancelled

    with pytest.raises(Cancelled):
        rewriting.rewrite(workspace, stop, text=TWO, output=tmp_path / "out.md")
    assert not list(tmp_path.iterdir())


def test_an_output_that_cannot_be_is_told_before_the_work(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for output, reason in ((tmp_path, "a folder"), (tmp_path / "file" / "out.md", "no folder"), ("/dev/null", "plain")):
        with pytest.raises(StyloraError, match=reason):
            rewriting.rewrite(workspace, _nothing, text=TWO, output=output)
    with pytest.raises(StyloraError, match=r"no adapter there yet; .*--adapter: .*other"):
        rewriting.rewrite(workspace, _nothing, text=TWO, author="Nobody Yet")


def test_an_output_that_is_a_link_stays_one(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    link = tmp_path / "out.md"
    link.symlink_to(tmp_path / "real" / "out.md")
    rewriting.rewrite(workspace, silent, text=TWO, output=link)
    assert link.is_symlink()
    assert (tmp_path / "real" / "out.md").read_text().strip()


def _nothing(progress: Progress) -> None:
    raise AssertionError(progress)


def test_figures_and_code_are_not_rewritten_and_stop_nothing(rewriter: Rewriter) -> None:
    table = " ".join(str(number) for number in range(700)) + "."
    made = rewritten(rewriter, f"1 2 3 4 5 6 7.\n\n{TWO}\n\nIn all there were {table} of them.\n")
    assert made.best.text.startswith("1 2 3 4 5 6 7.\n\n")
    assert " 300 301 302 " in made.best.text
    with pytest.raises(StyloraError, match="no paragraph of prose"):
        rewritten(rewriter, "```\nx = the code of a program, and nothing else\n```\n")


def test_short_links_find_their_definitions_again(rewriter: Rewriter) -> None:
    text = "The [old mill] was shut, and [nobody][] saw [it].\n\n[Old mill]: http://a.b\n[nobody]: http://c.d\n"
    made = rewritten(rewriter, text)
    assert made.steps[0].source == "The old mill was shut, and nobody saw [it]."
    for mark in ("][old mill]", "][nobody]"):
        assert mark in made.best.text
    assert made.best.text.endswith("\n\n[Old mill]: http://a.b\n[nobody]: http://c.d\n")


def test_adapters_share_the_base_and_the_oldest_is_let_go(workspace: Workspace, tiny_model: Path) -> None:
    open_models.opened.clear()
    folders = [workspace.root / "lora_adapters" / name for name in ("unconducted_chorus", "other")]
    first, second = (open_models.open_rewriter(workspace, folder, silent) for folder in folders)
    assert first.loaded is second.loaded
    assert open_models.open_rewriter(workspace, folders[0], silent) is first
    for number in range(4):
        extra = write_small_adapter(workspace.root / "lora_adapters" / f"extra{number}", tiny_model, seed=number)
        open_models.open_rewriter(workspace, extra, silent)
    assert len(open_models.opened) == 4
    assert first not in open_models.opened.values()


def test_a_setting_against_the_recipe_is_refused_and_a_knowing_one_marked(workspace: Workspace) -> None:
    with pytest.raises(StyloraError, match="use_persona"):
        rewriting.rewrite(workspace, silent, text=TWO, use_persona=False)
    with pytest.raises(StyloraError, match="trained with 2"):
        rewriting.rewrite(workspace, silent, text=TWO, scale=4.0)
    with pytest.raises(StyloraError, match="did you mean 'strength'"):
        rewriting.rewrite(workspace, silent, text=TWO, strenght=1.0)
    with pytest.raises(StyloraError, match="no checkpoint 'best'"):
        rewriting.rewrite(workspace, silent, text=TWO, checkpoint="best")
    result = rewriting.rewrite(workspace, silent, text=TWO, apply_input_perturbation=False, remember=False)
    assert list(result["marks"]) == ["input without noise, where the adapter was trained with 8% of the words changed"]
