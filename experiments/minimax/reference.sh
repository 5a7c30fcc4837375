#!/bin/sh
# Makes the committed runs of the minimax game: make reference-minimax
#   reference.sh PYTHON
# Interrupted, it goes on where it was when it is called again.
set -eu
mkdir -p samples/minimax/fixed
for objective in non-saturating saturating; do
    run=runs/reference-minimax-$objective
    if [ -e "$run" ]; then
        "$1" -m tf1gan.minimax --resume "$run"
    else
        "$1" -m tf1gan.minimax --objective "$objective" --out "$run"
    fi
    here=experiments/minimax/$objective
    mkdir -p "$here"
    cp "$run"/log.csv "$run"/losses.png "$run"/config.json "$run"/env.json "$here"/
    for picture in "$run"/samples/*.png; do
        cp "$picture" "samples/minimax/${objective}_${picture##*/}"
    done
    for picture in "$run"/fixed/*.png; do
        cp "$picture" "samples/minimax/fixed/${objective}_${picture##*/}"
    done
done
"$1" experiments/fill_pages.py
rm -r runs/reference-minimax-non-saturating runs/reference-minimax-saturating
