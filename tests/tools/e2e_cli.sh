# sirencl: help, wrong usage, missing files, no device, refusing to overwrite, and the keys of --json.
source "$(dirname "$0")/../common.sh"
# siren STATUS PART arguments...
siren() {
    expect "$1" "$2" "$sirencl" "${@:3}"
    [ "$1" = 0 ] || [ ! -s stdout.txt ] || fail "$*: wrote to stdout: $(cat stdout.txt)"
}

# Help and names.
siren 0 '' --help
commands=$(sed -n '/^Commands:/,/^$/s/^  \([a-z]\+\) .*/\1/p' stdout.txt)
[ "$(wc -L <stdout.txt)" -le 80 ] || fail "--help has long lines"
for command in compress decompress info verify compare evaluate panel glyphs sweep devices selftest bench tune phantom report plan; do
    grep -qx "$command" <<<"$commands" || fail "--help does not name $command"
done
for command in $commands; do
    siren 0 '' "$command" --help
    grep -q "^Usage: sirencl $command \[OPTIONS\]" stdout.txt || fail "$command --help: $(cat stdout.txt)"
    [ "$(wc -L <stdout.txt)" -le 80 ] || fail "$command --help has long lines"
    cp stdout.txt help.txt
    siren 0 '' "$command" -h --bogus
    cmp -s stdout.txt help.txt || fail "$command -h differs from --help"
    siren 0 '' help "$command"
    cmp -s stdout.txt help.txt || fail "help $command differs from --help"
    siren 2 "sirencl $command: unknown option --bogus" "$command" --bogus
    siren 2 "(did you mean --nthreads?)" "$command" --nthread 2
done
siren 0 '' --version
grep -Eq '^sirencl [0-9]+\.[0-9]+\.[0-9]+$' stdout.txt || fail "--version: $(cat stdout.txt)"
siren 2 "unknown command 'compres' (did you mean compress?)" compres
siren 2 "unknown command 'quux'" quux
"$sirencl" >stdout.txt 2>stderr.txt && fail "no command"
[ $? = 2 ] && grep -q '^Usage:' stderr.txt || fail "no command: $(cat stderr.txt)"

# Wrong usage.
siren 2 "a file name is missing" compress
siren 2 "file names are missing" compare
siren 2 "a file name is missing" compare a.nii
siren 2 "'c' is too much" compare a.nii b.nii c
siren 2 "a file name is empty, as where a variable is not set: usage: sirencl compress" compress ''
for command in compress decompress; do
    siren 2 "--output is empty, as where a variable is not set; give --output DIR" $command p.nii -o ''
done
siren 2 "--output is empty" view a.siren --output=
siren 2 "--mask is empty" compress --mask '' a.nii b.siren
siren 2 "--width is 8 but must be from 16 to 1024" compress --width 8 a.nii b.siren
siren 2 "--layers is 0 but" compress --layers 0 a.nii b.siren
siren 2 "--epochs is 'many'" compress --epochs many a.nii b.siren
siren 2 "--lr is" compress --lr=-1 a.nii b.siren
siren 2 "--weights is 'int5' but must be float32 or one of int6 to int12" compress --weights int5 a.nii b.siren
siren 2 "--slices is 5:5, an empty range" decompress --slices 5:5 a.siren b.nii
siren 2 "--volumes is 'x'" decompress --volumes x a.siren b.nii
siren 2 "--memory is 'much'" compare --memory much a.nii b.nii
siren 2 "device host only decodes" compress --device host a.nii b.siren
siren 2 "--json takes no value" info --json=1 a.siren

# A phantom, and what one can do to it without a device.
siren 0 '' phantom --dims 14x12x3 --shells 0:1,1000:6 --quiet -force p.nii
siren 1 "missing.nii" compress missing.nii a.siren
[ ! -e a.siren ] || fail "an archive of a missing image"
siren 1 "missing.siren" info missing.siren
siren 1 "missing.siren" verify missing.siren
siren 1 "missing.siren" decompress missing.siren a.nii
[ ! -e a.nii ] || fail "an image of a missing archive"
siren 1 "missing.nii" compare missing.nii p.nii
siren 3 "p.nii" info p.nii
siren 3 "p.bval" compare p.bval p.nii

