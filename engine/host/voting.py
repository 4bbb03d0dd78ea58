"""A blind trial for a screen: its questions, the votes, what they come to. Loads no model."""

from __future__ import annotations

from pathlib import Path

from engine.report.blind import Choice, Outcome, Question, outcome, questions, vote, votes

__all__ = ["Choice", "Outcome", "Question", "asked", "outcome", "questions", "vote", "votes"]


def asked(place: Path) -> tuple[list[Question], int]:
    """Every question of the trial at `place`, those voted on first, and how many those are."""
    cast = votes(place)
    every = questions(place)
    done = [question for question in every if question.input in cast]
    return [*done, *(question for question in every if question.input not in cast)], len(done)
