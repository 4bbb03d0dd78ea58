"""A `stylora` in miniature: ``doctor --json`` says what `doctor.json` has; any other command removes what it fixes."""

from __future__ import annotations

import json
import sys
from pathlib import Path

FILE = Path("doctor.json")

if __name__ == "__main__":
    found = json.loads(FILE.read_text())
    if sys.argv[1] == "doctor":
        sys.stdout.write(json.dumps(found))
        sys.exit(any(not one["passed"] for one in found))
    told = " ".join(sys.argv[1:])
    if "--adapter nobody" in told:
        sys.stderr.write("stylora: nobody: no adapter there\n")
        sys.exit(1)
    kept = [one for one in found if not any(fix["command"] == f"stylora {told}" for fix in one["fixes"])]
    FILE.write_text(json.dumps(kept))
    sys.stdout.write(f"done: {told}\n")
