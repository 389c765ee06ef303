# The range coder's bytes are those of the model in Python, which was written from docs/range-coder.md alone.
source "$(dirname "$0")/../../common.sh"
needs "$python"
model="$root/tests/engine/coding/range_coder_model.py"
for seed in 0 1 2 3 4 5; do
    "$built/unit_range_coder" write $seed steps bytes || fail "steps of seed $seed"
    "$python" "$model" check steps bytes || fail "seed $seed: the model reads or writes other bytes"
    "$python" "$model" write $seed steps bytes || fail "the model's seed $seed"
    "$built/unit_range_coder" read steps bytes || fail "seed $seed: the model's bytes are read differently"
done
