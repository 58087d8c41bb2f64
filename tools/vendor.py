"""Bundle the packages of the pages: a file each, with licences and a record.

python -m tools.vendor            builds the files from the lock in tools/vendoring (needs npm, which comes with Node)
python -m tools.vendor --check    checks that the files are unchanged since they were built
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
BUNDLES = {"codemirror": "editor.js", "lit-html": "templates.js"}
"""Bundles, each with the file of the recipe that lists its contents."""

OPTIONS = ("--bundle", "--minify", "--format=esm", "--target=es2022", "--legal-comments=none", "--log-level=warning")


def make() -> None:
    """Fetch the locked packages and write bundles, licences and records."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        for file in RECIPE.iterdir():
            shutil.copy(file, folder)
        subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"], cwd=folder, check=True)
        FOLDER.mkdir(exist_ok=True)
        for name in BUNDLES:
            _bundle(folder, name)


def _bundle(folder: Path, name: str) -> None:
    bundle, licences = parts(name)
    esbuild = [str(folder / "node_modules" / ".bin" / "esbuild"), BUNDLES[name], *OPTIONS]
    subprocess.run([*esbuild, f"--outfile={bundle}", "--metafile=inside.json"], cwd=folder, check=True)
    inside = json.loads((folder / "inside.json").read_text(encoding="utf-8"))
    packages = sorted({_package(path) for path in inside["inputs"] if path.startswith("node_modules/")})
    shutil.copy(folder / bundle, FOLDER / bundle)
    (FOLDER / licences).write_text(_licences(folder, packages), encoding="utf-8")
    record = {"made_of": {package: _version(folder, package) for package in packages}, "sha256": hashes(name)}
    record_of(name).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def parts(name: str) -> tuple[str, str]:
    """Return the file names of a bundle: code and licences."""
    return f"{name}.js", f"{name}-licences.txt"


def record_of(name: str) -> Path:
    """Return the record of a bundle: its sources and the hashes of its files."""
    return FOLDER / f"{name}.json"


def hashes(name: str) -> dict[str, str]:
    """Return the current hash of each file of a bundle."""
    return {part: hashlib.sha256((FOLDER / part).read_bytes()).hexdigest() for part in parts(name)}


def changed() -> list[str]:
    """Return the files that differ from what `make vendor` wrote."""
    wrong: list[str] = []
    for name in BUNDLES:
        wanted = json.loads(record_of(name).read_text(encoding="utf-8"))["sha256"]
        wrong += [part for part, found in hashes(name).items() if wanted.get(part) != found]
    return wrong


def _package(path: str) -> str:
    first, second = path.split("/")[1:3]
    return f"{first}/{second}" if first.startswith("@") else first


def _version(folder: Path, name: str) -> str:
    return json.loads((folder / "node_modules" / name / "package.json").read_text(encoding="utf-8"))["version"]


def _licences(folder: Path, packages: list[str]) -> str:
    """Return the text of each licence once, under its packages."""
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
