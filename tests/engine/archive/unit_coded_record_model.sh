# What coded records stand for is what the decoder in Python makes of them, which was written from the pages alone.
source "$(dirname "$0")/../../common.sh"
needs "$python"
model="$root/tests/engine/archive/coded_record_model.py"
for case in 0 1 2 3 4 5 6 7 8; do
    "$built/unit_coded_record" write $case lzma.siren coded.siren || fail "case $case"
    "$python" "$model" lzma.siren coded.siren || fail "case $case"
done
"$python" "$model" "$root/tests/golden/slices.siren" "$root/tests/golden/coded.siren" || fail "tests/golden/coded.siren"
