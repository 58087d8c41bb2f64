# Shared by .ci/run and .ci/full: the clock on every step, and the Pythons of .ci/pythons, found by running them.
started=$SECONDS

step() {
    local begun=$SECONDS status=0
    echo "== $*"
    "$@" || status=$?
    echo "== $* took $((SECONDS - begun)) s ($(((SECONDS - started) / 60)) min so far)"
    return "$status"
}

# beside NAME COMMAND...: starts steps in the background, on a core that the next ones leave idle; stores their output.
# collect NAME: waits for them, prints their output and returns their status. A run that ends earlier ends them.
declare -A beside=()
outputs="$(mktemp -d)"
trap end_beside EXIT

beside() {
    local name="$1"
    shift
    set -m # in a group of processes of its own, which can be ended as a whole
    "$@" >"$outputs/$name" 2>&1 &
    set +m
    beside[$name]=$!
}

collect() {
    local status=0
    wait "${beside[$1]}" || status=$?
    unset "beside[$1]"
    cat "$outputs/$1"
    return "$status"
}

end_beside() {
    local name
    for name in "${!beside[@]}"; do
        kill -- "-${beside[$name]}" 2>/dev/null || true
        echo "== $name, beside the steps above:"
        cat "$outputs/$name"
    done
    rm -rf "$outputs"
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
