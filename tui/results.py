"""The results of the longer commands, laid out for reading."""

from __future__ import annotations

from typing import Any

from engine.workspace import Workspace
from tui import card_rows, console


def card(result: dict[str, Any], *, samples: int) -> None:
    """Print a report card and its first `samples` passages in every form."""
    for sample in result["samples"][:samples]:
        console.passage("plain text", sample["plain"])
        console.passage("untrained model", sample["untrained"])
        console.passage("with the adapter", sample["rewritten"])
        console.passage("the author's own, never seen in training", sample["author"])
    console.line(card_rows.heading(result))
    for parts in card_rows.lines(result):
        console.line("".join(parts))
    facts = max(result["facts"], 1)
    kept = result["facts_kept"]
    console.counts(
        "in short",
        {
            "gap closed by the adapter": f"{result['gap_closed']:.0%}",
            "names and numbers kept": f"{kept} of {result['facts']} ({kept / facts:.0%})",
            "rewrites with 20 copied words": result["copied"],
        },
    )
    console.counts("rewrites with findings", result["findings"])


def demo(result: dict[str, Any], workspace: Workspace) -> None:
    """Print what the demo made, measured, and what to type next."""
    card(result["card"], samples=3)
    trained = result["trained"]
    console.counts(
        "training",
        {
            "loss on held-out passages, before": f"{trained['first_valid_loss']:.3f}",
            "loss on held-out passages, after": f"{trained['best_valid_loss']:.3f}",
            "updates": trained["updates"],
            "pairs seen": f"{trained['examples']} of {result['rows']}",
        },
    )
    if trained["stopped"] == "time":
        console.line("Training was stopped early to keep the time box; --minutes 30 gives it more.")
    console.counts("seconds", {stage: f"{value:.0f}" for stage, value in result["seconds"].items()})
    console.counts("files", result["files"])
    here = f"cd {workspace.root.name} && " if workspace.root.name == "stylora-demo" else ""
    console.line(f"next: {here}stylora rewrite 'The bridge was closed in 1987 because a cable broke.'   or: stylora")