small="--layers 1 --width 16 --epochs 3"
# shellcheck disable=SC2086
siren 0 '' compress $small p.nii a.siren
grep -q 'ratio' stdout.txt || fail "compress printed no ratio: $(cat stdout.txt)"
grep -q 'PSNR' stdout.txt || fail "compress printed no PSNR: $(cat stdout.txt)"
sum=$(cksum <a.siren)
# shellcheck disable=SC2086
siren 2 "a.siren: exists already" compress $small p.nii a.siren
[ "$(cksum <a.siren)" = "$sum" ] || fail "a refused compress changed the archive"
# shellcheck disable=SC2086
siren 0 '' compress $small -force -quiet -nthreads 1 p.nii a.siren
[ ! -s stdout.txt ] && [ ! -s stderr.txt ] || fail "-quiet printed: $(cat stdout.txt stderr.txt)"
[ "$(cksum <a.siren)" = "$sum" ] || fail "one thread makes other bytes"
siren 2 "p.nii: exists already" decompress a.siren p.nii
siren 2 "ends in neither" decompress a.siren out.img
siren 2 "slices" decompress --slices 2:9 a.siren out.nii
siren 2 "volumes" decompress --volumes 7 a.siren out.nii
siren 0 '' phantom --quiet --dims 64x64x8 --shells 0:20 large.nii
# shellcheck disable=SC2086
siren 4 "large.nii" compress $small --memory 1M large.nii b.siren
siren 4 "large.nii" compare --memory 1M large.nii large.nii
[ ! -e b.siren ] || fail "an archive of a series beyond --memory"
siren 6 "nothing like this" verify --device "nothing like this" a.siren
SIRENCL_DEVICE="nothing like this" siren 6 "nothing like this" verify a.siren

# What a new user should hear: the ratio to the file, that an archive is larger than it, and that training went wrong.
siren 0 'larger.siren: is larger than p.nii' compress --force-larger --layers 1 --width 1024 --epochs 1 p.nii larger.siren
grep -q ', 0\.[0-9]* to the file$' stdout.txt || fail "no ratio to the file: $(cat stdout.txt)"
siren 0 '3 of 3 networks with little more than a mean' compress --force-larger --width 64 --epochs 60 --lr 0.03 p.nii astray.siren
siren 0 '' compress --force-larger --layers 2 --width 64 --epochs 200 --lr 3e-3 p.nii sound.siren
! grep -q 'with little more' stderr.txt || fail "a training that went well: $(cat stderr.txt)"
siren 0 '' compress -h
[ "$(grep -n '^Rarely needed:' stdout.txt | cut -d: -f1)" -gt "$(grep -n '^  --epochs' stdout.txt | cut -d: -f1)" ] || fail "rare options are not last"

# Without any platform: training says what to install, decoding goes on on the host.
export OCL_ICD_VENDORS=/nonexistent
siren 6 "OCL_ICD_VENDORS" devices
siren 6 "pocl-opencl-icd" devices --json
siren 6 "OCL_ICD_VENDORS" selftest
siren 6 "OCL_ICD_VENDORS" bench
siren 6 "OCL_ICD_VENDORS" tune
# shellcheck disable=SC2086
siren 6 "OCL_ICD_VENDORS" compress $small p.nii b.siren
[ ! -e b.siren ] || fail "an archive without a device"
siren 6 "OCL_ICD_VENDORS" verify --device cpu a.siren
siren 0 '' verify a.siren
grep -q 'warning: no OpenCL platform .*decoding on the host' stderr.txt || fail "no warning of the host decoder: $(cat stderr.txt)"
siren 0 '' verify --device host a.siren
! grep -q warning stderr.txt || fail "--device host warns: $(cat stderr.txt)"
grep -q 'on the host' stdout.txt || fail "verify does not tell the device: $(cat stdout.txt)"
SIRENCL_DEVICE=host siren 2 "device host only decodes" compress p.nii b.siren
SIRENCL_DEVICE=host siren 0 '' decompress --quiet a.siren host.nii
unset OCL_ICD_VENDORS
siren 0 '' decompress --quiet a.siren device.nii
cmp host.nii device.nii || fail "host and device decode to different bits"

# A closed standard output is an error, not a silence.
"$sirencl" info a.siren >/dev/full 2>stderr.txt && fail "a full standard output"
[ $? = 1 ] || fail "a full standard output: $(cat stderr.txt)"

