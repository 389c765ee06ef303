# What the transform model's bytes stand for is what the decoder in Python makes of them, which was written from docs/transform.md, docs/context-transform.md and docs/restoration.md alone.
source "$(dirname "$0")/../../common.sh"
needs "$python"
for case in 0 1 2 3 4 5 6 7 8 9 10 11; do
    "$built/unit_transform" write $case case.bin || fail "case $case"
    "$python" "$root/tests/engine/transform/transform_model.py" case.bin || fail "case $case"
done
for case in 0 1 2 3 4 5 6; do
    "$built/unit_transform_context" write $case case.bin || fail "case $case with a network"
    "$python" "$root/tests/engine/transform/transform_model.py" case.bin || fail "case $case with a network"
done
for case in 0 1 2 3 4; do
    "$built/unit_restoration" write $case case.bin || fail "case $case with restoration"
    "$python" "$root/tests/engine/transform/transform_model.py" case.bin || fail "case $case with restoration"
done
"$python" "$root/tests/engine/transform/transform_model.py" "$root/tests/golden/transform.bin" || fail "tests/golden/transform.bin"
