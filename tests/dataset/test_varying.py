"""The engine a dataset's variants are made by: chosen in the settings, told in the recipe, never asked twice."""

import shutil
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from small_workspace import curated_book

from engine.curation.corpus import Passage
from engine.dataset.build import Built, build, read_manifest
from engine.dataset.pairs import make_rows
from engine.dataset.split import Split
from engine.dataset.varying import Remembered, open_engine, varying_of
from engine.errors import StyloraError
from engine.neutral import open_neutralizer
from engine.neutral.cache import Cache
from engine.recipe import RECIPE_FILE, Recipe, load_recipe
from engine.settings import DatasetSettings, NeutralSettings, VariantKind
from engine.variation.engines import Rules
from engine.workspace import BUNDLED_AUTHOR, Workspace, bundled

WORLDVIEW = bundled("prompts", "unconducted_chorus_worldview.txt")
AUTHOR = BUNDLED_AUTHOR
SHORT = Passage("p1", "I opened the door of the old tower with a key. The captain left his lamp beside the box.", "p1")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The 22 shortest passages of the bundled book."""
    folder = tmp_path_factory.mktemp("corpus")
    short = sorted((one.text for one in curated_book(tmp_path_factory)), key=lambda text: (len(text), text))[:22]
    path = folder / "chorus.txt"
    path.write_text("\n\n".join(short) + "\n", encoding="utf-8")
    return path


def built(corpus: Path, output: Path, settings: DatasetSettings, workspace: Workspace | None = None) -> Built:
    return build(
        corpus, output, author=AUTHOR, worldview=WORLDVIEW, settings=settings, workspace=workspace, seed=7, workers=1
    )


@pytest.fixture(scope="module")
def recipe(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    """That of a dataset of these passages, made by the rules."""
    folder = tmp_path_factory.mktemp("dataset") / "rules"
    built(corpus, folder, DatasetSettings(variants=(), inputs=("standard",)))
    return load_recipe(folder / RECIPE_FILE)


def test_every_subset_of_kinds_can_be_made_and_is_counted(recipe: Recipe) -> None:
    passages: list[tuple[Passage, Split]] = [(SHORT, "train")]
    neutralizer = open_neutralizer("rules")
    for size in (0, 1, 5):
        for kinds in combinations(get_args(VariantKind), size):
            made = make_rows(passages, msgspec.structs.replace(recipe, variants=kinds), neutralizer)
            assert {row.kind for row in made.rows} | {why.split(":")[0] for why in made.dropped} == {"original", *kinds}
            assert {row.input for row in made.rows} == {"standard"}


def test_none_of_the_kinds_gives_the_originals_alone(corpus: Path, tmp_path: Path) -> None:
    none = built(corpus, tmp_path / "none", DatasetSettings(variants=(), inputs=("standard",), valid=0.0, test=0.0))
    assert none.counts == {"original": 22}
    assert none.inputs == {"standard": 22}
    assert read_manifest(tmp_path / "none")["counts"] == {"original": 22}


def test_the_recipe_says_what_made_the_variants(recipe: Recipe) -> None:
    assert recipe.varying == varying_of(Rules(recipe.seed))
    assert recipe.varying.engine == "rules"


def test_a_model_makes_variants_or_leaves_them_to_the_rules(recipe: Recipe, tmp_path: Path, tiny_model: Path) -> None:
    """A tiny model cannot do it at all: what it gets wrong is counted and made by the rules."""
    workspace = Workspace.create(tmp_path / "w")
    shutil.copytree(tiny_model, workspace.models / "tiny-chat")
    settings = DatasetSettings(engine="model", engine_model=str(workspace.models / "tiny-chat"))
    engine = open_engine(settings, NeutralSettings(), workspace, 7)
    assert varying_of(engine).engine == "model"
    assert varying_of(engine).identity
    wanted = msgspec.structs.replace(recipe, variants=("snowflake",))
    passages: list[tuple[Passage, Split]] = [(Passage("p2", "I opened the door of the tower.", "p2"), "train")]
    first, again = (make_rows(passages, wanted, open_neutralizer("rules"), engine) for _ in range(2))
    assert [row.kind for row in first.rows] == ["original", "snowflake"]
    assert first.fallbacks
    assert all(why.startswith("snowflake: ") for why in first.fallbacks)
    assert first == again


def test_an_answer_is_asked_for_once_and_silence_only_where_it_may_end(tmp_path: Path) -> None:
    asked: list[str] = []

    class Taciturn:
        identity = "taciturn"

        def answer(
            self, instructions: Sequence[str], *, max_tokens: Sequence[int], attempt: int = 0
        ) -> list[str | None]:
            asked.extend(instructions)
            return [None if "quiet" in one else f"{one} {attempt}" for one in instructions]

    for silence, total in ((False, 4), (True, 3)):
        asked.clear()
        instruct = Remembered(Taciturn(), Cache(tmp_path / f"{silence}.sqlite3"), silence=silence)
        for _ in range(2):
            assert instruct.answer(["speak", "quiet"], max_tokens=[9, 9]) == ["speak 0", None]
        assert instruct.answer(["speak"], max_tokens=[9], attempt=1) == ["speak 1"]
        assert len(asked) == total


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (DatasetSettings(engine="model"), "dataset.engine_model"),
        (DatasetSettings(engine="model", engine_model="nobody"), "nobody"),
        (DatasetSettings(engine="model", engine_model="qwen2.5-14b"), "qwen2.5-14b"),
        (DatasetSettings(engine="server", engine_model="m"), "neutral.url"),
    ],
)
def test_an_engine_that_cannot_work_is_refused_in_one_line(
    tmp_path: Path, settings: DatasetSettings, says: str
) -> None:
    workspace = Workspace.create(tmp_path / "w")
    with pytest.raises(StyloraError, match=says) as told:
        open_engine(settings, NeutralSettings(), workspace, 1)
    assert "\n" not in str(told.value)
    with pytest.raises(StyloraError, match="workspace"):
        open_engine(settings, NeutralSettings(), None, 1)
