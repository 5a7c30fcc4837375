#!/bin/sh
# Makes the committed run of the conditional tutorial: make reference-conditional
#   reference.sh PYTHON
# It stops after 13 of the 50 epochs, what fitted in an hour. Interrupted, it goes on where
# it was when it is called again. The run itself stays in runs/reference-conditional, to go on with.
set -eu
run=runs/reference-conditional
if [ -e "$run" ]; then
    "$1" -m tf1gan.conditional --resume "$run" --max-steps 24375
else
    "$1" -m tf1gan.conditional --out "$run" --max-steps 24375
fi
rm -rf samples/conditional
cp -r "$run/samples" samples/conditional
cp -r "$run/fixed" samples/conditional/fixed
cp "$run"/log.csv "$run"/losses.png "$run"/config.json "$run"/env.json experiments/conditional/
for digit in 3 7; do
    "$1" -m tf1gan.latent "$run" --digit $digit --count 20 --out experiments/conditional
done
"$1" experiments/fill_pages.py
