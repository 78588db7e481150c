# Sourced by scripts/check, fix and lock: puts the developer's tools on PATH.
# They are those of the active environment, else of the one that `./install.sh test` makes.
# shellcheck shell=sh

PATH=${PREFIX:-$HOME/.local}/share/autoglm-lite/program/test-env/bin:$PATH
if [ -n "${VIRTUAL_ENV:-}" ]; then
    PATH=$VIRTUAL_ENV/bin:$PATH
fi
export PATH

tool() {
    command -v "$1" >/dev/null && return
    echo "$1 was not found: run ./install.sh test once, or activate an environment that has it." >&2
    exit 1
}
