"""The golden test: the prompts of training rows and those of rewriting, byte for byte, whatever makes text plain."""

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from scripted_server import Scripted, serving
from small_workspace import curated_book
from translating_server import translate

from engine.classifier import classify
from engine.dataset.build import build
from engine.dataset.rows import SPLITS, Row, read_rows, split_file
from engine.generation.rewriter import Rewriter
from engine.language import parse
from engine.models.loading import load
from engine.prompting import encode, encode_prompt, prepare, word_target
from engine.recipe import load_recipe
from engine.settings import InputKind, NeutralSettings, VariantKind
from engine.variation.inputs import abstract, dropout
from engine.workspace import BUNDLED_AUTHOR, SETTINGS_FILE, Workspace

PASSAGES = 20


@pytest.fixture(scope="module")
def server() -> Iterator[Scripted]:
    with serving(translate) as scripted:
        yield scripted


@pytest.fixture(scope="module", params=["rules", "server"])
def workspace(request: pytest.FixtureRequest, server: Scripted, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace with a small dataset of every kind of row, its neutral text made by one of two neutralizers."""
    made = Workspace.create(tmp_path_factory.mktemp("golden") / "w")
    path = made.root / SETTINGS_FILE
    lines = f'\n[neutral]\nkind = "{request.param}"\nmodel = "m"\nurl = "{server.url}"\n'
    path.write_text(path.read_text(encoding="utf-8") + lines, encoding="utf-8")
    made = Workspace(made.root)
    corpus = made.corpus(BUNDLED_AUTHOR)
    told = sorted((one.text for one in curated_book(tmp_path_factory) if one.text.count("I ") > 2), key=len)[:PASSAGES]
    corpus.write_text("\n\n".join(told) + "\n", encoding="utf-8")
    build(
        corpus,
        made.dataset(BUNDLED_AUTHOR),
        author=BUNDLED_AUTHOR,
        worldview=made.worldview(BUNDLED_AUTHOR),
        neutral=made.settings.neutral,
        workspace=made,
        seed=7,
    )
    return made


@pytest.fixture(scope="module")
def rewriter(workspace: Workspace, tiny_model: Path) -> Rewriter:
    """What rewriting opens: it knows the recipe, and nothing of the dataset."""
    recipe = load_recipe(workspace.dataset(BUNDLED_AUTHOR) / "recipe.toml")
    return Rewriter(load(tiny_model), recipe, workspace=workspace)


@pytest.fixture(scope="module")
def rows(workspace: Workspace) -> list[Row]:
    folder = workspace.dataset(BUNDLED_AUTHOR)
    return [row for split in SPLITS for row in read_rows(split_file(folder, split))]


def test_every_kind_of_row_is_looked_at(rows: list[Row], rewriter: Rewriter, workspace: Workspace) -> None:
    assert rewriter.neutralizer.kind == workspace.settings.neutral.kind
    seen = {(row.kind, row.input) for row in rows}
    assert {kind for kind, _ in seen} == {"original", *get_args(VariantKind)}
    assert {input for kind, input in seen if kind == "original"} == set(get_args(InputKind))


def test_rewriting_makes_the_prompt_of_every_row_with_a_standard_input(rows: list[Row], rewriter: Rewriter) -> None:
    plain = [row for row in rows if row.input == "standard" and row.kind != "robustness"]
    prepared = rewriter.prepare(
        [row.styled for row in plain],
        [f"{row.passage}:{row.kind}:{row.input}" for row in plain],
        [row.styled for row in plain],
    )
    for row, one in zip(plain, prepared, strict=True):
        assert one.prompt.text.encode() == row.prompt.encode(), (row.kind, row.passage)
        assert one.prompt.input == row.neutral
        assert one.prompt.content == row.content


def test_the_spoiled_inputs_are_made_from_the_same_text_by_the_same_renderer(
    rows: list[Row], rewriter: Rewriter
) -> None:
    spoiled = [row for row in rows if row.input != "standard" or row.kind == "robustness"][::2]
    assert {row.input for row in spoiled} == set(get_args(InputKind))
    neutral = rewriter.neutralizer.neutralize([row.styled for row in spoiled])
    for row, text in zip(spoiled, neutral, strict=True):
        doc = parse(text)
        made = {"standard": text, "dropout": dropout(doc), "abstract": abstract(doc)}[row.input]
        prompt = prepare(
            rewriter.recipe,
            made,
            content=classify(text).content,
            words=word_target(row.styled),
            name=f"{row.passage}:{row.kind}:{row.input}",
            styled=row.styled,
            robust=row.kind == "robustness",
        )
        assert prompt.text.encode() == row.prompt.encode(), (row.kind, row.input, row.passage)


def test_the_model_is_fed_the_same_tokens(rows: list[Row], rewriter: Rewriter) -> None:
    tokenizer = rewriter.loaded.tokenizer
    for row in rows[:: max(1, len(rows) // 12)]:
        ids, start = encode(tokenizer, row.prompt, row.styled)
        assert ids[:start] == encode_prompt(tokenizer, row.prompt)


def test_the_settings_of_the_recipe_and_of_the_file_agree(workspace: Workspace, rewriter: Rewriter) -> None:
    assert isinstance(workspace.settings.neutral, NeutralSettings)
    assert rewriter.recipe.neutral.settings == rewriter.neutralizer.settings
    assert rewriter.recipe.neutral.version == rewriter.neutralizer.version
