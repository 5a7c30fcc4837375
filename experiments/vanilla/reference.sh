#!/bin/sh
# Makes the committed run of the vanilla tutorial: make reference-vanilla
#   reference.sh PYTHON
# Interrupted, it goes on where it was when it is called again.
set -eu
run=runs/reference-vanilla
if [ -e "$run" ]; then
    "$1" -m tf1gan.vanilla --resume "$run"
else
    "$1" -m tf1gan.vanilla --out "$run"
fi
rm -f samples/vanilla/*.png
cp "$run"/samples/*.png samples/vanilla/
cp "$run"/log.csv "$run"/losses.png "$run"/config.json "$run"/env.json experiments/vanilla/
"$1" experiments/fill_pages.py
rm -r "$run"
