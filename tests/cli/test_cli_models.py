"""The commands on models and adapters, as a user types them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file
from warm import WARM

from engine.host import model_jobs
from engine.models import folder
from engine.report.models import overview
from engine.workspace import Workspace


@pytest.fixture
def workspace(tiny_model: Path, tmp_path: Path) -> Workspace:
    workspace = Workspace.create(tmp_path / "w")
    shutil.copytree(tiny_model, workspace.models / "tiny")
    return workspace


@pytest.fixture
def peft(tmp_path: Path) -> Path:
    """A PEFT adapter of the tiny model, on its queries."""
    path = tmp_path / "peft"
    path.mkdir()
    draw = np.random.default_rng(1)
    tensors = {}
    for layer in (0, 1):
        name = f"base_model.model.model.layers.{layer}.self_attn.q_proj"
        tensors[f"{name}.lora_A.weight"] = draw.normal(0, 0.2, (4, 64)).astype(np.float32)
        tensors[f"{name}.lora_B.weight"] = draw.normal(0, 0.2, (64, 4)).astype(np.float32)
    save_file(tensors, path / "adapter_model.safetensors")
    config = {"peft_type": "LORA", "r": 4, "lora_alpha": 8, "base_model_name_or_path": "someone/tiny"}
    (path / "adapter_config.json").write_text(json.dumps(config))
    return path


def stylora(workspace: Workspace, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*WARM, "-m", "tui.cli", *map(str, arguments)],
        cwd=workspace.root,
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "100", "PYTHONPATH": str(Path(__file__).parents[2])},
    )


def done(result: subprocess.CompletedProcess[str]) -> Any:
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def complaint(result: subprocess.CompletedProcess[str]) -> str:
    assert result.returncode == 1, result.stderr
    line = result.stderr.splitlines()[-1]
    assert line.startswith("stylora: ")
    return line


def test_models_are_listed_with_what_fits(workspace: Workspace) -> None:
    found = {row["name"]: row for row in done(stylora(workspace, "models", "--json"))["models"]}
    assert set(found) == {"qwen2.5-14b", "smollm2-135m", "tiny"}
    tiny = found["tiny"]
    assert (tiny["present"], tiny["kind"], tiny["quantization"]) == (True, "base", "float32")
    assert (tiny["train"], tiny["rewrite"]) == ("fits", "fits")
    assert found["smollm2-135m"]["kind"] == "instruct"
    assert "for trying" in found["smollm2-135m"]["advice"]
    spoken = stylora(workspace, "models").stdout
    assert "fits" in spoken
    assert "stylora convert" in spoken


def test_the_default_model_fits_a_mac_of_32_gb_and_not_one_of_16(workspace: Workspace) -> None:
    def verdicts(gigabytes: float) -> tuple[str, str, bool | None]:
        found = overview(workspace, device="gpu", available=int(gigabytes * 0.75 * (1 << 30)))[0]
        return found.train, found.rewrite, found.checkpointed

    assert verdicts(32) == ("fits", "fits", True)
    assert verdicts(16) == ("will not fit", "tight", True)
    assert verdicts(128) == ("fits", "fits", False)


def test_an_imported_adapter_is_fused_and_exported_but_rewrites_only_with_a_recipe(
    workspace: Workspace, peft: Path, tmp_path: Path
) -> None:
    base = ("--model", "models/tiny")
    taken = stylora(workspace, "adapter", "import", peft, "--name", "mine", *base)
    assert taken.returncode == 0, taken.stderr
    assert "made for someone/tiny, now for tiny" in taken.stdout
    assert "no recipe" in taken.stdout
    assert "recipe" in complaint(stylora(workspace, "rewrite", "A bridge fell.", "--adapter", "mine"))
    assert "already there" in complaint(stylora(workspace, "adapter", "import", peft, "--name", "mine", *base))
    shutil.copytree(peft, workspace.root / "peft")  # its own folder is not where it is put
    assert stylora(workspace, "adapter", "import", "peft", *base).returncode == 0
    assert (workspace.root / "lora_adapters" / "peft" / "adapters.safetensors").is_file()
    fused = done(stylora(workspace, "fuse", "--adapter", "mine", "--json"))
    assert fused["base"] == "tiny"
    assert fused["likeness"]["kept"] > 0.999
    assert not fused["weak"]
    folder.check(Path(fused["path"]))
    assert Path(fused["path"]) == workspace.models / "tiny-mine"
    given = done(stylora(workspace, "adapter", "export", tmp_path / "out", "--adapter", "mine", "--json"))
    assert given["made_for"] == "someone/tiny"
    for name in ("adapter_model.safetensors", "adapter_config.json"):
        assert (tmp_path / "out" / name).is_file()
    assert json.loads((tmp_path / "out" / "adapter_config.json").read_text())["target_modules"] == ["q_proj"]


def test_names_of_adapters_cannot_leave_the_workspace(workspace: Workspace) -> None:
    home = workspace.root / "lora_adapters"
    assert model_jobs.adapter_folder(workspace, "mine") == home / "mine"
    assert model_jobs.adapter_folder(workspace, None, "Herman Melville") == home / "herman_melville"
    for path in ("..", "../mine", "a/b", str(home / "mine")):
        assert model_jobs.adapter_folder(workspace, path) == Path(path).absolute()
    assert "plain name" in complaint(stylora(workspace, "adapter", "import", "peft", "--name", "../mine"))


def test_a_fused_model_is_not_made_of_nothing(workspace: Workspace) -> None:
    assert "no such folder" in complaint(stylora(workspace, "fuse", "--adapter", "nowhere"))
    assert "no such folder" in complaint(stylora(workspace, "adapter", "export", "out", "--adapter", "nowhere"))
    assert "no such folder" in complaint(stylora(workspace, "adapter", "import", "nowhere", "--model", "models/tiny"))
