# A sample of what tests/attack does in full: calls that fail, and archives with a bit flipped.
source "$(dirname "$0")/../common.sh"
needs cc "$python"
! is_sanitized || skip "a sanitizer does not stand a second library before its own"
build=$(dirname "$sirencl")
run cc -std=c11 -O1 -fPIC -shared "$root/tests/faults/refuse.c" -o refuse.so -ldl
"$python" "$root/tests/faults/refuse.py" "$sirencl" refuse.so --most 1 >refused.txt || fail "$(cat refused.txt)"
tail -n 1 refused.txt
"$python" "$root/tests/faults/flip.py" "$sirencl" "$build/libsirencl-decode.so" --every 7 >flipped.txt || fail "$(cat flipped.txt)"
tail -n 1 flipped.txt
echo "all checks passed"
