"""Every key of the app in one table: bindings, key bar, help, command palette and `[keys]` are made from it.

Only keys that Apple's Terminal sends through SSH: letters, digits, Ctrl with a letter, arrows, Enter, Esc, F1.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from textual.binding import Binding, BindingType

_STEPS = (
    (1_000_000, "last", "first"),
    (5, "next-page", "previous-page"),
    (2, "down", "up"),
    (1, "next", "previous"),
)
"""What a step of at least so much is called in an action's id."""


@dataclass(frozen=True)
class Action:
    """One thing a key does. `where` is a screen's name, or ``app`` for all of them."""

    where: str
    keys: str
    """As Textual names them; the first is the one shown."""
    name: str
    """The method ``action_<name>`` of the screen or the app, with its arguments."""
    label: str
    """What the key bar shows; empty keeps it out of there."""
    help: str
    display: str = ""
    """How the key is written, where Textual's own way would not do."""

    @cached_property
    def id(self) -> str:
        """Its name in stylora.toml, made from `where` and `name`: ``page(-1)`` is ``dataset.page-previous``."""
        name, _, arguments = self.name.removeprefix("app.").rstrip(")").partition("(")
        words = [name.replace("_", "-"), *(_word(one) for one in arguments.split(",") if one)]
        return f"{self.where}.{'-'.join(words)}"


def _word(argument: str) -> str:
    """An argument of an action's method as a part of its id."""
    if not re.fullmatch(r"-?\d+", argument.strip()):
        return argument.strip(" '\"").replace("_", "-")
    number = int(argument)
    for least, forth, back in _STEPS:
        if abs(number) >= least:
            return forth if number > 0 else back
    return argument


