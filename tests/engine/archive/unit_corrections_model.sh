# What corrections stand for is what the decoder in Python makes of them, which was written from docs/range-coder.md alone.
source "$(dirname "$0")/../../common.sh"
needs "$python"
for case in 0 1 2 3 4 5 6 7 8 9; do
    "$built/unit_corrections" write $case case.bin || fail "case $case"
    "$python" "$root/tests/engine/archive/corrections_model.py" case.bin || fail "case $case"
done
