"""Ink on paper, by night and by day. Every colour is one of the 256 that Apple's Terminal has, so nothing shifts."""

from __future__ import annotations

from textual.theme import Theme

DARK = Theme(
    name="stylora-dark",
    dark=True,
    primary="#d7af87",
    secondary="#87afaf",
    accent="#d7af87",
    foreground="#d0d0d0",
    background="#1c1c1c",
    surface="#262626",
    panel="#303030",
    success="#87af87",
    warning="#d7af5f",
    error="#d78787",
    variables={"quiet": "#8a8a8a", "faint": "#585858", "line": "#444444", "strong": "#eeeeee"},
)

LIGHT = Theme(
    name="stylora-light",
    dark=False,
    primary="#875f00",
    secondary="#005f87",
    accent="#875f00",
    foreground="#303030",
    background="#eeeeee",
    surface="#e4e4e4",
    panel="#d0d0d0",
    success="#5f8700",
    warning="#af5f00",
    error="#af0000",
    variables={"quiet": "#6c6c6c", "faint": "#a8a8a8", "line": "#bcbcbc", "strong": "#080808"},
)
