"""The one prompt renderer, its constraints and its worldview files."""

from pathlib import Path

import pytest

from engine.constraints import CHECKS, LINES, choose, constraints_of
from engine.errors import StyloraError
from engine.prompting import clean_input, compose, encode, word_target
from engine.recipe import Neutralizing, Recipe, Worldview, load_recipe, refuse_difference, save_recipe
from engine.workspace import bundled
from engine.worldview import parse_worldview, read_worldview

PASSAGES = [
    "I saw the wheel turn; it had turned, so the miller told me, for two hundred and six years, and in all that time "
    "nobody had asked it why, nor had it, being a wheel, thought to complain of the sea that drove it. It stopped.",
    "Is a clock honest? No clock is. It loses what it is given, and it calls the loss the hour.",
]


def recipe(**changes: object) -> Recipe:
    values: dict[str, object] = {
        "author": "The Unconducted Chorus",
        "prompt": "1",
        "worldview": read_worldview(bundled("prompts", "unconducted_chorus_worldview.txt"), "The Unconducted Chorus"),
        "constraints": constraints_of(PASSAGES),
        "classifier": "1",
        "pipeline": "p",
        "neutral": Neutralizing(kind="rules", version="1"),
        "noise_version": "1",
        "noise": 0.08,
        "robustness_noise": 0.15,
        "variants": ("plural",),
        "inputs": ("standard",),
        "seed": 7,
    }
    return Recipe(**(values | changes))  # type: ignore[arg-type]


def test_a_prompt_has_frame_length_input_and_separator_in_the_missions_form() -> None:
    prompt = compose(recipe(constraints=()), input="The wheel turned.", content="narrative", words=40, name="a")
    assert prompt.text == (
        "[SYSTEM ROLE]:\nYou are the Systems Theologian. You see the world as a machine governed by indifferent "
        "geometry; nothing is luck, all is entropy.\nYou are an inspector of machines, recalling what you saw, "
        "measured and were told.\n\n[INSTRUCTION]:\nRetell the input in your own voice. Keep every name, number and "
        "fact.\n- Use mechanical metaphors (gears, rot, friction).\n- Be precise and grave.\n- Write approximately "
        "40 words.\n\n[INPUT]:\nThe wheel turned.\n###\n"
    )


def test_the_content_chooses_the_persona_frame() -> None:
    conceptual = compose(recipe(), input="A clock loses.", content="conceptual", words=10, name="a")
    assert "explaining a subject" in conceptual.text
    assert "inspector" not in conceptual.text


def test_several_frames_are_drawn_by_name_alone() -> None:
    several = recipe(worldview=Worldview(source="w", role="R", narrative=("one", "two", "three")))
    texts = {name: compose(several, input="x", content="narrative", words=10, name=name).text for name in "abcdefgh"}
    assert len(set(texts.values())) > 1
    assert texts["c"] == compose(several, input="x", content="narrative", words=10, name="c").text


def test_no_constraint_ever_contradicts_the_styled_text() -> None:
    constraints = constraints_of(PASSAGES)
    by_text = {text: test for test, text, _ in LINES}
    seen = set()
    for index in range(300):
        for styled in PASSAGES:
            for line in choose(constraints, seed=1, name=str(index), styled=styled):
                seen.add(line)
                assert CHECKS[by_text[line]](styled), line
    assert {"Ask a question.", "Let one sentence run past forty words.", "Ask no questions."} <= seen


def test_prompts_carry_a_line_equally_often_with_and_without_the_styled_text() -> None:
    passages = PASSAGES * 1
    constraints = constraints_of(passages)
    known: dict[str, int] = {}
    unknown: dict[str, int] = {}
    for index in range(2000):
        for line in choose(constraints, seed=1, name=f"a{index}", styled=passages[index % 2]):
            known[line] = known.get(line, 0) + 1
        for line in choose(constraints, seed=1, name=f"b{index}", styled=None):
            unknown[line] = unknown.get(line, 0) + 1
    for line in known:
        # Three standard errors of a share of a half over 2,000 draws is .034; opposites are dropped a little more.
        assert abs(known[line] - unknown.get(line, 0)) / 2000 < 0.05, line


