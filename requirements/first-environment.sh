#!/bin/sh
# Makes the environment of `make` without ENV: of TensorFlow 1.15 where it can be had, else of TensorFlow 2.
#   first-environment.sh VENV [PYTHON]
# TensorFlow 1.15 needs Python 3.7 or 3.6. Where there is none, on Linux x86-64, a uv that still knows 3.7
# is asked to fetch it, once. PYTHON is as in find-python.sh, of any version that one of the two takes.
set -eu
venv=$1 wanted=${2:-}
here=$(dirname "$0")
old=3.7\ 3.6 new=$(sed -n 's/^# Pythons: //p' "$here/tf2-cpu.lock")

find_python() {
    sh "$here/find-python.sh" "$@" 2>/dev/null
}

there() {       # whether VENV is made from a lock and works
    sh "$here/environment.sh" "$venv" "$here/$1" --there
}

fetched() {     # prints the path of a Python 3.7 that uv has fetched, now or before
    [ "$(uname -sm)" = 'Linux x86_64' ] || return 1
    case $venv in /*) uv=$venv-uv ;; *) uv=$PWD/$venv-uv ;; esac
    export UV_PYTHON_INSTALL_DIR="$uv/python"
    if [ ! -d "$uv" ]; then
        echo 'TensorFlow 1.15 needs Python 3.7 or 3.6, and there is none: asking an old uv to fetch 3.7' >&2
        sh "$here/environment.sh" "$uv" "$here/uv.lock" 2>/dev/null &&
            timeout 300 "$uv/bin/uv" --quiet --no-config python install 3.7 2>/dev/null ||
            echo 'It could not be fetched' >&2
    fi
    PATH=/nonexistent HOME=/nonexistent /bin/sh "$here/find-python.sh" '' 3.7 2>/dev/null
}

if [ -z "$wanted" ] && there tf1-cpu.lock; then
    exec sh "$here/environment.sh" "$venv" "$here/tf1-cpu.lock"
fi
if python=$(find_python "$wanted" "$old") ||
        { [ -z "$wanted" ] && ! there tf2-cpu.lock && python=$(fetched); }; then
    exec sh "$here/environment.sh" "$venv" "$here/tf1-cpu.lock" "$python"
fi
if find_python "$wanted" "$new" >/dev/null; then
    there tf2-cpu.lock ||
        echo 'Taking TensorFlow 2 in graph mode, which is not the reference: see README.md, "Two commands"' >&2
    exec sh "$here/environment.sh" "$venv" "$here/tf2-cpu.lock" "$wanted"
fi
exec sh "$here/find-python.sh" "$wanted" "$old $new"
