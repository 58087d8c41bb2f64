"""The editor of the pages as one file: CodeMirror 6, bundled, with its licences and what it was made of.

python -m tools.vendor            makes it anew from the lock in tools/vendoring (needs npm, which comes with Node)
python -m tools.vendor --check    says whether the files are those that were made
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.files import ROOT

RECIPE = ROOT / "tools" / "vendoring"
FOLDER = ROOT / "superlearner" / "src" / "superlearner" / "web" / "static" / "vendor"
BUNDLE = "codemirror.js"
LICENCES = "codemirror-licences.txt"
RECORD = "codemirror.json"
OPTIONS = ("--bundle", "--minify", "--format=esm", "--target=es2022", "--legal-comments=none", "--log-level=warning")


def make() -> None:
    """Fetch what the lock names, by hash, and write bundle, licences and record."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        for file in RECIPE.iterdir():
            shutil.copy(file, folder)
        subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"], cwd=folder, check=True)
        bundle = [str(folder / "node_modules" / ".bin" / "esbuild"), "editor.js", *OPTIONS]
        subprocess.run([*bundle, f"--outfile={BUNDLE}", "--metafile=inside.json"], cwd=folder, check=True)
        inside = json.loads((folder / "inside.json").read_text(encoding="utf-8"))
        packages = sorted({_package(path) for path in inside["inputs"] if path.startswith("node_modules/")})
        FOLDER.mkdir(exist_ok=True)
        shutil.copy(folder / BUNDLE, FOLDER / BUNDLE)
        (FOLDER / LICENCES).write_text(_licences(folder, packages), encoding="utf-8")
        record = {"made_of": {name: _version(folder, name) for name in packages}, "sha256": hashes()}
        (FOLDER / RECORD).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def hashes() -> dict[str, str]:
    """The hash of each file that was made, as it is now."""
    return {name: hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() for name in (BUNDLE, LICENCES)}


def changed() -> list[str]:
    """The files that are not what `make vendor` wrote."""
    wanted = json.loads((FOLDER / RECORD).read_text(encoding="utf-8"))["sha256"]
    return [name for name, found in hashes().items() if wanted.get(name) != found]


def _package(path: str) -> str:
    first, second = path.split("/")[1:3]
    return f"{first}/{second}" if first.startswith("@") else first


def _version(folder: Path, name: str) -> str:
    return json.loads((folder / "node_modules" / name / "package.json").read_text(encoding="utf-8"))["version"]


def _licences(folder: Path, packages: list[str]) -> str:
    """The text of each licence once, under the packages that have it."""
    by_text: dict[str, list[str]] = {}
    for name in packages:
        text = (folder / "node_modules" / name / "LICENSE").read_text(encoding="utf-8").strip()
        by_text.setdefault(text, []).append(name)
    return "\n\n".join(f"{', '.join(names)}\n\n{text}" for text, names in by_text.items()) + "\n"


if __name__ == "__main__":
    if "--check" in sys.argv[1:]:
        wrong = changed()
        print(*(f"{name} is not what make vendor wrote; run make vendor" for name in wrong), sep="\n")
        sys.exit(bool(wrong))
    make()
