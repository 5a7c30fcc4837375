#!/bin/sh
# Makes a virtual environment from a lock, or leaves it alone if it is there already.
#   environment.sh VENV LOCK [PYTHON]
# PYTHON is as in find-python.sh; where it names another interpreter than the environment's, the environment
# is made anew. With --there as PYTHON nothing is made: the status says whether it is there. The lock says
# which Pythons will do. The stamp is written last: a broken install is not kept.
set -eu
venv=$1 lock=$2 wanted=${3:-}
here=$(dirname "$0")
stamp=$venv/tf1gan-stamp
sums=$(cat "$here/pip.lock" "$lock" | cksum)
versions=$(sed -n 's/^# Pythons: //p' "$lock")

# Gives the environment the package as it is in this folder, and its command, from any other folder. Each call
# does, for the folder may have moved. (pip's own way breaks at a space in the path.)
link() {
    case $lock in *tf1-*|*tf2-*) ;; *) return 0 ;; esac
    [ -w "$venv/bin" ] || return 0      # of another user
    cmp -s "$here/tf1gan" "$venv/bin/tf1gan" || cp "$here/tf1gan" "$venv/bin/tf1gan"
    "$venv/bin/python" -c 'import os, sys, sysconfig
path = os.path.join(sysconfig.get_path("purelib"), "tf1gan.pth")
line = "import os, sys; sys.path.append(os.fsdecode({}))\n".format(os.fsencode(os.path.abspath(sys.argv[1])))
if not os.path.exists(path) or open(path).read() != line:
    open(path, "w").write(line)' "$here/.."
}

if [ -f "$stamp" ] && [ "$(head -n 1 "$stamp")" = "$sums" ] && "$venv/bin/python" -c '' 2>/dev/null; then
    case $wanted in --there) exit 0 ;; '') link; exit 0 ;; esac
    python=$(sh "$here/find-python.sh" "$wanted" "$versions")
    [ "$(tail -n 1 "$stamp")" != "$python" ] || { link; exit 0; }
else
    [ "$wanted" != --there ] || exit 1
    python=$(sh "$here/find-python.sh" "$wanted" "$versions")
fi

echo "Making $venv with $python from $lock" >&2
if [ -t 2 ]; then       # a dot every two seconds: pip says nothing, and it takes a minute
    while sleep 2; do printf . >&2; done &
    dots=$!
    trap 'kill "$dots"; echo >&2' EXIT
fi
# In the background a step does not hear Ctrl-C itself, which would end in a traceback.
child=
step() {
    "$@" &
    child=$!
    wait "$child"
}
trap 'kill $child 2>/dev/null; echo "stopped: the next call begins anew" >&2; exit 130' INT
step "$python" -m venv --clear "$venv"
pip="step $venv/bin/python -m pip --disable-pip-version-check install --quiet --require-hashes"
$pip -r "$here/pip.lock"
# What TensorFlow 1.15 needs has parts that come as sources only: on Python 3.6 termcolor too. They are built by
# the setuptools and the wheel of pip.lock.
case $lock in
*tf1-*)
    sources=gast
    "$venv/bin/python" -c 'import sys; sys.exit(sys.version_info < (3, 7))' || sources=gast,termcolor
    $pip --no-build-isolation --only-binary=:all: --no-binary=$sources -r "$lock" ;;
*oracle-*) $pip --no-deps --no-build-isolation --only-binary=:all: --no-binary=gast,keras -r "$lock" ;;
*sweep*) $pip --no-build-isolation --only-binary=:all: --no-binary=connection-pool -r "$lock" ;;
*) $pip --only-binary=:all: -r "$lock" ;;
esac
printf '%s\n%s\n' "$sums" "$python" >"$stamp"
link
