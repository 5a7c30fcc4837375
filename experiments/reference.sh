#!/bin/sh
# Makes the committed run of a tutorial, the whole of it: make reference-vanilla, reference-dcgan
#   reference.sh PYTHON NAME
# Interrupted, it goes on where it was when it is called again.
set -eu
run=runs/reference-$2
if [ -e "$run" ]; then
    "$1" -m "tf1gan.$2" --resume "$run"
else
    "$1" -m "tf1gan.$2" --out "$run"
fi
rm -rf "samples/$2"
cp -r "$run/samples" "samples/$2"
cp -r "$run/fixed" "samples/$2/fixed"
cp "$run"/log.csv "$run"/losses.png "$run"/config.json "$run"/env.json "experiments/$2"/
if [ "$2" = vanilla ]; then     # the front page's animation
    "$1" -m tf1gan.replay samples/vanilla --out "$run/replay"
    cp "$run"/replay/replay.gif "$run"/replay/replay.png experiments/vanilla/
fi
"$1" experiments/fill_pages.py
rm -r "$run"
