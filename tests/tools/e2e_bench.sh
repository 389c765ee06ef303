# sirencl bench --compare: saved measurements side by side, other bits flagged, and what is no measurement refused.
source "$(dirname "$0")/../common.sh"
refused() { expect "$1" "$2" "$sirencl" bench "${@:3}"; } # STATUS PART arguments...

small="--layers 1 --width 16 --volumes 3 --points 96 --steps 1"
for run in a b; do
    # shellcheck disable=SC2086
    "$sirencl" bench --json $small >$run.json || fail "bench $small"
done
"$sirencl" bench --compare a.json b.json a.json >stdout.txt || fail "three measurements of one device"
crc=$(sed -n 's/.*"decode_crc":[[:space:]]*"\([0-9a-f]*\)".*/\1/p' a.json)
[ "$(grep -c "$crc  " stdout.txt)" = 3 ] || fail "not three rows with the bits $crc: $(cat stdout.txt)"
grep -qF 'siren-2d 1x16, 3 outputs, 1 x 96 points; PSNR after 7 steps of adam' stdout.txt || fail "what was measured: $(cat stdout.txt)"
"$sirencl" bench --compare --json a.json b.json >stdout.txt || fail "--compare --json"
[ "$(grep -c '"same_bits":[[:space:]]*true' stdout.txt)" = 2 ] || fail "--compare --json: $(cat stdout.txt)"
[ "$(grep -c '"decode_values_per_second":[[:space:]]*[1-9]' stdout.txt)" = 2 ] || fail "--compare --json: $(cat stdout.txt)"

# Where matrix units cannot be used, a warning and the same measurement.
# shellcheck disable=SC2086
SIRENCL_DEVICE=cpu "$sirencl" bench --json --matrix-units $small >c.json 2>stderr.txt || fail "bench --matrix-units"
grep -q '^sirencl bench: warning: training without matrix units: ' stderr.txt || fail "no warning: $(cat stderr.txt)"
grep -q '"family":[[:space:]]*"chain"' c.json || fail "another family: $(cat c.json)"

# Other bits: the table with a mark, then the error.
sed 's/"decode_crc":[[:space:]]*"[0-9a-f]*/"decode_crc": "0123456789abcdef/' b.json >bits.json
refused 5 "bits.json: decoded to 0123456789abcdef, but a.json to $crc" --compare a.json bits.json
grep -q '0123456789abcdef!' stdout.txt || fail "other bits are not marked: $(cat stdout.txt)"
refused 5 "bits.json" --compare --json a.json bits.json
grep -q '"same_bits":[[:space:]]*false' stdout.txt || fail "other bits are not marked: $(cat stdout.txt)"

# What cannot be compared.
# shellcheck disable=SC2086
"$sirencl" bench --json --optimiser soap $small >soap.json || fail "bench --optimiser soap"
refused 2 "soap.json: optimiser is soap, but adam in a.json" --compare a.json soap.json
sed 's/"width":[[:space:]]*16/"width": 32/' b.json >width.json
refused 2 "width.json: width is 32, but 16 in a.json" --compare a.json width.json
sed 's/"siren-2d"/"mlp-tanh"/' b.json >model.json
refused 2 "model.json: model is mlp-tanh, but siren-2d in a.json" --compare a.json model.json
[ ! -s stdout.txt ] || fail "a table of what cannot be compared: $(cat stdout.txt)"
echo '{"device": "x"}' >other.json
refused 3 'other.json: has no "driver"' --compare a.json other.json
echo '[1, 2]' >list.json
refused 3 'list.json: has no "device"' --compare list.json a.json
sed 's/"psnr":[[:space:]]*[-0-9.e]*/"psnr": "good"/' b.json >text.json
refused 2 'text.json: psnr is "good"' --compare a.json text.json
head -c 100 a.json >cut.json
refused 3 "cut.json" --compare a.json cut.json
head -c 100 /dev/zero >zero.json
refused 3 "zero.json" --compare a.json zero.json
refused 1 "missing.json" --compare a.json missing.json
refused 2 "needs two files at least" --compare a.json
refused 2 "needs two files at least" --compare
refused 2 "'a.json' is too much: files are for --compare" a.json b.json
# shellcheck disable=SC2046
refused 2 "'a.json' is too much" --compare $(printf 'a.json %.0s' $(seq 33))
echo "all checks passed"

# A network on features.
"$sirencl" bench --features 5 --layers 1 --width 16 --points 300 --steps 3 >stdout.txt || fail "bench --features"
grep -q '^features .* % of peak: .* (5 features, 1x16, batches of 300 of 300 points)$' stdout.txt || fail "bench --features: $(cat stdout.txt)"
"$sirencl" bench --json --features 5 --layers 1 --width 16 --points 300 --steps 3 >stdout.txt || fail "bench --features --json"
grep -q '"step_share_of_peak":[[:space:]]*[0-9]' stdout.txt || fail "bench --features --json: $(cat stdout.txt)"
refused 2 "from 1 to 256" --features 257