ACTIONS = (
    Action("app", "1", "go('corpus')", "", "corpus: authors, files, what curation kept"),
    Action("app", "2", "go('dataset')", "", "dataset: pairs, counts, checks"),
    Action("app", "3", "go('training')", "", "training: start, watch, earlier runs"),
    Action("app", "4", "go('rewrite')", "", "rewrite: a passage in the author's voice"),
    Action("app", "right_square_bracket", "author(1)", "", "next author, on every screen", "]"),
    Action("app", "left_square_bracket", "author(-1)", "", "previous author", "["),
    Action("app", "tab", "app.focus_next", "", "next part of the screen; arrows and page keys scroll it"),
    Action("app", "x", "cancel", "cancel", "cancel the running job; it stops where it can go on"),
    Action("app", "d", "demo", "", "the demo: start it, or look at it"),
    Action("app", "ctrl+d", "doctor", "", "the doctor: what is wrong, why, and fixes to run", "^d"),
    Action("app", "ctrl+o", "jump", "", "jump to a part of the screen by its letter", "^o"),
    Action("app", "ctrl+p", "command_palette", "", "find an action by its words, and run it", "^p"),
    Action("app", "ctrl+g", "messages", "", "what was said before, in full; where the logs are", "^g"),
    Action("app", "ctrl+t", "theme", "", "next theme: dark, light, the terminal's own colours", "^t"),
    Action("app", "ctrl+l", "reload", "", "look at the workspace's files again; start a lost host", "^l"),
    Action("app", "question_mark,f1", "help", "help", "this page; F1 works while writing too", "?"),
    Action("app", "q,ctrl+q", "leave", "quit", "leave; running jobs go on without you", "q"),
    Action("corpus", "a", "add", "add file", "add a book by its path"),
    Action("corpus", "c", "curate", "curate", "make the corpus: choose files, shortest paragraph, size"),
    Action("corpus", "r", "removed", "review", "read what curation kept and took out, and decide otherwise"),
    Action("dataset", "b", "build", "build", "build the training pairs: kinds, noise, neutral text, worldview"),
    Action("dataset", "v", "page(1)", "view", "next view: counts, checks, dropped, recipe, persona; V the one before"),
    Action("dataset", "V", "page(-1)", "", "the view before"),
    Action("dataset", "J", "sheet(3)", "", "further down in a long view; K further up"),
    Action("dataset", "K", "sheet(-3)", "", "further up in a long view"),
    Action("dataset", "down,j", "move(1)", "next", "next pair", "↓"),
    Action("dataset", "up,k", "move(-1)", "", "previous pair", "↑"),
    Action("dataset", "f", "kind(1)", "kind", "pairs of the next kind only; F of the one before"),
    Action("dataset", "F", "kind(-1)", "", "pairs of the kind before"),
    Action("dataset", "i", "input", "input", "pairs with the next input only: standard, dropout, abstract"),
    Action("dataset", "s", "split", "split", "pairs of train, valid or test"),
    Action("dataset", "p", "prompt", "prompt", "the whole prompt with its constraints, or the input alone"),
    Action("dataset", "slash", "ask('search')", "search", "look for a word in both sides of the pairs shown", "/"),
    Action("dataset", "n", "find(1)", "", "next pair that holds the word; N the one before"),
    Action("dataset", "N", "find(-1)", "", "previous pair that holds the word"),
    Action("dataset", "r", "ask('row')", "row", "go to a pair by its number"),
    Action("dataset", "g", "move(-1000000000)", "", "first pair"),
    Action("dataset", "G", "move(1000000000)", "", "last pair"),
    Action("dataset", "pagedown,space", "scroll(8)", "", "further down in a long pair", "space"),
    Action("dataset", "pageup", "scroll(-8)", "", "further up"),
    Action("dataset", "w", "worldview", "worldview", "the author's worldview file: look at it, edit it"),
    Action("dataset", "escape", "close", "", "leave the search line; forget the search", "esc"),
    Action("training", "p", "pause", "pause", "pause the training between two steps, or let it go on"),
    Action("training", "s", "stop", "stop", "stop the training: validate, save, keep the best adapter"),
    Action("training", "R", "resume", "go on", "go on with a stopped or interrupted run, from its last checkpoint"),
    Action("training", "t", "train", "train", "train an adapter: model, rank, rate, duration; the plan comes first"),
    Action(
        "training", "v", "view(1)", "view", "what is below the chart: log, samples, runs, figures, card; V goes back"
    ),
    Action("training", "V", "view(-1)", "", "the view before"),
    Action("training", "enter", "describe", "describe", "all about the chosen run, its last samples too", "⏎"),
    Action("training", "o", "overlay", "overlay", "the chosen run onto the chart, or off it"),
    Action("training", "a", "compare", "compare", "the chosen run against those overlaid: settings, losses, speed"),
    Action("training", "D", "delete", "delete", "delete the chosen run, after a question"),
    Action("training", "n", "prompt(1)", "prompt", "samples of the next prompt; N of the one before"),
    Action("training", "N", "prompt(-1)", "", "samples of the prompt before"),
    Action("training", "w", "words", "words", "samples: word by word, what changed since the step before"),
    Action("training", "left,h", "cross(-1)", "", "crosshair to the point before; in samples, the step before", "←"),
    Action("training", "right,l", "cross(1)", "crosshair", "crosshair to the next point; in samples, the next", "→"),
    Action("training", "H", "cross(-10)", "", "crosshair ten points back"),
    Action("training", "L", "cross(10)", "", "crosshair ten points on"),
    Action("training", "z", "zoom(1)", "zoom", "see half as many updates; Z twice as many"),
    Action("training", "Z", "zoom(-1)", "", "see twice as many updates"),
    Action("training", "b", "pan(-1)", "", "zoomed: half a picture back"),
    Action("training", "f", "pan(1)", "", "zoomed: half a picture forth"),
    Action("training", "g", "first", "", "crosshair to the first update"),
    Action("training", "G", "live", "", "follow the newest update again"),
    Action("training", "y", "log_scale", "log", "loss on a logarithmic scale, or not"),
    Action("training", "escape", "clear", "", "crosshair off; then the whole run", "esc"),
    Action("training", "e", "enlarge", "enlarge", "the view alone, the chart alone, or both"),
    Action("training", "down", "scroll(1)", "", "scroll what is below the chart; choose a run", "↓"),
    Action("training", "up", "scroll(-1)", "", "the same, upwards", "↑"),
    Action("training", "J,pagedown,space", "scroll(8)", "", "further down", "J"),
    Action("training", "K,pageup", "scroll(-8)", "", "further up", "K"),
    Action("training", "c", "save", "", "save a checkpoint now"),
    Action("training", "i", "interval", "", "updates between validations, from now on"),
    Action("training", "m", "model", "", "prepare the base model (convert it)"),
    Action("training", "S", "app.sweep", "sweep", "measure every checkpoint at several strengths; use the best"),
    Action(
        "training", "k", "check", "card", "report card of the adapter, measured on held-out passages if it has none"
    ),
    Action("rewrite", "ctrl+r", "rewrite", "rewrite", "rewrite what is in the prompt", "^r"),
    Action(
        "rewrite", "escape", "keys", "keys", "leave the prompt, for the keys below; from there, the newest exchange"
    ),
    Action("rewrite", "i,enter", "write", "write", "back into the prompt"),
    Action("rewrite", "g", "again", "again", "rewrite the same text with the next seed and the knobs as they are now"),
    Action("rewrite", "e", "edit", "edit", "take the text back into the prompt, to change it and send it again"),
    Action("rewrite", "y", "copy", "copy", "copy the chosen variation to the clipboard, and save it as a file"),
    Action("rewrite", "k", "hold", "keep", "keep the chosen variation: mark it in the history"),
    Action(
        "rewrite", "f", "diff", "diff", "word diff against the input, the plain text, the best one; once more: none"
    ),
    Action("rewrite", "o", "open", "open", "the whole variation: findings, and the text after each step to the prompt"),
    Action("rewrite", "b", "compare", "compare", "compare strengths, checkpoints or adapters on the same text"),
    Action("rewrite", "B", "blind", "", "judge two of them without knowing which is which"),
    Action("rewrite", "slash", "search", "history", "search everything that was rewritten with this adapter", "/"),
    Action("rewrite", "s", "knob('strength',1)", "strength", "strength of the adapter up; S down"),
    Action("rewrite", "S", "knob('strength',-1)", "", "strength down"),
    Action("rewrite", "t", "knob('temperature',1)", "temp", "temperature up; T down"),
    Action("rewrite", "T", "knob('temperature',-1)", "", "temperature down"),
    Action("rewrite", "v", "knob('variations',1)", "variations", "one variation more; V one less"),
    Action("rewrite", "V", "knob('variations',-1)", "", "one variation less"),
    Action("rewrite", "a", "adapter", "adapter", "choose the adapter that answers"),
    Action("rewrite", "c", "checkpoint", "checkpoint", "choose a checkpoint of the adapter: best, last, an update"),
    Action(
        "rewrite", "m", "further", "more", "further knobs: top-p, min-p, penalty, length, perspective, retries, seed"
    ),
    Action("rewrite", "r", "check", "card", "report card of the adapter that answers, measured now if it has none"),
    Action("rewrite", "right,l", "choose(1)", "", "choose the next variation", "→"),
    Action("rewrite", "left,h", "choose(-1)", "", "choose the previous variation", "←"),
    Action("rewrite", "n", "step(1)", "", "the exchange after this one"),
    Action("rewrite", "p", "step(-1)", "", "the exchange before this one"),
    Action("rewrite", "down,j", "scroll(2)", "", "scroll down", "↓"),
    Action("rewrite", "up", "scroll(-2)", "", "scroll up", "↑"),
    Action("rewrite", "space,pagedown", "scroll(10)", "", "a page down", "space"),
    Action("rewrite", "u,pageup", "scroll(-10)", "", "a page up"),
    Action("rewrite", "z", "let_go", "", "drop the long text that was pasted"),
    Action("details", "escape,backspace,o", "back", "back", "back to the conversation", "esc"),
    Action("details", "down,j", "scroll(1)", "", "scroll down", "↓"),
    Action("details", "up,k", "scroll(-1)", "", "scroll up", "↑"),
    Action("details", "space,pagedown", "scroll(10)", "", "a page down", "space"),
    Action("details", "u,pageup", "scroll(-10)", "", "a page up"),
    Action("removed", "escape,backspace", "back", "back", "back to the corpus"),
    Action("removed", "down,j", "move(1)", "next", "next piece", "↓"),
    Action("removed", "up,k", "move(-1)", "", "previous piece", "↑"),
    Action("removed", "y", "decide('keep')", "keep", "yes, it belongs in the corpus"),
    Action("removed", "n", "decide('drop')", "drop", "no, it does not belong in the corpus"),
    Action("removed", "u", "undo", "undo", "take back the last decision"),
    Action("removed", "f", "reason(1)", "kind", "next kind: a reason, what was kept, what you decided"),
    Action("removed", "F", "reason(-1)", "", "the kind before"),
    Action("removed", "g", "move(-1000000000)", "", "first piece"),
    Action("removed", "G", "move(1000000000)", "", "last piece"),
    Action("removed", "pagedown,space", "scroll(10)", "", "a page down in a long piece", "space"),
    Action("removed", "pageup,b", "scroll(-10)", "", "a page up", "b"),
    Action("worldview", "ctrl+s", "save", "save", "check and save the worldview file", "^s"),
    Action("worldview", "ctrl+z", "undo", "undo", "take back the last change", "^z"),
    Action("worldview", "escape", "back", "back", "back to the dataset; twice throws away what is not saved", "esc"),
    Action("report", "escape,backspace", "app.back", "back", "back to where you were"),
    Action("report", "m", "measure", "measure", "measure the adapter again: a new card in place of this one"),
    Action("report", "right,l", "card(1)", "next card", "the next card kept: other checkpoints, other strengths", "→"),
    Action("report", "left,h", "card(-1)", "", "the card before", "←"),
    Action("report", "down,j", "scroll(1)", "", "scroll down", "↓"),
    Action("report", "up,k", "scroll(-1)", "", "scroll up", "↑"),
    Action("report", "pagedown,space", "scroll(10)", "", "a page down", "space"),
    Action("report", "pageup,b", "scroll(-10)", "", "a page up", "b"),
    Action("doctor", "escape,backspace", "app.back", "back", "back to where you were"),
    Action("doctor", "down,j", "choose(1)", "next", "next fix", "↓"),
    Action("doctor", "up,k", "choose(-1)", "", "previous fix", "↑"),
    Action("doctor", "enter,f", "fix", "run fix", "run the marked fix", "⏎"),
    Action("doctor", "a", "whole", "all", "what is well, too, or not"),
    Action("doctor", "r", "look", "again", "look again"),
    Action("doctor", "pagedown,space", "scroll(10)", "", "a page down", "space"),
    Action("doctor", "pageup,b", "scroll(-10)", "", "a page up", "b"),
    Action("sweep", "escape,backspace", "app.back", "back", "back to where you were; the sweep goes on"),
    Action("sweep", "u", "use_best", "use best", "rewrite with the first row from now on"),
    Action("sweep", "v", "blind", "vote", "judge the first row against the second, without knowing which is which"),
    Action("sweep", "down,j", "scroll(1)", "", "scroll down", "↓"),
    Action("sweep", "up,k", "scroll(-1)", "", "scroll up", "↑"),
    Action("blind", "a", "vote('a')", "A", "A is better"),
    Action("blind", "b", "vote('b')", "B", "B is better"),
    Action("blind", "equals_sign,space", "vote('=')", "no difference", "neither is better", "="),
    Action("blind", "s", "source", "source", "the text that both are rewrites of, or not"),
    Action("blind", "u", "undo", "undo", "back to the question before"),
    Action("blind", "down,j", "scroll(1)", "", "scroll down", "↓"),
    Action("blind", "up,k", "scroll(-1)", "", "scroll up", "↑"),
    Action("blind", "escape,backspace", "app.back", "back", "back; votes are saved, and the same trial goes on"),
    Action("welcome", "n", "create", "new workspace", "make this folder a workspace"),
    Action("welcome", "d", "create_demo", "new workspace + demo", "make this folder a workspace and run the demo"),
)

TITLES = {
    "app": "Everywhere",
    "corpus": "Corpus",
    "dataset": "Dataset",
    "training": "Training",
    "rewrite": "Rewrite",
    "details": "Details of a variation",
    "removed": "Review of the corpus",
    "worldview": "Worldview file",
    "report": "Report",
    "doctor": "Doctor",
    "sweep": "Sweep",
    "blind": "Blind trial",
    "welcome": "Welcome",
}


def of(where: str) -> list[Action]:
    """The actions of a screen, in the table's order."""
    return [action for action in ACTIONS if action.where == where]


def bindings(where: str) -> list[BindingType]:
    """The same for a class's ``BINDINGS``. F1 and Ctrl keys also work while a prompt has the focus."""
    return [
        Binding(
            action.keys,
            action.name,
            action.label or action.help,
            show=bool(action.label),
            key_display=action.display or None,
            id=action.id,
            system=where == "app",
        )
        for action in of(where)
    ]
