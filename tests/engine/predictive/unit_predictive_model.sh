# The decoder in Python, written from the pages alone, reads what the encoder made: all types, masks, bounds and odd values.
source "$(dirname "$0")/../../common.sh"
needs "$python"
for number in $(seq 0 59); do
    "$built/unit_predictive" write "$number" || fail "case $number"
    "$python" "$root/tests/engine/predictive/predictive_model.py" plan mask voxels bytes || fail "case $number: $(cat plan)"
done
