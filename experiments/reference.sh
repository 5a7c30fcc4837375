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
mkdir -p "samples/$2"
rm -f "samples/$2"/*.png
cp "$run"/samples/*.png "samples/$2"/
cp "$run"/log.csv "$run"/losses.png "$run"/config.json "$run"/env.json "experiments/$2"/
"$1" experiments/fill_pages.py
rm -r "$run"
