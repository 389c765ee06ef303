# An archive made on the default device decodes to the same bits under Oclgrind, an independent OpenCL implementation
# that also watches memory accesses and races.
set -eu
sirencl=$1
command -v oclgrind > /dev/null || { echo "skipped: oclgrind is not installed"; exit 77; }
if ldd "$sirencl" | grep -q libasan; then echo "skipped: Oclgrind cannot be preloaded into a sanitized program"; exit 77; fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$sirencl" phantom "$folder/p.nii" --dims 12x10x2 --shells 0:1,1000:6 --snr 20 --seed 1 --quiet
"$sirencl" compress "$folder/p.nii" "$folder/p.siren" --width 20 --layers 2 --epochs 20 --quiet
oclgrind --data-races --uninitialized "$sirencl" verify "$folder/p.siren" --device 0:0 > "$folder/log" 2>&1 || { cat "$folder/log"; exit 1; }
cat "$folder/log"
grep -q "Oclgrind Simulator" "$folder/log"
! grep -Eq "uninitialized|data race|Invalid|error" "$folder/log"
