"""The keys that start and steer a training: plan and train, pause, stop, go on, checkpoint, validation interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from textual import work

from engine.errors import StyloraError
from engine.host.journal import JobState
from engine.host.runs import Run
from tui import keymap
from tui.screens import training_forms as forms
from tui.screens import training_words as words
from tui.screens.base import StyloraScreen

STEPPING = frozenset({"training", "validation", "sample"})
"""Stages of a training that listens, and answers rewrites."""


_ASKED = {
    "resume": "going on, as soon as what is asked meanwhile is answered",
    "stop": "stopping: it validates, saves and measures its thresholds first",
}
"""What is said of a request that was taken, where it may be a while until it shows."""


class Steering(StyloraScreen):
    """What screen 3 asks of the host."""

    runs: Sequence[Run] = ()
    """Every run of the workspace, the newest first."""
    planning = False
    """A plan is being made: said from the key on, since a host that has just started takes a while to begin it."""

    @property
    def state(self) -> JobState | None:
        """The followed job."""
        return self.stylora.client.jobs.get(self.followed) if self.stylora.client else None

    @property
    def run_name(self) -> str:
        """The run that the screen is about: the followed job's, else the author's own."""
        if self.state is not None:
            return words.run_of(self.state, self.survey)
        return self.author.slug if self.author else ""

    @property
    def run_here(self) -> Run | None:
        """The same, as its files have it."""
        name = self.run_name
        return next((run for run in self.runs if run.name == name), None)

    @property
    def resumable(self) -> bool:
        active = self.stylora.client.active() if self.stylora.client else []
        busy = any(state.kind in self.KINDS for state in active)
        return not busy and words.resumable(self.state, self.run_here)

    def running(self) -> JobState | None:
        """The followed training, while it runs."""
        state = self.state
        over = state is not None and state.stage.startswith("check")  # a demo goes on when its training is over
        return state if state and not over and state.kind in ("train", "demo") and state.status == "running" else None

    def under_way(self) -> JobState | None:
        """The same, once it can be steered: from its first step on."""
        state = self.running()
        return state if state and state.stage in STEPPING else None

    # -- starting -------------------------------------------------------------------------------------

    @work
    async def action_train(self) -> None:
        author, survey = self.author, self.survey
        if author is None or survey is None:
            return
        if author.dataset is None:
            self.stylora.complain(f"no dataset of {author.name} yet. {self.next_step(3)}")
            return
        told = await self.app.push_screen_wait(forms.train_form(author, survey, self.runs))
        if told is None:
            return
        params = {"author": author.name, **forms.params_of(told)}
        client = self.stylora.client
        if client and not client.active():  # otherwise the plan would wait as long as the training itself
            plan = await self._planned({name: value for name, value in params.items() if name != "fresh"})
            told = (
                await self.app.push_screen_wait(forms.plan_form(author.name, plan, params.get("minutes")))
                if plan
                else None
            )
            if told is None:
                return
            params |= {"auto_fit": told["auto_fit"] == ["yes"]}
        await self.start("train", params)

    async def _planned(self, params: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """What a training would do, by the host; None where that failed, which has been said then."""
        self.planning = True
        self.show()
        try:
            job, client = await self.start("plan", params), self.stylora.client
            if job is None or client is None:
                return None
            async for events in client.follow(job):
                end = events[-1]
        finally:
            self.planning = False
            self.redraw()
        if end.what != "done":
            self.stylora.complain(f"plan {end.what}{': ' * bool(end.error)}{end.error}")
            return None
        return end.result

    async def action_resume(self) -> None:
        """Go on from the last checkpoint, with the settings the run was begun with."""
        if not self.resumable:
            return
        state = self.state
        params = words.again(state, self.run_here, self.author.name if self.author else "")
        await self.start(state.kind if state else "train", params)

    @work
    async def action_model(self) -> None:
        if self.survey is None:
            return
        absent = [model for model in self.survey.models if not model.present]
        if not absent:
            self.stylora.tell("every model of stylora.toml is here already")
            return
        told = await self.app.push_screen_wait(forms.model_form(absent))
        if told is not None:
            await self.start("convert", {"model": told["model"][0]})

    async def action_check(self) -> None:
        author = self.author
        if author is None or not (author.adapter and author.adapter.complete):
            self.stylora.complain(f"no adapter to check. {self.next_step(3)}")
        else:
            self.stylora.show_card(author.slug)

    # -- steering -------------------------------------------------------------------------------------

    def _steerable(self, action: str) -> bool:
        """Whether the followed training can do `action` now; a line says so where it is too early."""
        if self.under_way() is None and self.running():
            works, ends = words.key(action), keymap.key("app.cancel")
            self.stylora.tell(f"the training is still starting: {works} works from its first step on; {ends} ends it")
        return self.under_way() is not None

    async def _steer(self, action: str, value: int | None = None) -> None:
        state, client = self.under_way(), self.stylora.client
        if state and client:
            try:
                await client.steer(state.job, action, value)
            except StyloraError as error:
                self.stylora.complain(str(error))
            else:
                if said := _ASKED.get(action):
                    self.stylora.tell(said)

    async def action_pause(self) -> None:
        if self._steerable("pause"):
            state = self.under_way()
            await self._steer("resume" if state and state.values.get("paused") else "pause")

    async def action_stop(self) -> None:
        if self._steerable("stop"):
            await self._steer("stop")

    async def action_save(self) -> None:
        if self._steerable("save"):
            await self._steer("checkpoint")

    @work
    async def action_interval(self) -> None:
        assert self.survey
        if not self._steerable("interval"):
            return
        told = await self.app.push_screen_wait(forms.interval_form(self.survey.settings.training.steps_per_eval))
        if told is not None:
            await self._steer("validate_every", told["updates"])
