"""Building a dataset: what is in it, that it resumes to the same bytes, that training and rewriting see one prompt."""

import hashlib
import json
from pathlib import Path

import pytest
from small_workspace import curated_book

from engine import language
from engine.classifier import classify
from engine.curation.corpus import read_corpus
from engine.dataset.build import Built, build, read_manifest
from engine.dataset.checks import validate
from engine.dataset.rows import SPLITS, Row, read_rows, split_file, write_splits
from engine.errors import Cancelled, StyloraError
from engine.measures.facts import kept
from engine.measures.spans import unseen
from engine.neutral import open_neutralizer
from engine.progress import Progress
from engine.prompting import prepare, word_target
from engine.recipe import load_recipe
from engine.settings import DatasetSettings
from engine.workspace import BUNDLED_AUTHOR, bundled

WORLDVIEW = bundled("prompts", "unconducted_chorus_worldview.txt")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first 24 passages of the bundled book, curated."""
    folder = tmp_path_factory.mktemp("corpus")
    path = folder / "chorus.txt"
    path.write_text("\n\n".join(one.text for one in curated_book(tmp_path_factory)[:24]) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def folder(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("dataset")


@pytest.fixture(scope="module")
def built(corpus: Path, folder: Path) -> Built:
    return build(corpus, folder, author=BUNDLED_AUTHOR, worldview=WORLDVIEW, seed=7)


@pytest.fixture(scope="module")
def rows(built: Built, folder: Path) -> dict[str, list[Row]]:
    return {split: list(read_rows(split_file(folder, split))) for split in SPLITS}


def test_every_kind_and_every_input_is_there_and_counted(built: Built, rows: dict[str, list[Row]]) -> None:
    kinds = {row.kind for row in rows["train"]}
    assert kinds == {"original", "snowflake", "robustness", "plural", "third", "impersonal"}
    assert {row.input for row in rows["train"]} == {"standard", "dropout", "abstract"}
    assert sum(built.counts.values()) == built.rows["train"] == len(rows["train"])
    for split in ("valid", "test"):
        assert {(row.kind, row.input) for row in rows[split]} == {("original", "standard")}


def test_rows_are_what_mlx_lm_reads(folder: Path, built: Built) -> None:
    first = json.loads(split_file(folder, "train").read_text(encoding="utf-8").splitlines()[0])
    assert "text" in first
    assert not {"messages", "prompt", "completion"} & set(first)


def test_the_styled_side_follows_the_separator_and_is_the_authors(rows: dict[str, list[Row]], corpus: Path) -> None:
    passages = {passage.text for passage in read_corpus(corpus)}
    for row in rows["train"] + rows["valid"] + rows["test"]:
        assert row.prompt.endswith("\n###\n")
        assert row.prompt.count("###") == 1
        assert row.neutral in row.prompt
        if row.kind in ("original", "robustness"):
            assert row.styled in passages


def test_a_passage_is_in_one_split_only(rows: dict[str, list[Row]]) -> None:
    by_split = {split: {row.passage for row in found} for split, found in rows.items()}
    assert not by_split["train"] & (by_split["valid"] | by_split["test"])
    held_out = [row.styled for row in rows["valid"] + rows["test"]]
    assert unseen(held_out, [row.styled for row in rows["train"]]) == held_out


def test_standard_inputs_keep_every_name_and_number_and_most_of_the_length(rows: dict[str, list[Row]]) -> None:
    for row in rows["train"]:
        if row.input == "standard":
            assert len(row.neutral.split()) >= 0.5 * len(row.styled.split())
            assert not kept(row.styled, row.neutral, each=False).missing, row.neutral


def test_abstract_inputs_hide_things_and_dropout_inputs_are_shorter(rows: dict[str, list[Row]]) -> None:
    for row in rows["train"]:
        assert ("[THING]" in row.neutral) == (row.input == "abstract")
    words = {
        kind: sum(len(row.neutral.split()) for row in rows["train"] if row.kind == "original" and row.input == kind)
        for kind in ("standard", "dropout")
    }
    assert words["dropout"] < words["standard"]


def test_training_and_rewriting_make_the_same_prompt_byte_for_byte(
    rows: dict[str, list[Row]], folder: Path, corpus: Path
) -> None:
    recipe = load_recipe(folder / "recipe.toml")
    neutralizer = open_neutralizer(recipe.neutral.kind, recipe.neutral.settings)
    for row in rows["valid"] + rows["test"] + [row for row in rows["train"] if row.kind == "third"][:3]:
        neutral = neutralizer.neutralize([row.styled])[0]
        prompt = prepare(
            recipe,
            neutral,
            content=classify(neutral).content,
            words=word_target(row.styled),
            name=f"{row.passage}:{row.kind}:{row.input}",
            styled=row.styled,
        )
        assert prompt.text == row.prompt


def test_the_recipe_names_everything_that_shapes_an_input(folder: Path, built: Built) -> None:
    recipe = load_recipe(folder / "recipe.toml")
    assert recipe.pipeline == language.PIPELINE_VERSION
    assert recipe.worldview.role in WORLDVIEW.read_text(encoding="utf-8")
    assert recipe.base is None
    assert read_manifest(folder)["recipe"] == recipe.digest


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir() if path.is_file()}


def test_a_stopped_build_goes_on_and_ends_in_the_same_bytes(
    built: Built, folder: Path, corpus: Path, tmp_path: Path
) -> None:
    output = tmp_path / "stopped"
    reports: list[Progress] = []

    def stop(event: Progress) -> None:
        reports.append(event)
        if event.stage == "dataset":
            raise Cancelled

    with pytest.raises(Cancelled):
        build(corpus, output, author=BUNDLED_AUTHOR, worldview=WORLDVIEW, seed=7, report=stop)
    assert not (output / "manifest.toml").exists()
    partial = next((output / ".building").iterdir())
    with partial.open("ab") as file:
        file.write(b'{"start":16,"rows":[{"te')  # what a kill in the middle of a write leaves
    again = build(corpus, output, author=BUNDLED_AUTHOR, worldview=WORLDVIEW, seed=7, report=reports.append)
    assert again.rows == built.rows
    assert digests(output) == digests(folder)
    assert not (output / ".building").exists()


def test_a_finished_build_is_not_repeated_unless_its_files_changed(built: Built, folder: Path, corpus: Path) -> None:
    reports: list[Progress] = []
    again = build(corpus, folder, author=BUNDLED_AUTHOR, worldview=WORLDVIEW, seed=7, report=reports.append)
    assert (again.rows, again.counts, again.checks) == (built.rows, built.counts, built.checks)
    assert reports == []


def test_a_folder_of_another_author_is_refused(built: Built, folder: Path, corpus: Path) -> None:
    before = digests(folder)
    with pytest.raises(StyloraError, match="holds the dataset of 'The Unconducted Chorus'"):
        build(corpus, folder, author="Somebody Else", worldview=WORLDVIEW)
    assert digests(folder) == before


def test_kinds_can_be_switched_off(corpus: Path, tmp_path: Path) -> None:
    settings = DatasetSettings(variants=("robustness",), inputs=("standard",))
    made = build(corpus, tmp_path, author=BUNDLED_AUTHOR, worldview=WORLDVIEW, settings=settings, seed=7)
    assert set(made.counts) == {"original", "robustness"}
    assert set(made.inputs) == {"standard"}


def test_the_checkpoint_fails_what_it_should(rows: dict[str, list[Row]], folder: Path) -> None:
    recipe = load_recipe(folder / "recipe.toml")

    def failed(**changed: list[Row]) -> set[str]:
        return {check.name for check in validate({**rows, **changed}.__getitem__, recipe) if not check.passed}

    def restyled(row: Row, text: str) -> Row:
        return Row(**{name: getattr(row, name) for name in Row.__struct_fields__} | {"text": row.prompt + text})

    train = rows["train"]
    assert "enough examples" in failed(train=train[:10])
    assert "no refusals" in failed(train=[*train, restyled(train[0], "As an AI, I cannot write about mills.")])
    ai = "Moreover, it delves into the tapestry. Furthermore, this highlights the wheel. " * 30
    assert "no AI-isms beyond the author's rate" in failed(
        train=[*train, *(restyled(row, ai) for row in train if row.kind == "snowflake")]
    )
    assert "every kind present" in failed(train=[row for row in train if row.kind != "third"])
    assert "held-out text unseen" in failed(valid=[train[0], *rows["valid"]])
    echo = [
        Row(**{name: getattr(row, name) for name in Row.__struct_fields__} | {"neutral": row.styled}) for row in train
    ]
    assert "inputs neutral, outputs styled" in failed(train=echo)


@pytest.mark.parametrize(
    "line",
    [
        "not json",
        '{"text": "a"}',
        '{"text":"ab","loss_start":2,"kind":"original",'
        '"input":"standard","content":"narrative","passage":"p","neutral":"a"}',
    ],
)
def test_a_damaged_row_is_named_by_its_line(rows: dict[str, list[Row]], tmp_path: Path, line: str) -> None:
    path = tmp_path / "train.jsonl"
    write_splits(tmp_path, [("train", row) for row in rows["valid"][:1]])
    with path.open("a", encoding="utf-8") as file:
        file.write(line + "\n")
    with pytest.raises(StyloraError, match=r"train\.jsonl:2"):
        list(read_rows(path))
