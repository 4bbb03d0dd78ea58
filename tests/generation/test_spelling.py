"""Typing errors that noise put into the input and that stand in the rewrite."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import pytest
from small_adapter import write_small_adapter

from engine.generation.context import in_context
from engine.generation.preparing import Prepared
from engine.generation.rewriter import Rewriter
from engine.generation.spelling import misspelt, mistyped
from engine.generation.verify import verify
from engine.generation.writer import Order
from engine.models.decoding import Decoded
from engine.prompting import Prompt
from engine.workspace import Workspace

SOURCE = "The clerk left at 5:30 with 12 letters and used the electric light beside the maple, amidst us, toward night."


@pytest.mark.parametrize(
    ("rewrite", "given", "found"),
    [
        ("The clerk, with 12 lettets, left.", "The clerk left 5:30 with 12 lettets.", [("lettets", "letters")]),
        ("He usd the elstric light.", "He usd the elsctric light.", [("elstric", "electric"), ("usd", "used")]),
        ("He usd the light.", SOURCE, []),  # not the noise's, and a word to some
        ("He left with letters, and used the light.", SOURCE, []),
        ("He took letters and left lettets.", "The clerk left with lettets.", [("lettets", "letters")]),
        ("He stood amid the letters and towards noon used the light.", "He stood amid the maple towards noon.", []),
        ("The harpooneer leaned on the mayple; the shoggoths slept.", SOURCE, [("mayple", "maple")]),
        ("The clerk employed the electrical light.", "The clerk employed the electric light.", []),
    ],
)
def test_what_looks_like_a_lost_word_and_is_none_is_misspelt(
    rewrite: str, given: str, found: list[tuple[str, str]]
) -> None:
    assert misspelt(rewrite, SOURCE, given) == found


def test_a_typing_error_of_the_noise_counts_against_a_variation() -> None:
    given = SOURCE.replace("letters", "lettets")
    prompt = Prompt(text=given, input=given, content="narrative", words=20, constraints=())
    prepared = Prepared(source=SOURCE, told=SOURCE, expanded=SOURCE, neutral=SOURCE, prompt=prompt)
    rewrite = "At 5:30 the clerk left with 12 lettets, and used the electric light beside the maple."
    verdict = in_context(verify(SOURCE, rewrite), prepared, rewrite, None, 0.1)
    assert verdict.findings[-1].message == "misspelt: lettets (letters)"
    assert verdict.passed
    sound = rewrite.replace("lettets", "letters")
    assert in_context(verify(SOURCE, sound), prepared, sound, None, 0.1).weight < verdict.weight
    assert dataclasses.replace(verdict, findings=verdict.findings[:-1]).weight == pytest.approx(verdict.weight - 0.5)


def test_typing_errors_of_the_noise_are_found_with_their_words() -> None:
    neutral = "This clerk left with twelve letters, and took the road to Arkham from the mill."
    given = "Thie clerk left with twelve lettets, and tok the way to Arkham form the mill."
    assert mistyped(neutral, given) == [
        ("Thie", "This"),
        ("thie", "this"),
        ("lettets", "letters"),
        ("tok", "took"),
    ]  # "way" is a synonym, and "form" a word


def test_a_typing_error_beside_a_dropped_word_is_found_and_one_that_the_text_has_itself_is_none() -> None:
    assert mistyped("The gaol held the clerk.", "Gaol hedl clerk.") == [("hedl", "held")]
    assert mistyped("He was usd to it, and used it.", "He was usd to it, and usd it.") == []


def test_orders_name_the_typing_errors_of_their_own_prompt(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace.create(tmp_path / "w")
    (workspace.root / "stylora.toml").write_text(
        f'base_model = "tiny"\n[models.tiny]\nsource = "folder"\nlocation = "{tiny_model}"\npath = "{tiny_model}"\n'
    )
    write_small_adapter(workspace.root / "lora_adapters" / "one", tiny_model, size=40, seed=1)
    rewriter = Rewriter.open(Workspace(workspace.root), workspace.root / "lora_adapters" / "one")
    written: list[Order] = []

    def write(orders: Sequence[Order], variations: int, **_: object) -> list[list[Decoded]]:
        written.extend(orders)
        return [[Decoded(order.prompt, (), "stop")] * variations for order in orders]

    monkeypatch.setattr(rewriter.writer, "write", write)
    text = "The old clerk carried twelve letters through the valley and never complained about the weather."
    made = [one for seed in range(3, 9) for one in rewriter.rewrite([text], seed=seed)]
    found = [order.mistyped for order in written]
    assert found == [mistyped(one.prepared.neutral, one.prepared.prompt.input) for one in made]
    assert any(found)
