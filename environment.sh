#!/bin/sh
# Makes .venv with Python 3.11 or 3.12 and installs the requirements file named as argument, only when something in it has changed.
# PYTHON=/path/to/python3.12 chooses the interpreter.
set -eu
cd "$(dirname "$0")"
requirements=$1
venv=.venv

stop() {
    echo "$1" >&2
    exit 2
}

suits() { # is the interpreter $1 there, and of a version that every wheel we need exists for?
    command -v "$1" >/dev/null 2>&1 &&
        "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' >/dev/null 2>&1
}

find_python() {
    if [ -n "${PYTHON:-}" ]; then
        suits "$PYTHON" || stop "HairMe runs on Python 3.11 or 3.12 and PYTHON=$PYTHON is not one of those: give another, or leave PYTHON out."
        echo "$PYTHON"
        return
    fi
    for candidate in python3.12 python3.11 python3; do
        if suits "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    found=$(python3 -V 2>/dev/null || echo "no Python at all")
    stop "HairMe runs on Python 3.11 or 3.12 and found $found: install python3.12 and run make again, or name one with PYTHON=/path/to/python3.12 make run."
}

fingerprint() { # of what the environment is made from
    cat requirements.txt constraints.txt "$requirements" | cksum
    "$venv/bin/python" -V
}

# An environment of another version, or one whose making was interrupted, is made anew.
if ! suits "$venv/bin/python" || ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    python=$(find_python)
    [ -w . ] || stop "$(pwd) cannot be written, and the environment goes to $(pwd)/$venv: copy HairMe to a folder of your own and run make there."
    echo "Making $venv with $("$python" -V)."
    "$python" -m venv --clear "$venv" ||
        stop "Python's venv module does not work here: on Debian and Ubuntu run 'sudo apt install python3-venv', then make again."
fi

# The larger environment holds the smaller, so it will do for both.
stamp="$venv/installed-$requirements"
for done in "$stamp" "$venv/installed-requirements-dev.txt"; do
    if [ -f "$done" ]; then
        wanted=$(requirements=${done#"$venv/installed-"} && fingerprint)
        [ "$(cat "$done")" = "$wanted" ] && exit 0
    fi
done

free_kb=$(df -Pk . | awk 'NR == 2 { print $4 }')
[ "${free_kb:-9999999}" -gt 5000000 ] ||
    stop "The packages need 5 GB and this disk has $((free_kb / 1000)) MB free: free some space and run make again."

echo "Installing the packages of $requirements; the first time this takes a few minutes."
pip() {
    "$venv/bin/python" -m pip --quiet --disable-pip-version-check "$@"
}
ticker() { # pip is quiet for minutes; people are not told twice that a machine hangs
    seconds=0
    while sleep 1; do
        seconds=$((seconds + 1))
        [ $((seconds % 15)) -eq 0 ] || continue
        echo "  still installing ($seconds s, $(ls "$venv"/lib/python3*/site-packages | wc -l | tr -d ' ') entries so far)"
    done
}
ticker &
ticker=$!
trap 'kill "$ticker" 2>/dev/null || true' EXIT
trap 'exit 130' INT TERM HUP

pip install --requirement "$requirements" --constraint constraints.txt ||
    stop "The packages could not be installed; pip's lines above say why. Run make again to continue."
fingerprint >"$stamp"
echo "Installed."
