#!/bin/sh
# Makes the committed run of the DCGAN tutorial: make reference-dcgan
#   reference.sh PYTHON
# Interrupted, it goes on where it was when it is called again.
set -eu
run=runs/reference-dcgan
if [ -e "$run" ]; then
    "$1" -m tf1gan.dcgan --resume "$run"
else
    "$1" -m tf1gan.dcgan --out "$run"
fi
mkdir -p samples/dcgan
rm -f samples/dcgan/*.png
cp "$run"/samples/*.png samples/dcgan/
cp "$run"/log.csv "$run"/losses.png "$run"/config.json "$run"/env.json experiments/dcgan/
"$1" experiments/fill_pages.py
rm -r "$run"
