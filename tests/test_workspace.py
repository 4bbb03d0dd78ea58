"""A workspace: its settings, its paths, and names that cannot leave it."""

import errno
import os
from pathlib import Path

import pytest

from engine.atomic import atomic_folder, atomic_path, write_text
from engine.errors import StyloraError
from engine.settings import Settings, parse_settings
from engine.workspace import Workspace, bundled, slug


def test_the_shipped_settings_are_the_defaults_with_two_models() -> None:
    shipped = parse_settings(bundled("stylora.toml").read_text(encoding="utf-8"), "stylora.toml")
    assert set(shipped.models) == {"qwen2.5-14b", "smollm2-135m"}
    default = Settings()
    assert (shipped.training, shipped.dataset, shipped.curation) == (
        default.training,
        default.dataset,
        default.curation,
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("authr = 'x'", "unknown key 'authr' in the top level; did you mean 'author'?"),
        ("[training]\nrnk = 3", "unknown key 'rnk' in training; did you mean 'rank'?"),
        ("[models.a]\nsource='hub'\nlocation='b'\npath='c'\nqbits=4", "did you mean 'q_bits'?"),
        ("[training]\nlearning_rate = -1.0", "training.learning_rate: must be a number > 0"),
        ("[training]\nrank = 'x'", "training.rank: must be a whole number, not text"),
        ("[rewrite]\nperspective = 'me'", "rewrite.perspective: 'me' is not one of its values; known: keep, first,"),
        ("[dataset]\nvariants = ['x']", "dataset.variants[0]: 'x' is not one of its values"),
        ("[rewrite", "not valid TOML"),
    ],
)
def test_a_wrong_setting_is_one_line_that_names_it(text: str, message: str) -> None:
    with pytest.raises(StyloraError) as caught:
        parse_settings(text, "stylora.toml")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("author", "name"),
    [
        ("The Unconducted Chorus", "unconducted_chorus"),
        ("H. P. Lovecraft", "h_p_lovecraft"),
        ("Émile Zola", "emile_zola"),
        ("Æsop", "aesop"),
        ("Bjørn Ødegård", "bjorn_odegard"),
        ("O’Brien", "obrien"),
    ],
)
def test_an_author_becomes_a_file_name(author: str, name: str) -> None:
    assert slug(author) == name


@pytest.mark.parametrize("author", ["../../etc/passwd", "/", "a\\b"])
def test_a_path_is_no_author(author: str) -> None:
    with pytest.raises(StyloraError, match="a name, not a path"):
        slug(author)


@pytest.mark.parametrize("author", ["", "...", "紫式部"])
def test_an_author_without_latin_letters_is_refused(author: str) -> None:
    with pytest.raises(StyloraError, match="file name"):
        slug(author)


def test_a_new_workspace_has_the_bundled_author_and_is_never_rewritten(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "new")
    assert (workspace.styles / "unconducted_chorus_full.txt").stat().st_size > 100_000
    assert workspace.worldview("The Unconducted Chorus").name == "unconducted_chorus_worldview.txt"
    assert workspace.worldview("Somebody Else").name == "default_worldview.txt"
    assert Workspace.find(workspace.styles) == workspace
    with pytest.raises(StyloraError, match="never rewritten"):
        Workspace.create(tmp_path / "new")


def test_outside_a_workspace_the_next_command_is_named(tmp_path: Path) -> None:
    with pytest.raises(StyloraError, match="stylora init"):
        Workspace.find(tmp_path)


def test_a_relative_path_cannot_leave_the_workspace(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path)
    assert workspace.inside("models/x") == tmp_path / "models" / "x"
    with pytest.raises(StyloraError, match="leaves the workspace"):
        workspace.inside("../elsewhere")


def test_a_file_keeps_its_old_content_when_writing_fails(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    write_text(path, "old")
    with pytest.raises(RuntimeError), atomic_path(path) as temporary:
        temporary.write_text("half", encoding="utf-8")
        raise RuntimeError
    assert path.read_text(encoding="utf-8") == "old"
    assert os.listdir(tmp_path) == ["file.txt"]


def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(StyloraError, match="disk is full"), atomic_path(tmp_path / "file.txt"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert os.listdir(tmp_path) == []


def test_a_folder_is_replaced_whole(tmp_path: Path) -> None:
    target = tmp_path / "folder"
    for content in ("one", "two"):
        with atomic_folder(target) as temporary:
            (temporary / content).write_text(content, encoding="utf-8")
    assert os.listdir(target) == ["two"]
    with pytest.raises(RuntimeError), atomic_folder(target) as temporary:
        (temporary / "three").write_text("x", encoding="utf-8")
        raise RuntimeError
    assert os.listdir(tmp_path) == ["folder"]
    assert os.listdir(target) == ["two"]
