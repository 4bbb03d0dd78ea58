"""The knobs of the fourth screen: what single keys turn, and the lists for adapter and checkpoint."""

from __future__ import annotations

from dataclasses import replace

from textual import work
from textual.content import Content
from textual.widgets import Static

from engine.host.journal import JobState
from engine.host.voices import Chosen, Voice
from engine.settings import RewriteSettings, changed
from tui import keymap
from tui.screens.base import StyloraScreen
from tui.screens.rewrite_asking import live_training
from tui.screens.rewrite_compare import checkpoint_line
from tui.screens.rewrite_knobs import Knobs, further_form, line, taken
from tui.screens.training_steering import STEPPING
from tui.screens.training_words import run_of
from tui.widgets.picker import Picker


class Turning(StyloraScreen):
    """The part of the screen that turns knobs. They are None, and there are no voices, before the files are read."""

    def __init__(self) -> None:
        super().__init__()
        self.knobs: Knobs | None = None
        self.voices: list[Voice] = []
        self._beside = ("", "")
        """What answers in place of the weights in training, and the training it was chosen beside."""

    @property
    def adapter(self) -> str:
        """Folder name of the adapter that is asked; empty where there is no author."""
        chosen = self.knobs.adapter if self.knobs else ""
        return chosen or (self.author.slug if self.author else "")

    @property
    def voice(self) -> Voice | None:
        return next((one for one in self.voices if one.name == self.adapter), None)

    @property
    def asked_knobs(self) -> Knobs | None:
        """The knobs, with the checkpoint that is asked now: while the adapter is in training, only what was chosen
        since it is; else its weights as they are answer."""
        training = live_training(self.stylora.client)
        if self.knobs is None or training is None or self.live() != self.adapter:
            return self.knobs
        job, checkpoint = self._beside
        return replace(self.knobs, checkpoint=checkpoint if job == training.job else "")

    @property
    def chosen(self) -> Chosen:
        """What was chosen for the adapter that is asked."""
        return self.voice.chosen if self.voice else Chosen()

    @property
    def own(self) -> RewriteSettings:
        """What is asked with where no knob says otherwise: the settings, and above them what was chosen."""
        return changed(self.survey.settings.rewrite if self.survey else RewriteSettings(), self.chosen.knobs)

    def show_bar(self) -> None:
        """Draw what says how it is asked."""
        raise NotImplementedError

    def look(self) -> None:
        """Read the files of the adapter that is asked now."""
        raise NotImplementedError

    def show_knobs(self) -> bool:
        """Draw the line of knobs, and the one about a training; whether the adapter can be asked."""
        knobs = self.asked_knobs
        if knobs is None:
            return False
        voice = self.voice
        ready = voice is not None or self.live() == self.adapter
        who = voice.author if voice else self.author.name if self.author else ""
        if ready and self.author and self.adapter != self.author.slug:
            who += f" · {self.adapter}"
        if knobs.checkpoint:
            who += f" · {_named(knobs.checkpoint)}"
        who = who if ready else f"{who}: no adapter yet"
        chosen = ready and not self.live() and knobs.as_chosen(self.chosen)
        self.query_one("#knobs", Static).update(line(knobs, who, ready, max(20, self.size.width - 2), chosen))
        self.show_live()
        return ready

    def show_live(self) -> None:
        live, told = self.live(), self.query_one("#live", Static)
        told.display = bool(live)
        if not live:
            return
        state = live_training(self.stylora.client)
        update = int(state.done) if state and state.stage == "training" else 0
        at = f", at update {update:,}" if update else ""
        knobs, key = self.asked_knobs, keymap.key("rewrite.checkpoint")
        if state is None or state.stage not in STEPPING:
            said = f"● {live} is being prepared for training: what is asked before it runs waits for its end"
        elif live != self.adapter:
            said = f"● {live} is in training{at}; {self.adapter} answers from the disk, between its steps"
        elif knobs and knobs.checkpoint:
            said = f"● in training{at}, but {_named(knobs.checkpoint)} answers; {key} chooses"
        else:
            others = f"; {key} chooses others" if self.voice else ""
            said = f"● in training{at}: these weights answer{others}"
        told.update(Content.styled(said, "$secondary"))

    def live(self) -> str:
        """Folder name of the adapter under training, empty where none is."""
        survey, state = self.survey, live_training(self.stylora.client)
        return run_of(state, survey) if survey and state else ""

    def turn(self, knobs: Knobs) -> None:
        """Ask with these from now on."""
        self.knobs = knobs
        self.keep(knobs=knobs.plain())
        self.show_bar()

    def forget_lost_checkpoint(self) -> None:
        """A checkpoint that the adapter has no more cannot be asked."""
        knobs, voice = self.knobs, self.voice
        if knobs and voice and knobs.checkpoint and knobs.checkpoint not in {one.name for one in voice.checkpoints}:
            self.stylora.tell(f"checkpoint {knobs.checkpoint} is no more; the finished adapter answers")
            self.turn(replace(knobs, checkpoint=""))

    def start_from_choice(self) -> None:
        """What was chosen for the adapter since the knobs were last turned is what they start from."""
        if self.knobs and self.voice and self.survey:
            knobs = self.knobs.started(self.voice.name, self.chosen, self.survey.settings.rewrite)
            if knobs != self.knobs:
                self.turn(knobs)

    def action_knob(self, name: str, step: int) -> None:
        if self.knobs:
            self.turn(self.knobs.turned(name, step))

    @work
    async def action_further(self) -> None:
        if self.knobs and self.survey:
            told = await self.app.push_screen_wait(further_form(self.knobs, self.own))
            if told is not None:
                self.turn(taken(self.knobs, told, self.own))

    @work
    async def action_adapter(self) -> None:
        live = self.live()
        first = [live] if live and all(one.name != live for one in self.voices) else []  # nothing of it is on disk yet
        if not (self.voices or first) or self.knobs is None:
            self.stylora.complain(f"no adapter yet. {self.next_step()}")
            return
        choices = [(name, f"{name}, in training") for name in first]
        choices += [(one.name, one.author + f", {one.name}" * (one.name not in self._own())) for one in self.voices]
        told = await self.app.push_screen_wait(Picker("Whose voice", choices, self.adapter, "a"))
        if told is not None and told != self.adapter:
            mine = self.survey.author(told) if self.survey else None
            self.turn(replace(self.knobs, adapter="" if mine else told, checkpoint=""))
            if mine and mine is not self.author:
                self.stylora.choose_author(told)
            self.look()

    def _own(self) -> set[str]:
        return {author.slug for author in self.survey.authors} if self.survey else set()

    @work
    async def action_checkpoint(self) -> None:
        voice, training = self.voice, live_training(self.stylora.client)
        if self.knobs and training and self.live() == self.adapter:
            await self._answers_beside(training, voice)
            return
        if voice is None or self.knobs is None:
            self.stylora.complain(self.next_step() or "the workspace is still being read")
            return
        kept = self.chosen.checkpoint
        choices = [("", "the finished adapter" + ", as chosen" * bool(self.chosen.line and kept is None))]
        choices += [
            (one.name, checkpoint_line(one.name, one.update, one.valid) + ", as chosen" * (one.name == str(kept)))
            for one in voice.distinct(self.knobs.checkpoint, str(kept))
        ]
        note = "Changed without loading the base model again."
        told = await self.app.push_screen_wait(Picker("Checkpoint", choices, self.knobs.checkpoint, "c", note))
        if told is not None:
            self.turn(replace(self.knobs, checkpoint=told))

    async def _answers_beside(self, training: JobState, voice: Voice | None) -> None:
        """Let the weights in training answer, or something finished beside them; for the time of this training."""
        if voice is None:
            self.stylora.tell("nothing of it is on the disk yet: only the weights in training can be asked")
            return
        choices = [("", "the weights in training, as they are"), ("none", finished_line(voice, training))]
        knobs = self.asked_knobs
        points = voice.distinct(knobs.checkpoint if knobs else "")
        choices += [(one.name, checkpoint_line(one.name, one.update, one.valid)) for one in points]
        now = knobs.checkpoint if knobs else ""
        told = await self.app.push_screen_wait(
            Picker("Who answers", choices, now, "c", "Each between two steps of the training, and until it ends.")
        )
        if told is not None:
            self._beside = (training.job, told)
            self.show_bar()


def finished_line(voice: Voice, training: JobState) -> str:
    """What the adapter is that lies in the folder of a training under way."""
    since = voice.modified >= training.created
    return "the best of this training so far" if since else "the finished adapter from before this training"


def _named(checkpoint: str) -> str:
    """How the knobs call a checkpoint."""
    if checkpoint == "none":
        return "the adapter on the disk"
    return f"update {checkpoint}" if checkpoint.isdigit() else checkpoint
