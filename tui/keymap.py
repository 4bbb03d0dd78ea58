"""Other keys for the app's actions, from the `[keys]` table of stylora.toml, and how keys are written for people.

Refused are keys that a terminal on a Mac does not send through SSH, and two actions on one key of one screen.
"""

from __future__ import annotations

import difflib
import string
from collections.abc import Mapping, Sequence

from textual.binding import Binding
from textual.keys import format_key

from engine.errors import StyloraError
from tui import actions
from tui.actions import ACTIONS, Action

Keys = Mapping[str, tuple[str, ...]]
"""Keys by action id, as Textual names them: only those that differ from the table."""

SENT = frozenset(
    {"space", "enter", "tab", "shift+tab", "escape", "backspace", "delete", "up", "down", "left", "right", "comma"}
    | {f"f{number}" for number in range(1, 11)}
    | {f"ctrl+{letter}" for letter in string.ascii_lowercase if letter not in "chijm"}
)
"""Keys with a name that Apple's Terminal sends; Ctrl with h, i, j, m is Backspace, Tab, Enter, and Ctrl+C copies."""
SCROLLING = frozenset({"pageup", "pagedown", "home", "end"})
"""Keys that scroll Terminal's own window there, and reach an app in other terminals only."""
WRITING = frozenset({"app", "dataset", "rewrite", "worldview"})
"""Screens with something to write in, where letters are text."""
_NAMES = {"esc": "escape", "return": "enter", "pgup": "pageup", "pgdn": "pagedown", "del": "delete", "bs": "backspace"}
_SIGNS = {"enter": "Enter", "escape": "Esc", "space": "Space", "tab": "Tab", "shift+tab": "Shift+Tab"} | {
    "backspace": "Backspace",
    "delete": "Delete",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "home": "Home",
    "end": "End",
    "comma": ",",
}
_now: dict[str, tuple[str, ...]] = {}


def use(keys: Keys) -> None:
    """From now on these keys are the ones that the screens name; of the whole process, which has one app."""
    _now.clear()
    _now.update(keys)


def keys_of(action: Action, keys: Keys | None = None) -> tuple[str, ...]:
    """The keys of `action` under `keys`, by default those in use; the first is the one shown."""
    return (_now if keys is None else keys).get(action.id) or _named(action.keys)


def _named(keys: str) -> tuple[str, ...]:
    """A key list of the table, each key as Textual names it: ``?`` is ``question_mark``."""
    return tuple(binding.key for binding in Binding.make_bindings([Binding(keys, "x")]))


def sign(key: str) -> str:
    """A key as people read it: ``^t``, ``?``, ``↓``, ``F1``."""
    if key.startswith("ctrl+"):
        return f"^{key.removeprefix('ctrl+')}"
    return _SIGNS.get(key) or (key.upper() if key[1:].isdigit() else format_key(key))


def written(action: Action) -> str:
    """The first key of `action` as people read it."""
    if action.id not in _now and action.display:
        return action.display
    return sign(keys_of(action)[0])


def key(identity: str) -> str:
    """The key in use for the action with this id, as people read it: for hints such as *press c*."""
    return next(written(action) for action in ACTIONS if action.id == identity)


def read(table: Mapping[str, str | Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """The `[keys]` table, checked. Raises `StyloraError` with one line for the first thing that is wrong."""
    known = {action.id: action for action in ACTIONS}
    keys: dict[str, tuple[str, ...]] = {}
    for identity, told in table.items():
        where = f'stylora.toml, [keys]: "{identity}"'
        action = known.get(identity)
        if action is None:
            close = difflib.get_close_matches(identity, known, n=1, cutoff=0.4)
            hint = f"did you mean {close[0]!r}?" if close else "'stylora keys' lists what there is"
            raise StyloraError(f"{where} is no action; {hint}")
        names = tuple(_checked(one, where) for one in ([told] if isinstance(told, str) else told))
        if not set(names) - SCROLLING and set(_named(action.keys)) - SCROLLING:
            what = f"{sign(names[0])} scrolls Apple's Terminal itself; give" if names else "has no key; give it"
            usual = next(sign(one) for one in _named(action.keys) if one not in SCROLLING)
            raise StyloraError(f"{where}: {what} one more key, such as {usual}")
        if action.where in WRITING and all(map(character, names)) and not any(map(character, _named(action.keys))):
            raise StyloraError(
                f"{where}: has to work while writing, where {sign(names[0])!r} is text; "
                "give Ctrl with a letter, Esc or F1 to F10"
            )
        keys[identity] = names
    _refuse_clashes(keys)
    return keys


def character(key: str) -> str | None:
    """What the key writes into a prompt. (`textual.keys.key_to_character` does not know ``slash`` and its like.)"""
    if key == "space":
        return " "
    if key == "comma":
        return ","
    if key in SENT or key in SCROLLING or "+" in key:
        return None
    shown = format_key(key)
    return shown if len(shown) == 1 else None


def _checked(told: str, where: str) -> str:
    """The key's name in Textual; raises `StyloraError` for one that is unknown or does not arrive over SSH."""
    if len(told) == 1 and told.isprintable():
        return "space" if told == " " else "comma" if told == "," else _named(told)[0]
    name = told.strip().lower().replace(" ", "")
    name = f"ctrl+{name[1:]}" if name.startswith("^") else name.replace("control+", "ctrl+")
    name = _NAMES.get(name, name)
    if name in SENT or name in SCROLLING or character(name):
        return name
    if name.startswith("shift+") and len(name) == 7:
        raise StyloraError(f"{where}: write {told!r} as the character it makes, {name[-1].upper()!r}")
    reason = "is no key, or none that Apple's Terminal sends through SSH"
    if name in ("ctrl+h", "ctrl+i", "ctrl+j", "ctrl+m"):
        reason = "arrives as Backspace, Tab or Enter"
    elif name == "ctrl+c":
        reason = "copies"
    raise StyloraError(
        f"{where}: {told!r} {reason}; take a letter, digit or sign, Ctrl with a letter, an arrow, Enter, Esc, F1 to F10"
    )


def _meet(one: Action, other: Action) -> bool:
    return one.where == other.where or "app" in (one.where, other.where)


def _refuse_clashes(keys: Keys) -> None:
    """Two actions of one screen on one key: allowed only where the table itself has it so."""
    for action in ACTIONS:
        for other in ACTIONS:
            if action.id not in keys or other is action or not _meet(action, other):
                continue
            both = set(keys_of(action, keys)) & set(keys_of(other, keys))
            both -= set(_named(action.keys)) & set(_named(other.keys))
            if both:
                raise StyloraError(
                    f'stylora.toml, [keys]: "{action.id}": {sign(min(both))!r} is the key of "{other.id}" '
                    f"({other.help}); give one of them another key"
                )


def for_textual(keys: Keys) -> dict[str, str]:
    """`keys` as `textual.app.App.set_keymap` takes them."""
    return {identity: ",".join(names) for identity, names in keys.items()}


def rows(where: str | None = None) -> list[tuple[str, str, str]]:
    """Id, keys and help of every action, or those of one screen, in the table's order."""
    chosen = ACTIONS if where is None else actions.of(where)
    return [(action.id, " ".join(map(sign, keys_of(action))), action.help) for action in chosen]
