#!/bin/sh
# Prints the path of a CPython, 3.7 or 3.6, say, that really starts and can make an environment.
#   find-python.sh [PYTHON] [VERSIONS]
# PYTHON is a path, taken or refused, or a name like python3.6, which is then the only
# version looked for. VERSIONS are those that will do, '3.7 3.6' by default. The search:
# the PATH, pyenv's versions folder, uv's own.
set -u
wanted=${1:-}
versions=${2:-3.7 3.6}
either='' names=''
for version in $versions; do
    either="${either:+$either or }$version" names="${names:+$names or }python$version"
done
home=${HOME:-/nonexistent}

try() {         # a pyenv shim can be there and fail: start it to know
    [ -x "$1" ] && [ ! -d "$1" ] && "$1" -c '
import platform, sys
import ctypes, ensurepip, ssl, venv, zlib
if ("%d.%d" % sys.version_info[:2] not in sys.argv[1].split() or sys.maxsize < 2 ** 32
        or platform.python_implementation() != "CPython"):
    sys.exit(1)
if sys.prefix != sys.base_prefix:   # an activated environment, maybe the one to be made
    sys.executable = "%s/bin/python%d.%d" % (sys.base_prefix, *sys.version_info[:2])
print(sys.executable)' "$versions" 2>/dev/null && exit 0
}

case $wanted in
*/*)
    try "$wanted"
    found=$("$wanted" --version 2>&1)
    echo "PYTHON=$wanted: expected a CPython $either that starts and has venv, found:" \
        ${found:-nothing}"; name another one or leave PYTHON out" >&2
    exit 1 ;;
'') ;;
*)
    for version in $versions; do
        case $wanted in *"$version") versions=$version && wanted= ;; esac
    done
    [ -z "$wanted" ] || {
        echo "PYTHON=$wanted: expected a path, $names; name one of those" >&2
        exit 1
    } ;;
esac

for version in $versions; do
    IFS=:
    for folder in $PATH; do
        try "$folder/python$version"
    done
    unset IFS
done
for folder in "${PYENV_ROOT:-$home/.pyenv}/versions/" \
        "${UV_PYTHON_INSTALL_DIR:-${XDG_DATA_HOME:-$home/.local/share}/uv/python}/cpython-"; do
    for version in $versions; do
        for python in "$folder$version"*/bin/"python$version"; do
            try "$python"
        done
    done
done

case $versions in
'3.7 3.6' | 3.7 | 3.6) ;;
*)
    echo "Expected a Python $either; found none that starts and can make an environment (Debian's" \
        "needs python3-venv). Install one, or name one: PYTHON=/path/to/python" >&2
    exit 1 ;;
esac
echo 'Expected a Python 3.7 or 3.6, which TensorFlow 1.15 needs; found none that starts.
Ways out:
  pyenv    pyenv install 3.7
  conda    conda create -n tf1gan python=3.7 && conda activate tf1gan
  uv       with a uv older than 0.7: uv python install 3.7
  Docker   docker build -t tf1gan . && docker run tf1gan
Then run the same command again, or name one: make ... PYTHON=/path/to/python3.7' >&2
exit 1
