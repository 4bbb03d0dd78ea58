"""Where a passage is written or pasted. A long paste is held beside the prompt: typing stays as quick as ever."""

from __future__ import annotations

from textual import events
from textual.message import Message
from textual.widgets import TextArea

LONG = 6000
"""Characters from which on a paste is held beside the prompt; wrapping a longer line at every key is felt."""


class Prompt(TextArea):
    """`held` is a long text that goes with what is written."""

    class Held(Message):
        """A long text is held now, or no more."""

    def __init__(self, text: str = "", held: str = "") -> None:
        super().__init__("", id="prompt", compact=True, placeholder="A passage to rewrite. Ctrl+R sends it.")
        self.cursor_blink = False
        self.held = held
        self.put(text)

    def whole(self) -> str:
        """What is written and what is held, as one text."""
        return "\n\n".join(filter(None, (self.text.strip(), self.held.strip())))

    def put(self, text: str) -> None:
        """Have `text` in the prompt, or beside it where it is long."""
        if len(text) > LONG:
            self.held, text = text, ""
            self.post_message(self.Held())
        if text != self.text:
            self.text = text
            self.move_cursor(self.document.end)

    def let_go(self) -> None:
        """Nothing is held any more."""
        if self.held:
            self.held = ""
            self.post_message(self.Held())

    def empty(self) -> None:
        self.clear()
        self.let_go()

    async def _on_paste(self, event: events.Paste) -> None:
        if len(event.text) + len(self.text) <= LONG:
            return  # TextArea's own handler comes next
        event.stop()
        event.prevent_default()
        self.held = "\n\n".join(filter(None, (self.held, event.text.replace("\r\n", "\n").replace("\r", "\n"))))
        self.post_message(self.Held())
