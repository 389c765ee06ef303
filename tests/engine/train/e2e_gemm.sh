# --gemm: CLBlast multiplies in training where it is asked to, names itself, gives the same bytes again, and changes no decoded
# bit of another archive.
source "$(dirname "$0")/../../common.sh"
has_device || skip "no OpenCL device"
phantom --dims 30x20x2 --shells 0:3 p.nii
small="--layers 2 --width 32 --epochs 60 --force"
# compress NAME OPTIONS...
compress() {
    local name=$1
    shift
    # shellcheck disable=SC2086
    "$sirencl" compress --json $small "$@" p.nii "$name.siren" >"$name.json" 2>stderr.txt || fail "compress $*: $(cat stderr.txt)"
    [ -z "$(warnings)" ] || fail "compress $*"
}
compress plain
compress own --gemm own
compress auto --gemm auto
compress clblast --gemm clblast
compress again --gemm clblast
cmp own.siren plain.siren && cmp auto.siren plain.siren || fail "an untuned device does not use its own kernels"
cmp again.siren clblast.siren || fail "CLBlast gives other bytes again"
"$sirencl" info clblast.siren >info.txt
grep -q 'products *clblast [1-9]' info.txt && grep -q 'family *layer' info.txt || fail "the archive does not tell: $(cat info.txt)"
! tells clblast "$sirencl" info plain.siren || fail "the archive of our own kernels names CLBlast"
for device in "" "--device host"; do
    # shellcheck disable=SC2086
    "$sirencl" verify --quiet $device clblast.siren || fail "verify $device"
done
psnr() { sed -n 's/.*"psnr":[[:space:]]*\([0-9.]*\).*/\1/p' "$1.json"; }
awk -v a="$(psnr plain)" -v b="$(psnr clblast)" 'BEGIN { exit !(a > 10 && a - b < 0.2 && b - a < 0.2) }' ||
    fail "PSNR $(psnr clblast) by CLBlast, $(psnr plain) by our own kernels"

# shellcheck disable=SC2086
"$sirencl" compress --profile --gemm clblast $small p.nii profiled.siren >table.txt || fail "compress --profile"
grep -q "device CLBlast's Sgemm" table.txt || fail "the profile does not tell: $(cat table.txt)"
cmp profiled.siren clblast.siren || fail "--profile makes another archive"

"$sirencl" selftest --quiet --gemm clblast || fail "selftest --gemm clblast"
"$sirencl" bench --json --gemm clblast --layers 1 --width 16 --volumes 3 --points 96 --steps 1 >bench.json || fail "bench --gemm clblast"
grep -q '"family":[[:space:]]*"layer, clblast [1-9]"' bench.json || fail "bench does not tell: $(cat bench.json)"
cat >e.json <<JSON
{"input": "p.nii", "epochs": 5, "grid": {"model": ["siren-2d"], "layers": [1], "width": [16]}}
JSON
"$sirencl" sweep --quiet --gemm clblast e.json -o run || fail "sweep --gemm clblast"
grep -q '"narrow":[[:space:]]*".*clblast [1-9]"' run/environment.json || fail "the run does not tell: $(cat run/environment.json)"
tells 'products *clblast' "$sirencl" info run/trials/*/archive.siren || fail "the sweep does not use CLBlast"

refused() { expect 2 "$1" "$sirencl" "${@:2}"; }
refused "--gemm is 'mkl' but must be auto, own or clblast" compress --gemm mkl p.nii no.siren
refused "--gemm is 'mkl'" bench --gemm mkl
refused "--gemm is 'mkl'" selftest --gemm mkl
refused "--gemm is 'mkl'" sweep --gemm mkl e.json -o other
refused "--gemm clblast and --matrix-units exclude each other" bench --gemm clblast --matrix-units
[ ! -e no.siren ] || fail "a refused compression left an archive"
echo "all checks passed"
