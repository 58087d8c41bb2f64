#!/bin/sh
# Prints a Python that runs: the newest of 3.11 and later, or of the one version asked for (find_python.sh 3.12).
# A candidate counts only if it starts: a name on the PATH may be a shim of a version that is not there.
# Exit 1: none. With a version, nothing is printed on standard error: the caller says what it needs it for.
wanted="${1:-any}"

accept() {
    "$1" - "$wanted" <<'PROBE' 2>/dev/null
import sys

wanted = sys.argv[1]
version = "%d.%d" % sys.version_info[:2]
if sys.version_info < (3, 11) or wanted not in ("any", version):
    sys.exit(1)
print(sys.executable)
PROBE
}

if [ "$wanted" = any ]; then
    versions="3.13 3.12 3.11"
    for name in ${PYTHON:-} python3 python; do
        accept "$name" && exit 0
    done
else
    versions="$wanted"
fi

pyenv_root="$(pyenv root 2>/dev/null || echo "${PYENV_ROOT:-${HOME:-}/.pyenv}")"
for version in $versions; do
    for candidate in "python$version" "$pyenv_root"/versions/"$version"*/bin/python python3 python; do
        accept "$candidate" && exit 0
    done
done
exit 1
