#!/bin/sh
# Makes the virtual environment: bootstrap.sh FOLDER LOCK...
# Everything is fetched by hash; whatever is missing on the machine is said in one sentence with what to type.
set -u
venv="$1"
shift
again="then type  make ${GOAL:-run}  again."

stop() {
    echo "$1" >&2
    exit 1
}

usable() {
    # Scripts in an environment carry the path of the folder it was made in: a copied or moved one is made anew.
    [ "$(cat "$venv/made-in" 2>/dev/null || pwd -P)" = "$(pwd -P)" ] &&
        "$venv/bin/python" -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

if ! usable; then
    python="$(sh "$(dirname "$0")/find_python.sh" "${VERSION:-any}")" || stop \
        "No Python ${VERSION:-3.11 or newer} was found: install one (Debian, Ubuntu:  apt install python3 python3-venv ; macOS:  brew install python ) or name yours:  make ${GOAL:-run} PYTHON=python3.12"
    minor="$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')"
    "$python" -c 'import ensurepip, venv' 2>/dev/null || stop \
        "Python's venv module is missing: type  apt install python$minor-venv  (as root, or with sudo before it), $again"
    "$python" -m venv --clear "$venv" || stop \
        "The environment $venv could not be made: see that this folder is writable and the disk has room, $again"
fi
pwd -P > "$venv/made-in"

echo "Fetching the packages of $* into $venv; once, for up to a minute." >&2
export PIP_DISABLE_PIP_VERSION_CHECK=1  # and --quiet twice: errors only, not what pip thinks of the machine's settings
for lock in "$@"; do
    set -- "$@" --requirement "$lock"
    shift
done
"$venv/bin/python" -m pip install --quiet --quiet --no-compile --require-hashes "$@" || stop \
    "The packages could not be fetched: connect to the network (or set PIP_INDEX_URL to a mirror within reach), $again"
# pip would compile on one core. Templates of programs are among the files, which are no Python yet: they may fail.
"$venv/bin/python" -m compileall -q -q -j 0 "$venv/lib" || true
"$venv/bin/python" -m pip uninstall --quiet --quiet --yes otp 2>/dev/null  # the library's distribution had this name
"$venv/bin/python" -m pip install --quiet --quiet --no-deps --no-build-isolation --editable ./otp --editable ./superlearner || stop \
    "The packages of this repository could not be installed: remove the folder $venv, $again"
