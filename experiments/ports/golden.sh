#!/bin/sh
# Makes the golden traces inside the package, and the two saturated ones here: make golden
#   golden.sh PYTHON
# dcgan has seed 1: with seed 0 the sign of a LeakyReLU's input in its second step hangs on the
# last bits, so that right ports differ by percents. It is the first seed of which they do not.
set -eu
new=$(mktemp -d)    # put in place together, so that each names a clean commit
for name in vanilla collapse conditional minimax dcgan; do
    seed=0
    [ $name != dcgan ] || seed=1
    "$1" -m tf1gan.record $name --small --threads 1 --seed $seed --out "$new/$name.npz"
done
for name in vanilla minimax; do
    "$1" -m tf1gan.record $name --small --threads 1 --steps 2 --learning-rate 1000 \
        --out "$new/saturated_$name.npz"
done
mv "$new"/saturated_*.npz experiments/ports/
mv "$new"/*.npz tf1gan/golden/
rmdir "$new"
