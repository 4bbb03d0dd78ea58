"""A folder with a `stylora.toml`, and where everything in it lives."""

from __future__ import annotations

import os
import re
import unicodedata
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from engine.atomic import write_bytes
from engine.errors import StyloraError
from engine.settings import Settings, load_settings

SETTINGS_FILE = "stylora.toml"
BUNDLED_AUTHOR = "The Unconducted Chorus"
SHIPPED = (
    ("prompts", "default_worldview.txt"),
    ("prompts", "neutral_to_english.txt"),
    ("prompts", "neutral_to_pivot.txt"),
    ("prompts", "perspective_impersonal.txt"),
    ("prompts", "perspective_plural.txt"),
    ("prompts", "perspective_third.txt"),
    ("prompts", "snowflake.txt"),
    ("prompts", "unconducted_chorus_worldview.txt"),
    ("styles", "unconducted_chorus_full.txt"),
)
"""Files every new workspace starts with."""


def bundled(*parts: str) -> Path:
    """Path of a file shipped with Stylora, for example ``bundled("prompts", "default_worldview.txt")``.

    In a checkout that is the file itself; in an installed wheel the copy packed beside the code.
    """
    home = Path(__file__).resolve().parent.parent
    checkout = home.joinpath(*parts)
    return checkout if (home / "pyproject.toml").exists() else home.joinpath("stylora_bundled", *parts)


_LATIN = str.maketrans(
    {"Æ": "Ae", "æ": "ae", "Œ": "Oe", "œ": "oe", "Ø": "O", "ø": "o", "ß": "ss", "Ł": "L", "ł": "l", "Đ": "D", "đ": "d"}
    | {"Ð": "D", "ð": "d", "Þ": "Th", "þ": "th", "ı": "i"}
)
"""Latin letters that Unicode does not take apart into one of ASCII's and a mark."""


def slug(author: str) -> str:
    """The author's name as a file name: lower-case ASCII letters, digits and underscores.

    A leading article is dropped ("The Unconducted Chorus" is ``unconducted_chorus``, as in the mission's
    paths). Raises `StyloraError` for a name with nothing left, so that no name can leave the workspace.
    """
    if "/" in author or "\\" in author:
        raise StyloraError(f"author {author!r}: a name, not a path; leave the slashes out")
    plain = unicodedata.normalize("NFKD", author.translate(_LATIN)).encode("ascii", "ignore").decode().lower()
    name = re.sub(r"[^a-z0-9]+", "_", re.sub(r"['’]", "", plain)).strip("_").removeprefix("the_")
    if not name:
        raise StyloraError(f"author {author!r}: no letter or digit to make a file name of; use Latin letters")
    return name[:80].rstrip("_")


@dataclass(frozen=True)
class Workspace:
    """Paths of one workspace. `root` is absolute and holds a `stylora.toml`."""

    root: Path

    @classmethod
    def find(cls, start: Path | None = None) -> Workspace:
        """The workspace at `start` (default: the current folder) or above it.

        Raises `StyloraError` where there is none.
        """
        here = (start or Path.cwd()).resolve()
        for folder in (here, *here.parents):
            if (folder / SETTINGS_FILE).is_file():
                return cls(folder)
        raise StyloraError(f"{here}: not in a Stylora workspace; run 'stylora init' here, or 'stylora demo' to try one")

    @classmethod
    def create(cls, folder: Path) -> Workspace:
        """Make `folder` a workspace: settings, worldview prompts and the bundled author's book.

        Files already there are kept. Raises `StyloraError` if it is a workspace already.
        """
        folder = folder.resolve()
        if (folder / SETTINGS_FILE).exists():
            raise StyloraError(f"{folder / SETTINGS_FILE}: already there; it is yours, and is never rewritten")
        for shipped in SHIPPED:
            target = folder.joinpath(*shipped)
            if not target.exists():
                write_bytes(target, bundled(*shipped).read_bytes())
        write_bytes(folder / SETTINGS_FILE, bundled(SETTINGS_FILE).read_bytes())
        return cls(folder)

    @cached_property
    def settings(self) -> Settings:
        return load_settings(self.root / SETTINGS_FILE)

    @property
    def styles(self) -> Path:
        return self.root / "styles"

    @property
    def prompts(self) -> Path:
        return self.root / "prompts"

    @property
    def models(self) -> Path:
        return self.root / "models"

    @property
    def private(self) -> Path:
        """Caches, journals and logs: nothing a user needs to look at."""
        return self.root / ".stylora"

    def corpus(self, author: str) -> Path:
        """The curated corpus: passages separated by blank lines."""
        return self.styles / f"{slug(author)}.txt"

    def dataset(self, author: str) -> Path:
        """Folder of `train.jsonl`, `valid.jsonl`, `test.jsonl`, `recipe.toml` and `manifest.toml`."""
        return self.root / "data" / "training" / slug(author)

    def adapter(self, author: str) -> Path:
        """Folder of the author's adapter and its checkpoints."""
        return self.root / "lora_adapters" / slug(author)

    def worldview(self, author: str) -> Path:
        """The author's worldview prompt, or the workspace's default, or the bundled default."""
        for path in (self.prompts / f"{slug(author)}_worldview.txt", self.prompts / "default_worldview.txt"):
            if path.is_file():
                return path
        return bundled("prompts", "default_worldview.txt")

    def inside(self, path: str) -> Path:
        """`path` from the settings, made absolute; relative ones start at the workspace and stay in it.

        A link is not followed: one that its owner put into the workspace may lead out of it.
        """
        if Path(path).is_absolute():
            return Path(path)
        whole = Path(os.path.normpath(self.root / path))
        if not whole.is_relative_to(self.root):
            raise StyloraError(f"{path}: leaves the workspace {self.root}; give an absolute path if that is meant")
        return whole
