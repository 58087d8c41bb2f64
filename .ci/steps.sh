# Shared by .ci/run and .ci/full: the clock on every step, and the Pythons of .ci/pythons, found by running them.
started=$SECONDS

step() {
    local begun=$SECONDS
    echo "== $*"
    "$@"
    echo "== $* took $((SECONDS - begun)) s ($(((SECONDS - started) / 60)) min so far)"
}

# Prints the versions that run, oldest first; names the others on standard error and returns 1.
probe_pythons() {
    local version missing=()
    while read -r version; do
        if sh tools/find_python.sh "$version" >/dev/null; then
            echo "$version"
        else
            missing+=("$version")
        fi
    done <.ci/pythons
    if ((${#missing[@]})); then
        echo "Python ${missing[*]} of .ci/pythons cannot be run here: install it (pyenv install, or the system's packages)" >&2
        return 1
    fi
}
