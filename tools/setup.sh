#!/bin/sh
# Makes .venv with the locked dependencies and loadkit itself, in the source folder.
#
# Does nothing when .venv was made here from the same lock and project file. Says everything on
# standard error: `make run` promises that standard output ends with the path of the bundle.
set -eu
cd "$(dirname "$0")/.."

PYTHON=${PYTHON:-python3}
VENV=.venv
STAMP=$VENV/.loadkit-setup

say() {
    echo "$*" >&2
}

give_up() {
    say "error: $1"
    shift
    for line in "$@"; do
        say "       $line"
    done
    exit 1
}

# A moved or copied folder needs a new one: the scripts inside name their interpreter in full.
fingerprint() {
    pwd
    cksum requirements.lock pyproject.toml tools/setup.sh
}

check_machine() {
    missing=
    lacks_git=
    command -v git >/dev/null 2>&1 || lacks_git=git
    if ! command -v "$PYTHON" >/dev/null 2>&1; then
        missing="python3 python3-venv"
    elif ! "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
        give_up "$PYTHON is $("$PYTHON" -V 2>&1), loadkit needs Python 3.11 or newer" \
            "Name another one: make setup PYTHON=/path/to/python3.12"
    elif ! "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null; then
        missing=python3-venv
    fi
    if [ -n "$missing" ]; then
        give_up "$PYTHON cannot make a virtual environment: missing $missing" \
            "On Debian or Ubuntu: apt-get install $missing${lacks_git:+ $lacks_git}" \
            "Elsewhere: install Python 3.11 or newer with its venv module," \
            "or name an interpreter that has it: make setup PYTHON=/path/to/python3.12"
    fi
    if [ -n "$lacks_git" ]; then
        say "note: git is missing; what is here works without it, updating does not" \
            "(on Debian or Ubuntu: apt-get install git)"
    fi
}

usable() {
    [ -x "$VENV/bin/python" ] && "$VENV/bin/python" -m pip --version >/dev/null 2>&1 &&
        [ "$(sed -n 1p "$STAMP" 2>/dev/null)" = "$(pwd)" ]
}

pip_install() {
    # PIP_USER, where someone has set it, is refused inside a virtual environment.
    PIP_USER=0 "$VENV/bin/python" -m pip install --quiet --no-input --disable-pip-version-check \
        "$@" >&2 || give_up "the packages could not be installed (pip says why above)" \
        "pip takes them from the index it is configured for: see 'pip config list'." \
        "Once that works, make setup goes on where it stopped."
}

if [ -x "$VENV/bin/loadkit" ] && [ -x "$VENV/bin/python" ] &&
    [ "$(cat "$STAMP" 2>/dev/null)" = "$(fingerprint)" ]; then
    exit 0
fi

check_machine
if ! usable; then
    say "setup: making .venv with $("$PYTHON" -V 2>&1)"
    rm -rf "$VENV"
    "$PYTHON" -m venv "$VENV" >&2 || give_up "$PYTHON -m venv $VENV failed (see above)"
    pwd >"$STAMP"
fi
say "setup: installing $(grep -c '==' requirements.lock) locked packages, a minute or two"
pip_install --require-hashes -r requirements.lock
pip_install --no-deps --no-build-isolation --no-index -e .
fingerprint >"$STAMP"
say "setup: ready"