def test_opposite_lines_never_meet_in_one_prompt() -> None:
    constraints = constraints_of(PASSAGES)
    for index in range(2000):
        lines = choose(constraints, seed=3, name=str(index), styled=None)
        assert not {"Ask a question.", "Ask no questions."} <= set(lines)


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("one\ntwo\n\nthree", "one two three"),
        ("before\n###\nafter", "before ## after"),
        ("[INPUT]:\n", "(INPUT):"),
        ("# a heading", "# a heading"),
    ],
)
def test_an_input_cannot_pass_for_the_prompts_own_marks(raw: str, clean: str) -> None:
    assert clean_input(raw) == clean


def test_the_word_target_is_rounded_to_tens() -> None:
    assert [word_target("w " * n) for n in (1, 14, 16, 104, 106)] == [10, 10, 20, 100, 110]


def test_a_worldview_without_sections_is_one_role(tmp_path: Path) -> None:
    path = tmp_path / "w.txt"
    path.write_text("You are {author}.\nBe brief.\n", encoding="utf-8")
    assert read_worldview(path, "X").role == "You are X.\nBe brief."


def test_a_worldview_with_a_mistyped_section_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "w.txt"
    path.write_text("[SYSTEM ROL]:\nYou.\n", encoding="utf-8")
    with pytest.raises(StyloraError, match=r"unknown section \[SYSTEM ROL\]"):
        read_worldview(path, "X")


@pytest.mark.parametrize(
    ("damaged", "said"),
    [
        ("{input}zzz\nYou.\n[INSTRUCTION]:\nWrite.\n", r"'\{input\}zzz' stands before every section"),
        ("[SYSTEM ROLE]:\nYou.\n[INPUT]:\n{user_input{user_inptu}\n", r"in \[INPUT\]: it takes \{user_input\} alone"),
        ("[SYSTEM ROLE]:\nYou are {autor}.\n", r"'You are \{autor\}.' in \[SYSTEM ROLE\]: it takes \{author\}"),
        ("You are {autor.\n", r"in \[SYSTEM ROLE\]"),
    ],
)
def test_a_damaged_worldview_is_refused_with_its_line(damaged: str, said: str) -> None:
    with pytest.raises(StyloraError, match=said):
        parse_worldview(damaged, "X", "w.txt", where="w.txt")
    parse_worldview("[SYSTEM ROLE]:\nYou are {author}.\n[INPUT]:\n{user_input}\n", "X", "w.txt", where="w.txt")


def test_a_row_feeds_the_model_exactly_what_rewriting_feeds_it() -> None:
    class Characters:
        eos_token_id = 0

        def encode(self, text: str, add_special_tokens: bool = True, split_special_tokens: bool = False) -> list[int]:
            assert not add_special_tokens
            assert split_special_tokens
            return [ord(character) for character in text]

    ids, start = encode(Characters(), "prompt", "styled")
    assert ids[:start] == [ord(character) for character in "prompt"]
    assert ids[start:] == [*(ord(character) for character in "styled"), 0]


def test_a_recipe_survives_its_file(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    for one in (recipe(), recipe(base="smollm2:abc", scale=2.0)):
        save_recipe(one, path)
        assert load_recipe(path) == one
        assert load_recipe(path).digest == one.digest
    assert recipe(noise=0.09).digest != recipe().digest


@pytest.mark.parametrize("text", ["format = 1\nauthor = 'x'", "format = 2", "not toml", ""])
def test_a_damaged_recipe_is_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(StyloraError) as caught:
        load_recipe(path)
    assert "\n" not in str(caught.value)


def test_a_difference_is_refused_with_both_values() -> None:
    refuse_difference("noise", 0.08, 0.08)
    with pytest.raises(StyloraError, match=r"0\.08.*0\.1"):
        refuse_difference("noise", 0.08, 0.1)


def test_a_users_text_never_becomes_a_control_token(tiny_model: Path) -> None:
    from engine.models.loading import load

    tokenizer = load(tiny_model).tokenizer
    ids, _ = encode(tokenizer, "He typed <|im_end|> and <|endoftext|>.", "So he did.")
    assert tokenizer.eos_token_id not in ids[:-1]
    assert "<|im_end|> and <|endoftext|>." in tokenizer.decode(ids)
