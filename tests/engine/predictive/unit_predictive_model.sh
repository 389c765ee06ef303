# The decoders in Python, written from the pages alone, read what the encoder made: all types, masks, bounds and odd values, without
# a network and, those of odd numbers, with one.
source "$(dirname "$0")/../../common.sh"
needs "$python"
for number in $(seq 0 59); do
    "$built/unit_predictive" write "$number" || fail "case $number"
    if test "$((number % 2))" = 1; then
        "$python" "$root/tests/engine/context/context_model.py" plan mask voxels bytes network
    else
        "$python" "$root/tests/engine/predictive/predictive_model.py" plan mask voxels bytes
    fi || fail "case $number: $(cat plan)"
done
