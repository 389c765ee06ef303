# sirencl phantom: the files it writes, what it refuses, and that it leaves nothing behind.
source "$(dirname "$0")/../common.sh"
make() { expect "$1" '' "$sirencl" phantom "${@:2}"; } # STATUS arguments...
n_made() { ls -A | grep -vc '\.txt$'; }

make 0 --help
grep -q -- --shells stdout.txt || fail "--help does not name --shells"

make 0 a.nii --dims 16x18x10 --shells 0:2,1000:7 --quiet
[ ! -s stdout.txt ] || fail "--quiet printed: $(cat stdout.txt)"
for file in a.nii a.bval a.bvec a_mask.nii a_wm.nii a_gm.nii a_csf.nii a_fa.nii a_md.nii; do
    [ -s $file ] || fail "$file is missing"
done
[ "$(n_made)" = 9 ] || fail "unexpected files: $(ls -A)"
[ "$(stat -c %s a.nii)" = $((352 + 16 * 18 * 10 * 9 * 2)) ] || fail "a.nii has $(stat -c %s a.nii) bytes"
[ "$(stat -c %s a_mask.nii)" = $((352 + 16 * 18 * 10)) ] || fail "a_mask.nii has $(stat -c %s a_mask.nii) bytes"
[ "$(stat -c %s a_fa.nii)" = $((352 + 16 * 18 * 10 * 4)) ] || fail "a_fa.nii has $(stat -c %s a_fa.nii) bytes"
[ "$(wc -w <a.bval)" = 9 ] || fail "a.bval: $(cat a.bval)"
[ "$(wc -l <a.bvec)" = 3 ] && [ "$(wc -w <a.bvec)" = 27 ] || fail "a.bvec is not 3 x 9"

# The masks part the brain: bytes of wm + gm + csf equal those of the mask.
paste <(voxels a_mask.nii u1) <(voxels a_wm.nii u1) <(voxels a_gm.nii u1) <(voxels a_csf.nii u1) |
    awk '$1 != $2 + $3 + $4 { bad++ } { n += $1 } END { exit bad > 0 || n < 100 }' || fail "the masks do not part the brain"

# The same options give the same bytes, .nii.gz and threads included.
make 0 b.nii.gz --dims 16x18x10 --shells 0:2,1000:7 --nthreads 3
gzip -dc b.nii.gz | cmp - a.nii || fail "b.nii.gz differs from a.nii"
gzip -dc b_md.nii.gz | cmp - a_md.nii || fail "b_md.nii.gz differs from a_md.nii"
cmp a.bvec b.bvec || fail "the directions differ"
make 0 b.nii.gz --dims 16x18x10 --shells 0:2,1000:7 --seed 2 --force
! gzip -dc b.nii.gz | cmp -s - a.nii || fail "another seed made the same series"

# Refusals, each before anything is written.
before=$(ls -A | cksum)
make 2 a.nii --dims 16x18x10
for wrong in "--dims 8x8" "--dims 8x8x0" "--dims 8x8x4x2" "--dims 99999x8x8" "--shells 0" "--shells 0:0" "--shells 0:5000" \
    "--shells 99999:2" "--snr -3" "--snr nan" "--snr x" "--seed -1" "--seed 1.5" "--datatype int8" "--voxel -1" "--voxel 1e-9" "--bogus" "--seed"; do
    # shellcheck disable=SC2086
    make 2 c.nii $wrong
done
make 2
make 2 c.nii d.nii
make 2 c.txt
make 1 missing/c.nii --dims 8x8x4
touch c_fa.nii && before=$(ls -A | cksum)
make 2 c.nii --dims 8x8x4
[ "$(ls -A | cksum)" = "$before" ] || fail "a refusal left files: $(ls -A)"
rm c_fa.nii

# The disk is full: an error, and no part of the set stays.
(
    trap '' XFSZ
    ulimit -f 20 # blocks of 1024 bytes
    make 1 d.nii --dims 40x40x20 --shells 0:3 --quiet
) || exit 1
ls d* >/dev/null 2>&1 && fail "files of a failed run stayed: $(ls d*)"

# A name that is taken while the phantom is made is not replaced, and what had appeared of the set goes.
"$sirencl" phantom g.nii --dims 72x72x48 2>stderr.txt >stdout.txt &
for _ in $(seq 500); do grep -q anatomy stderr.txt && break; sleep 0.01; done
touch g_md.nii
ends_with 2
[ "$(echo g*)" = g_md.nii ] && [ ! -s g_md.nii ] || fail "a name taken meanwhile: left $(ls -l g*)"

# Stored types and noise-free series.
make 0 e.nii --dims 8x8x4 --datatype float32 --snr inf --shells 0:1
[ "$(stat -c %s e.nii)" = $((352 + 8 * 8 * 4 * 4)) ] || fail "e.nii has $(stat -c %s e.nii) bytes"
make 0 f.nii --dims 1x9x7 --datatype uint16 --shells 0:1,700:1
echo "all phantom checks passed"
