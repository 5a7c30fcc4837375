#!/bin/sh
# Prints the path of a CPython 3.7 or 3.6 that really starts and can make an environment.
#   find-python.sh [PYTHON]
# PYTHON is a path, taken or refused, or a name like python3.6, which is then the only
# version looked for. The search: the PATH, pyenv's versions folder, uv's own.
set -u
wanted=${1:-}
home=${HOME:-/nonexistent}

try() {         # a pyenv shim can be there and fail: start it to know
    [ -x "$1" ] && [ ! -d "$1" ] && "$1" -c '
import platform, sys
import ctypes, ensurepip, ssl, venv, zlib
if (sys.version_info[:2] not in ((3, 6), (3, 7)) or sys.maxsize < 2 ** 32
        or platform.python_implementation() != "CPython"):
    sys.exit(1)
if sys.prefix != sys.base_prefix:   # an activated environment, maybe the one to be made
    sys.executable = "%s/bin/python%d.%d" % (sys.base_prefix, *sys.version_info[:2])
print(sys.executable)' 2>/dev/null && exit 0
}

case $wanted in
*/*)
    try "$wanted"
    found=$("$wanted" --version 2>&1)
    echo "PYTHON=$wanted: expected a CPython 3.7 or 3.6 that starts and has venv, found:" \
        ${found:-nothing}"; name another one or leave PYTHON out" >&2
    exit 1 ;;
'') versions='3.7 3.6' ;;
*3.7) versions=3.7 ;;
*3.6) versions=3.6 ;;
*)
    echo "PYTHON=$wanted: expected a path, python3.7 or python3.6; name one of those" >&2
    exit 1 ;;
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

echo 'Expected a Python 3.7 or 3.6, which TensorFlow 1.15 needs; found none that starts.
Ways out:
  pyenv    pyenv install 3.7
  conda    conda create -n tf1gan python=3.7 && conda activate tf1gan
  uv       with a uv older than 0.7: uv python install 3.7
  Docker   docker build -t tf1gan . && docker run tf1gan
Then run the same command again, or name one: make ... PYTHON=/path/to/python3.7' >&2
exit 1
