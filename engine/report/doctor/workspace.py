"""A workspace but for its datasets and adapters: settings, disk, models, what neutral text is made by, worldview."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from engine.errors import StyloraError
from engine.recipe import RECIPE_FILE, load_recipe
from engine.report.doctor.finding import Finding, fix, ill, well
from engine.workspace import Workspace

if TYPE_CHECKING:
    from engine.models.registry import ModelEntry

LEAST_DISK = 2e9
"""Bytes: the embedded model, an adapter with checkpoints and a dataset take about 1.5 GB."""

SERVER_PATIENCE = 5.0
"""Seconds for a server to say which models it has: it is only asked for a list."""

_LISTED = 8


def workspace_itself(workspace: Workspace) -> Iterator[Finding]:
    """Findings about everything in the workspace that is not one author's. Its settings have been read."""
    yield well("stylora.toml", str(workspace.root))
    free = shutil.disk_usage(workspace.root).free
    detail = f"{free / 1e9:.1f} GB free, {LEAST_DISK / 1e9:.0f} wanted"
    yield well("disk", detail) if free > LEAST_DISK else ill("disk", f"{detail}; 'stylora runs' says what takes space")
    yield from _models(workspace)
    yield _neutral(workspace)
    yield from _nli(workspace)
    yield _worldview(workspace)


def _models(workspace: Workspace) -> Iterator[Finding]:
    from engine.models import registry
    from engine.report.models import overview

    entries = registry.available(workspace)
    here = [entry.name for entry in entries if entry.present]
    yield well("models", f"present: {', '.join(here) or 'none yet; the embedded one is made when needed'}")
    wanted = workspace.settings.base_model
    if wanted not in {entry.name for entry in entries}:
        yield ill("base_model", f"{wanted!r} is not among [models] of stylora.toml; correct base_model there")
        return
    entry = next(entry for entry in entries if entry.name == wanted)
    if not entry.present:
        detail = f"{wanted} is not here: {entry.problem}"
        to_train = any((workspace.root / "data" / "training").glob("*/train.jsonl"))
        if entry.source.source == "package" or not to_train:
            yield well("base_model", detail)
        else:
            made = fix("make the model", ("convert", "--model", entry.name))
            known = _stands_on(workspace, entries)
            why = f'the adapters here stand on {known}: base_model = "{known}" goes on with it' if known else ""
            yield ill("base_model", f"{detail}; the datasets here cannot train without it", why, made)
        return
    found = next(one for one in overview(workspace) if one.name == wanted)
    kind = f"{wanted}, {found.kind}, {found.quantization}"
    if found.train == "will not fit":
        smaller = fix("train with the first settings that fit", "train --auto-fit")
        yield ill("base_model", f"{kind}: training it with [training] of stylora.toml will not fit", "", smaller)
    else:
        yield well("base_model", f"{kind}: training it {found.train} in memory (estimated)")


def _stands_on(workspace: Workspace, entries: Sequence[ModelEntry]) -> str:
    """A model that is here and that an adapter of the workspace was trained on."""
    bases = set()
    for path in workspace.root.glob(f"lora_adapters/*/{RECIPE_FILE}"):
        with contextlib.suppress(StyloraError):
            bases.add(load_recipe(path).base)
    return next((entry.name for entry in entries if entry.present and entry.identity in bases), "")


def _neutral(workspace: Workspace) -> Finding:
    """Whether what makes neutral text can be asked now."""
    neutral, name = workspace.settings.neutral, "neutral"
    try:
        if neutral.kind == "rules":
            return well(name, "by rules; needs nothing")
        if neutral.kind == "server":
            return well(name, _server(workspace))
        if neutral.kind == "translation":
            from engine.neutral import choose_neutralizer

            choose_neutralizer(neutral, workspace)
            return well(name, "by translation; the package is installed")
        from engine.models import registry

        entry = registry.resolve(workspace, neutral.model)
        if not entry.present:
            return ill(name, entry.problem, "", fix("make the model", ("convert", "--model", entry.name)))
        return well(name, f"by {entry.name}, which is here")
    except (StyloraError, ImportError) as error:
        return ill(name, str(error))


def _nli(workspace: Workspace) -> Iterator[Finding]:
    """Whether the model that looks for contradictions is whole, where one is set. Its weights are not loaded."""
    from engine.models.entailment_folder import check, nli_folder, tokenizer

    try:
        path = nli_folder(workspace)
        if path is not None:
            config = check(path)
            tokenizer(path, config)
            yield well("verify.nli", f"{path.name}, {config.model_type}; labels: {', '.join(config.labels)}")
    except StyloraError as error:
        yield ill("verify.nli", str(error))


def _server(workspace: Workspace) -> str:
    """What a server in `[neutral]` answers; raises `StyloraError` where it cannot do what it is there for.

    The key is sent where one is set, for a list of models and nothing else.
    """
    import httpx2
    import msgspec

    from engine.models.endpoint import Server, local

    asked = workspace.settings.neutral
    server = Server(
        url=asked.url, model=asked.model, key_env=asked.key_env, plain_http_key=asked.plain_http_key
    ).checked()
    key, address = server.key(), f"{asked.url.rstrip('/')}/models"
    try:
        answer = httpx2.get(
            address,
            headers={"Authorization": f"Bearer {key}"} if key else None,
            timeout=SERVER_PATIENCE,
            trust_env=not local(httpx2.URL(asked.url).host),
            follow_redirects=False,
        )
    except httpx2.HTTPError as error:
        said = " ".join(str(error).split())[:80] or type(error).__name__
        raise StyloraError(
            f"{asked.url}: cannot be reached ({said}); start the server, or correct neutral.url"
        ) from None
    if answer.status_code in (401, 403):
        hint = f"see that {asked.key_env} holds the right one" if key else "name its variable in neutral.key_env"
        raise StyloraError(f"{asked.url}: refuses the key (status {answer.status_code}); {hint}")
    if answer.status_code != 200:
        return f"{asked.url} answers; it keeps no list of its models, so {asked.model!r} is not checked"
    try:
        listed = [str(one["id"]) for one in msgspec.json.decode(answer.content)["data"]]
    except (msgspec.MsgspecError, LookupError, TypeError):
        return f"{asked.url} answers; it keeps no list of its models, so {asked.model!r} is not checked"
    # mlx_lm.server takes any name for the model it was started with, and calls it default_model.
    if listed and asked.model not in listed and asked.model != "default_model":
        known = ", ".join(listed[:_LISTED])
        raise StyloraError(f"{asked.url}: has no model {asked.model!r}; correct neutral.model: it has {known}")
    return f"by {asked.model} at {asked.url}, which answers"


def _worldview(workspace: Workspace) -> Finding:
    from engine.worldview import read_worldview

    author = workspace.settings.author
    path = workspace.worldview(author)
    try:
        read_worldview(path, author)
    except StyloraError as error:
        return ill("worldview", str(error))
    return well("worldview", f"{author}: {path}")
