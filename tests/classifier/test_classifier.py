"""Narrative or conceptual: passages a reader would not hesitate about, and what the decision rests on."""

import pytest

from engine.classifier import CLASSIFIER_VERSION, classify

NARRATIVE = [
    "I went down to the cellar. The lamp failed on the third step. I heard something move and I ran.",
    "She missed the last train. The platform was empty. A man in a grey coat asked her for the time.",
    "My uncle opened the letter at breakfast. He read it twice. Then he threw it into the fire.",
    "We drove all night. Near dawn the engine died. Harris walked to the village and came back with a rope.",
    "The storm broke at midnight. Two masts fell. The captain cut the lines himself, and the ship rolled.",
    "Yesterday the boiler burst. I called the plumber. He came after an hour and laughed at the pipes.",
    "I walk into the office. Maria looks at me and closes her laptop. She takes the box and leaves.",
    "The door was locked. He tried the window. Inside, a child began to cry.",
    "“You are late,” said the guard. “The gate is shut.” I showed him my pass and he let me through.",
    "I had not seen the house for ten years. The roof had fallen in. I found my old room full of birds.",
    "They buried the box under the oak. In spring the tree died. Nobody dug there again.",
    "After the meeting I met Dr. Lee in the corridor. She told me the results. I sat down on the floor.",
]
CONCEPTUAL = [
    "Inflation is a rise in the general level of prices. It reduces what money can buy. Banks raise rates to slow it.",
    "The stock market reflects expectation. Prices move when belief changes. No single trader controls them.",
    "A lock protects a door. It does not protect a house. Security depends on the weakest point.",
    "Whales are mammals. They breathe air and feed their young with milk. The sperm whale dives the deepest.",
    "Memory is not a record. Each recall changes what is stored. Witnesses therefore disagree.",
    "Every machine wears out. Friction turns motion into heat. Maintenance can delay the end but cannot prevent it.",
    "Democracy requires trust. Citizens must believe that votes are counted. Without this belief institutions decay.",
    "Bread rises because yeast produces gas. Warm dough rises faster. Too much heat kills the yeast.",
    "The law distinguishes murder from manslaughter. The difference is intention. Courts infer it from evidence.",
    "Cities grow along rivers. Water carries goods cheaply. Roads follow later.",
    "We call a system stable if small changes die out. Most bridges are stable. A pencil on its point is not.",
    "Art may imitate nature. It can also correct it. Critics often confuse the two aims.",
]


@pytest.mark.parametrize("text", NARRATIVE)
def test_what_happened_is_narrative(text: str) -> None:
    assert classify(text).content == "narrative"


@pytest.mark.parametrize("text", CONCEPTUAL)
def test_how_things_are_is_conceptual(text: str) -> None:
    assert classify(text).content == "conceptual"


def test_a_tie_is_narrative() -> None:
    found = classify("The Stock Market")
    assert (found.content, found.narrative, found.conceptual) == ("narrative", 0.5, 0.5)


def test_scores_sum_to_one_and_repeat() -> None:
    for text in (NARRATIVE[0], CONCEPTUAL[0]):
        found = classify(text)
        assert found.narrative + found.conceptual == pytest.approx(1)
        assert found == classify(text)


def test_present_tense_in_a_quotation_does_not_make_a_story_conceptual() -> None:
    told = "The old man looked up. “A lock is a promise, and a promise is a debt, and a debt is a chain,” he said."
    assert classify(told).content == "narrative"


def test_the_version_is_part_of_the_recipe() -> None:
    assert CLASSIFIER_VERSION
