from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from engine.errors import StyloraError
from engine.models import embedded, registry
from engine.workspace import Workspace

SETTINGS = """
base_model = "big"
[models.big]
source = "hub"
location = "Qwen/Qwen2.5-14B"
path = "models/Big 4bit"
q_bits = 4
[models.mine]
source = "folder"
location = "models/mine"
path = "models/mine"
instruct = true
[models.raw]
source = "folder"
location = "raw"
path = "models/raw-4bit"
q_bits = 4
[models.strange]
source = "package"
location = "no-such-package"
path = "models/strange"
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "stylora.toml").write_text(SETTINGS)
    return Workspace(tmp_path)


def test_all_models_are_listed_with_what_is_here(workspace: Workspace, tiny_model: Path) -> None:
    shutil.copytree(tiny_model, workspace.models / "mine")
    entries = {entry.name: entry for entry in registry.available(workspace)}
    assert list(entries) == ["big", "mine", "raw", "strange", registry.EMBEDDED]
    assert [name for name, entry in entries.items() if entry.present] == ["mine"]
    mine = entries["mine"]
    assert mine.instruct
    assert mine.quantization == "float32"
    assert mine.size > 100_000
    assert len(mine.identity) == 64
    assert (entries["big"].size, entries["big"].identity, entries["big"].quantization) == (0, "", "")


def test_a_model_to_convert_comes_with_the_exact_command(workspace: Workspace) -> None:
    command = "stylora convert --hf-path Qwen/Qwen2.5-14B --q-bits 4 --mlx-path 'models/Big 4bit'"
    assert command in registry.how_to_get(workspace, "big")
    with pytest.raises(StyloraError, match="big") as caught:
        registry.ensure(workspace, "big")
    assert command in str(caught.value)


def test_a_folder_model_is_found_by_its_path_too(workspace: Workspace, tiny_model: Path) -> None:
    shutil.copytree(tiny_model, workspace.models / "mine")
    shutil.copytree(tiny_model, workspace.models / "Other-Instruct")
    assert registry.resolve(workspace, "./models/mine").name == "mine"
    other = registry.resolve(workspace, str(workspace.models / "Other-Instruct"))
    assert other.present
    assert other.instruct


def test_an_unknown_name_gets_the_nearest_known_one(workspace: Workspace) -> None:
    with pytest.raises(StyloraError, match="did you mean 'smollm2-135m'"):
        registry.resolve(workspace, "smolm2-135m")


def test_a_damaged_model_is_listed_with_its_problem(workspace: Workspace, tiny_model: Path) -> None:
    shutil.copytree(tiny_model, workspace.models / "mine")
    (workspace.models / "mine" / "model.safetensors").write_bytes(b"short")
    entry = registry.resolve(workspace, "mine")
    assert not entry.present
    assert "not a whole safetensors file" in entry.problem
    with pytest.raises(StyloraError, match="not a whole"):
        registry.ensure(workspace, "mine", convert=True)


def test_an_unknown_package_is_refused(workspace: Workspace) -> None:
    with pytest.raises(StyloraError, match="no-such-package"):
        registry.ensure(workspace, "strange")


def test_a_folder_model_is_converted_on_request(workspace: Workspace, tiny_model: Path) -> None:
    shutil.copytree(tiny_model, workspace.root / "raw")
    entry = registry.ensure(workspace, "raw", convert=True)
    assert entry.present
    assert entry.quantization == "4-bit, groups of 64"


def test_an_adapter_finds_its_model_again_by_identity(workspace: Workspace, tiny_model: Path) -> None:
    shutil.copytree(tiny_model, workspace.models / "mine")
    identity = registry.resolve(workspace, "mine").identity
    assert registry.with_identity(workspace, identity).name == "mine"
    with pytest.raises(StyloraError, match="train the adapter again"):
        registry.with_identity(workspace, "0" * 64)


def test_the_embedded_model_is_made_once_and_anew_when_its_maker_changed(workspace: Workspace) -> None:
    entry = registry.with_identity(workspace, embedded.IDENTITY)  # an adapter that came from elsewhere asks for it
    assert entry.present
    note = entry.path / "stylora_model.toml"
    made = note.stat().st_mtime_ns
    assert registry.ensure(workspace, registry.EMBEDDED).path == entry.path
    assert note.stat().st_mtime_ns == made
    note.write_text(note.read_text().replace("converter = ", "converter = 9"))
    assert "anew" in registry.resolve(workspace, registry.EMBEDDED).problem
    assert registry.ensure(workspace, registry.EMBEDDED).present
    assert "converter = 9" not in note.read_text()


def test_tokens_are_counted_with_the_base_model_or_with_the_embedded_one(
    workspace: Workspace, tiny_model: Path, embedded_model: Path
) -> None:
    shutil.copytree(tiny_model, workspace.models / "mine")
    shutil.copytree(embedded_model, workspace.models / "SmolLM2-135M-Instruct")
    name, count = registry.token_counter(workspace, name="mine")
    assert (name, count(["<|endoftext|>"])) == ("mine", [1])
    name, count = registry.token_counter(workspace)  # the base model is not here
    assert (name, count(["In 1847", ""])) == (registry.EMBEDDED, [6, 0])


def test_folders_that_no_setting_names_are_found_by_their_names(workspace: Workspace, tiny_model: Path) -> None:
    shutil.copytree(tiny_model, workspace.models / "Brought-Along")
    entries = {entry.name: entry for entry in registry.available(workspace)}
    assert entries["Brought-Along"].present
    assert registry.resolve(workspace, "Brought-Along").path == workspace.models / "Brought-Along"
    assert registry.with_identity(workspace, entries["Brought-Along"].identity).name == "Brought-Along"
    with pytest.raises(StyloraError, match="did you mean 'Brought-Along'"):
        registry.resolve(workspace, "Brought-Alon")


def test_a_model_kept_elsewhere_is_found_through_a_link(
    workspace: Workspace, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = Path(shutil.copytree(tiny_model, tmp_path_factory.mktemp("elsewhere") / "kept"))
    workspace.models.mkdir(exist_ok=True)
    (workspace.models / "linked").symlink_to(elsewhere)
    assert registry.resolve(workspace, "linked").present
    assert registry.resolve(workspace, "models/linked").present
    with pytest.raises(StyloraError, match="leaves the workspace"):
        registry.resolve(workspace, "../kept")


@pytest.mark.parametrize(
    ("name", "source", "instruct"),
    [
        ("Qwen2.5-14B-Instruct-4bit", "", True),
        ("gemma-2-9b-it", "", True),
        ("renamed", "someone/Model-7B-Chat", True),
        ("Qwen2.5-14B-Base-4bit", "Qwen/Qwen2.5-14B", False),
        ("Italian-7B", "", False),
    ],
)
def test_an_instruct_model_is_known_by_its_names_and_comes_with_advice(
    workspace: Workspace, tiny_model: Path, name: str, source: str, instruct: bool
) -> None:
    path = Path(shutil.copytree(tiny_model, workspace.models / name))
    if source:
        (path / "stylora_model.toml").write_text(f'source = "{source}"\n')
    entry = registry.resolve(workspace, name)
    assert entry.instruct == instruct
    assert ("base model" in entry.advice) == instruct
    assert entry.hub_name == (source or None)


def test_the_embedded_model_is_for_trying(workspace: Workspace) -> None:
    entry = registry.resolve(workspace, registry.EMBEDDED)
    assert "for trying" in entry.advice
    assert entry.hub_name == "HuggingFaceTB/SmolLM2-135M-Instruct"
