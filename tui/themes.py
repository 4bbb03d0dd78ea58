"""Ink on paper, by night and by day, and in the terminal's own colours.

Every colour is one of the 256 that Apple's Terminal has, so nothing shifts.
"""

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
    success="#005f00",
    warning="#af5f00",
    error="#af0000",
    variables={"quiet": "#5f5f5f", "faint": "#949494", "line": "#bcbcbc", "strong": "#080808"},
)

TERMINAL = Theme(
    name="stylora-terminal",
    ansi=True,
    dark=True,
    primary="ansi_magenta",
    secondary="ansi_default",
    accent="ansi_magenta",
    foreground="ansi_default",
    background="ansi_default",
    surface="ansi_default",
    panel="ansi_default",
    boost="ansi_default",
    success="ansi_green",
    warning="ansi_yellow",
    error="ansi_red",
    # Grey is left to what may be missed: some palettes have it in the background's own colour.
    variables={
        "ansi-background": "ansi_default",
        "ansi-foreground": "ansi_default",
        "quiet": "ansi_default",
        "faint": "ansi_bright_black",
        "line": "ansi_bright_black",
        "strong": "ansi_default",
        "border-blurred": "ansi_bright_black",
        "block-cursor-foreground": "ansi_default",
        "block-cursor-background": "ansi_default",
        "block-cursor-text-style": "reverse",
        "input-cursor-foreground": "ansi_default",
        "input-cursor-background": "ansi_default",
        "input-cursor-text-style": "reverse",
        "input-selection-foreground": "ansi_black",
        "input-selection-background": "ansi_cyan",
        "screen-selection-foreground": "ansi_black",
        "screen-selection-background": "ansi_cyan",
    },
)

THEMES = (DARK, LIGHT, TERMINAL)


def named(name: str) -> Theme:
    """The theme that stylora.toml calls `name`: ``dark``, ``light`` or ``terminal``; or its whole name."""
    return next((theme for theme in THEMES if theme.name in (name, f"stylora-{name}")), DARK)


def after(name: str) -> Theme:
    """The theme that follows the one of this name."""
    names = [theme.name for theme in THEMES]
    return THEMES[(names.index(name) + 1) % len(names)] if name in names else DARK


def said(name: str) -> str:
    """The theme of this name as the user calls it: ``dark``, ``light``, ``terminal``."""
    return name.removeprefix("stylora-")
