# sirencl compress --mask: what is printed, restored and refused; --mask auto with MRtrix3's dwi2mask where it is installed, and
# with scripts that stand in for one that is missing or fails.
set -u
sirencl=$1
programs=$PATH # where sirencl finds dwi2mask
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mkdir none bad temporary
export TMPDIR=$folder/temporary
fail() { echo "FAILED: $*" >&2; exit 1; }
# expect CODE PART arguments...: the exit code of compress; PART in what is said on stderr
expect() {
    local code=$1 part=$2 got
    shift 2
    PATH=$programs "$sirencl" compress --width 16 --layers 1 --epochs 3 "$@" >stdout.txt 2>stderr.txt
    got=$?
    [ "$got" = "$code" ] || fail "$*: exit code $got, expected $code: $(cat stderr.txt)"
    [ -z "$part" ] || grep -qF -- "$part" stderr.txt || fail "$*: '$part' is not in: $(cat stderr.txt)"
    [ "$code" = 0 ] || [ ! -e refused.siren ] || fail "$*: left an archive"
    [ -z "$(ls -A temporary)" ] || fail "$*: left $(ls -A temporary)"
}
number() { sed -n "s/^.*\"$2\":[^0-9-]*\([0-9.e+-]*\).*/\1/p" "$1" | head -1; } # FILE KEY: of JSON
"$sirencl" phantom p.nii --dims 40x44x12 --shells 0:2,1000:8 --quiet || fail "phantom"

# A mask's file.
expect 0 '' --mask p_mask.nii p.nii a.siren
grep -q '^  mask  *[0-9.]* % of the voxels; the others come back as 0' stdout.txt || fail "no mask in: $(cat stdout.txt)"
"$sirencl" info --json a.siren >info.json || fail "info"
inside=$(tail -c +353 p_mask.nii | od -An -v -tu1 -w1 | awk '{ n += $1 } END { print n }')
[ "$(number info.json inside)" = "$inside" ] || fail "info says $(number info.json inside) inside, the mask $inside"
"$sirencl" info a.siren | grep -q '^  mask .* are stored' || fail "info without a mask"
"$sirencl" decompress a.siren back.nii --quiet && "$sirencl" verify a.siren --quiet || fail "decompress or verify"
voxels() { tail -c +353 "$1" | od -An -v -t"$2" -w"${2#?}"; } # FILE TYPE
volumes() { for _ in 1 2 3 4 5 6 7 8 9 10; do voxels p_mask.nii u1; done; }
paste <(volumes) <(voxels back.nii d2) | awk '$1 == 0 && $2 != 0 { bad++ } $1 { n++ } END { exit bad > 0 || n < 1000 }' ||
    fail "the background is not 0"

# What cannot be a mask.
expect 2 'give images of one grid' --mask p.nii p.nii refused.siren
expect 1 'absent.nii' --mask absent.nii p.nii refused.siren

# Without the program, with one that fails, with one that makes no mask.
programs=$folder/none
expect 4 'dwi2mask of MRtrix3 is not installed' --mask auto p.nii refused.siren
programs=$folder/bad:$PATH
printf '#!/bin/sh\necho "no b=0 images" >&2\nexit 1\n' >bad/dwi2mask
chmod +x bad/dwi2mask
expect 1 'no b=0 images' --mask auto p.nii refused.siren
printf '#!/bin/sh\nexit 0\n' >bad/dwi2mask
expect 1 'mask.nii' --mask auto p.nii refused.siren

# What it leaves beside its mask goes, also where a second signal ends compress while it pays no heed to the first.
cat >bad/dwi2mask <<'EOF'
#!/bin/sh
for mask; do :; done
mkdir -p "$(dirname "$mask")/more" && echo x >"$(dirname "$mask")/more/files"
[ ! -e "$TMPDIR/../wait" ] && exit 1
trap '' INT TERM
touch "$TMPDIR/../started"
while :; do sleep 0.1; done
EOF
expect 1 'exit code 1' --mask auto p.nii refused.siren
touch wait
PATH=$programs "$sirencl" compress --mask auto --width 16 --layers 1 --epochs 3 p.nii refused.siren >stdout.txt 2>stderr.txt &
pid=$!
for _ in $(seq 300); do [ -e started ] && break; sleep 0.1; done
[ -e started ] || fail "dwi2mask was not started: $(cat stderr.txt)"
[ -n "$(ls -A temporary)" ] || fail "no temporary folder"
kill -TERM $pid && sleep 0.1 && kill -TERM $pid
wait $pid
[ $? = 130 ] || fail "two signals: $(cat stderr.txt)"
[ ! -e refused.siren ] && [ -z "$(ls -A temporary)" ] || fail "two signals: left $(ls -A temporary)"
programs=$PATH
command -v dwi2mask >/dev/null || { echo "dwi2mask is not installed: the rest is not tested"; exit 0; }
cp p.nii alone.nii
expect 2 'alone.bval' --mask auto alone.nii refused.siren
expect 0 '' --mask auto p.nii b.siren
dwi2mask -quiet -fslgrad p.bvec p.bval p.nii m.nii || fail "dwi2mask"
expect 0 '' --mask m.nii p.nii c.siren
cmp b.siren c.siren || fail "--mask auto differs from the mask that dwi2mask makes"
expect 0 '' --mask auto --bval p.bval --bvec p.bvec alone.nii d.siren
