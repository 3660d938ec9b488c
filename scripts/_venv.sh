# Sourced by the scripts beside it. Sets $root (the project), $venv, and gives `prepare [EXTRAS]`,
# after which $venv has the project and those extras, in the versions of constraints.txt.
set -euo pipefail

root=$(dirname -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")")
venv=$root/.venv

prepare() {
    local extras=${1:-} stamp wanted
    stamp=$venv/.installed-$extras
    wanted=$(cat -- "$root/pyproject.toml" "$root/constraints.txt" | cksum)\ $root
    up_to_date "$stamp" "$wanted" && return
    # One at a time: a second caller waits here, and then finds the work done.
    exec 9<"$root/pyproject.toml"
    if command -v flock >/dev/null; then flock 9; fi
    up_to_date "$stamp" "$wanted" || install "$extras" "$stamp" "$wanted"
    exec 9<&-
}

up_to_date() {
    [ -x "$venv/bin/python" ] && [ ! -e "$venv/.unfinished" ] && [ "$(cat -- "$1" 2>/dev/null)" = "$2" ]
}

install() {
    printf 'Setting up %s ...\n' "$venv" >&2
    if [ -e "$venv/.unfinished" ] || ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
        make_venv
    fi
    touch -- "$venv/.unfinished"
    "$venv/bin/python" -m pip install --quiet --quiet --disable-pip-version-check \
        --constraint "$root/constraints.txt" --editable "$root${1:+[$1]}" >&2 ||
        fail "the packages could not be installed (see above)"
    compile
    printf '%s' "$3" >"$2"
    rm -- "$venv/.unfinished"
}

# As an installed package is: so every start takes half the time, also for those whose environment
# says that Python shall write no bytecode (PYTHONDONTWRITEBYTECODE), and where nobody may write.
compile() {
    "$venv/bin/python" -m compileall -q "$root/crawler" || true
}

make_venv() {
    local python
    python=$(find_python) || fail "Python 3.11 or newer is needed, and none is on the PATH"
    rm -rf -- "$venv"
    "$python" -m venv -- "$venv" >&2 ||
        fail "no virtual environment could be made; on Debian and Ubuntu: apt install python3-venv"
}

find_python() {
    local name
    for name in python3 python3.14 python3.13 python3.12 python3.11; do
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$name"
            return
        fi
    done
    return 1
}

fail() {
    printf '%s: %s\n' "$(basename -- "$0")" "$1" >&2
    exit 1
}