# --json.
python_has json || { skip_part "--json: there is no $python"; exit 0; }
keys() { # FILE KEY...: a JSON object with all of them
    "$python" - "$@" <<'PYTHON' || fail "keys of $1: $(cat "$1")"
import json, sys
data = json.load(open(sys.argv[1]), parse_constant=lambda name: sys.exit("not JSON: " + name))
sys.exit([key for key in sys.argv[2:] if key not in data] or 0)
PYTHON
}
siren 0 '' info --json a.siren
keys stdout.txt bytes ratio ratio_float32 psnr slices dims volumes datatype layers params weights attachments provenance
"$python" - stdout.txt "$(stat -c %s a.siren)" <<'PYTHON' || fail "info --json: $(cat stdout.txt)"
import json, sys
info = json.load(open(sys.argv[1]))
assert info["bytes"] == int(sys.argv[2])
assert info["dims"] == [14, 12, 3] and info["volumes"] == 7 and info["datatype"] == "int16"
assert abs(info["ratio"] - 14 * 12 * 3 * 7 * 2 / info["bytes"]) < 1e-9
assert abs(info["ratio_float32"] - 2 * info["ratio"]) < 1e-9
assert [s["slice"] for s in info["slices"]] == [0, 1, 2]
assert all(set(s) == {"slice", "psnr", "mse", "bytes"} for s in info["slices"])
assert abs(info["psnr"] - sum(s["psnr"] for s in info["slices"]) / 3) < 1e-9
assert [l["width"] for l in info["layers"]] == [16, 7]
assert info["params"] == 2 * 16 + 16 + 16 * 7 + 7
assert info["provenance"]["epochs"] == "3" and info["kind"] == "slice"
PYTHON

# Volumes and patches.
# shellcheck disable=SC2086
siren 0 '' compress $small --model siren-3d p.nii v.siren
grep -q 'of the whole volume' stdout.txt || fail "compress --model siren-3d: $(cat stdout.txt)"
siren 0 '' verify v.siren
grep -q '1 volume decodes' stdout.txt || fail "verify v.siren: $(cat stdout.txt)"
# shellcheck disable=SC2086
siren 0 '' compress $small --model siren-3d --blocks patch:8x8x2 p.nii patches.siren
siren 0 '' verify patches.siren
grep -q '8 patches decode' stdout.txt || fail "verify patches.siren: $(cat stdout.txt)"
siren 0 '' info --verbose patches.siren
grep -q '8 patches of up to 8 x 8 x 2 voxels' stdout.txt || fail "info patches.siren: $(cat stdout.txt)"
siren 0 '' info --json patches.siren
"$python" - stdout.txt <<'PYTHON' || fail "info --json: $(cat stdout.txt)"
import json, sys
info = json.load(open(sys.argv[1]))
assert info["kind"] == "patch" and "slices" not in info
assert all(set(b) == {"index", "first", "size", "psnr", "mse", "bytes"} for b in info["blocks"])
assert [b["index"] for b in info["blocks"]] == list(range(8))
assert info["blocks"][7]["first"] == [8, 8, 2] and info["blocks"][7]["size"] == [6, 4, 1]
PYTHON
# shellcheck disable=SC2086
for blocks in patch patch:8 patch:8x8 patch:8x8x8x8 patch:0x8x8 patch:8x-8x8 "patch:8x8x8 " slices ''; do
    siren 2 "--blocks is '$blocks' but must be" compress $small --model siren-3d --blocks "$blocks" p.nii none.siren
done
# shellcheck disable=SC2086
siren 2 "blocks of kind volume have 3" compress $small --blocks volume p.nii none.siren
# shellcheck disable=SC2086
siren 2 "blocks of kind slice have 2" compress $small --blocks slice --model siren-3d p.nii none.siren
siren 0 '' compare --json p.nii device.nii
keys stdout.txt mse psnr max_abs_error relative_error voxels
siren 0 '' compare --json --mask p_mask.nii p.nii p.nii
"$python" -c 'import json, sys
c = json.load(sys.stdin)
assert c["mse"] == 0 and c["max_abs_error"] == 0 and c["psnr"] is None and c["relative_error"] == 0' <stdout.txt ||
    fail "compare --json with itself: $(cat stdout.txt)"
siren 0 '' devices --json
"$python" -c 'import json, sys
for device in json.load(sys.stdin)["devices"]:
    assert {"name", "version", "driver", "compute_units", "global_bytes", "max_work_group", "family"} <= set(device)' <stdout.txt ||
    fail "devices --json: $(cat stdout.txt)"
siren 0 '' bench --json --layers 1 --width 16 --volumes 3 --points 96 --networks 2 --steps 1
keys stdout.txt device peak_gflops bandwidth_gbs processor_seconds step_bytes step_gflops step_share_of_peak decode_gflops step_seconds decode_crc
echo "all checks passed"
