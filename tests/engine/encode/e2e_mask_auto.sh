# sirencl compress --mask: what is printed, restored and refused; --mask auto with MRtrix3's dwi2mask where it is installed, and
# with scripts that stand in for one that is missing or fails.
source "$(dirname "$0")/../../common.sh"
programs=$PATH # where sirencl finds dwi2mask
mkdir none bad temporary
export TMPDIR=$folder/temporary
compress() { # CODE PART arguments...
    expect "$1" "$2" env PATH="$programs" "$sirencl" compress --width 16 --layers 1 --epochs 3 "${@:3}"
    [ ! -e refused.siren ] || fail "$*: left an archive"
    [ -z "$(ls -A temporary)" ] || fail "$*: left $(ls -A temporary)"
}
phantom p.nii --dims 40x44x12 --shells 0:2,1000:8

# A mask's file.
compress 0 '' --mask p_mask.nii p.nii a.siren
grep -q '^  mask  *[0-9.]* % of the voxels; the others come back as 0' stdout.txt || fail "no mask in: $(cat stdout.txt)"
"$sirencl" info --json a.siren >info.json || fail "info"
inside=$(voxels p_mask.nii u1 | awk '{ n += $1 } END { print n }')
grep -q "\"inside\":[[:space:]]*$inside\b" info.json || fail "info does not say that $inside are inside: $(cat info.json)"
tells '^  mask .* stored' "$sirencl" info a.siren || fail "info without a mask"
"$sirencl" decompress a.siren back.nii --quiet && "$sirencl" verify a.siren --quiet || fail "decompress or verify"
volumes() { for _ in 1 2 3 4 5 6 7 8 9 10; do voxels p_mask.nii u1; done; }
paste <(volumes) <(voxels back.nii d2) | awk '$1 == 0 && $2 != 0 { bad++ } $1 { n++ } END { exit bad > 0 || n < 1000 }' ||
    fail "the background is not 0"

# What cannot be a mask.
compress 2 'p.nii: the mask has 40 x 44 x 12 voxels in 10 volumes, but p.nii has 40 x 44 x 12' --mask p.nii p.nii refused.siren
compress 1 'absent.nii' --mask absent.nii p.nii refused.siren

# Without the program, with one that fails, with one that makes no mask.
programs=$folder/none
compress 4 'dwi2mask of MRtrix3 is not installed' --mask auto p.nii refused.siren
programs=$folder/bad:$PATH
printf '#!/bin/sh\necho "no b=0 images" >&2\nexit 1\n' >bad/dwi2mask
chmod +x bad/dwi2mask
compress 1 'no b=0 images' --mask auto p.nii refused.siren
printf '#!/bin/sh\nexit 0\n' >bad/dwi2mask
compress 1 'mask.nii' --mask auto p.nii refused.siren

# Every command that takes a mask has one made: what stands in for the program gives the phantom's.
printf '#!/bin/sh\nfor mask; do :; done\ncp %s/p_mask.nii "$mask"\n' "$folder" >bad/dwi2mask
with_mask() { run env PATH="$programs" "$sirencl" "$@"; [ -z "$(ls -A temporary)" ] || fail "$*: left $(ls -A temporary)"; }
for mask in auto p_mask.nii; do
    with_mask compare p.nii back.nii --mask $mask --json && cp stdout.txt compare-$mask.json
    with_mask evaluate p.nii back.nii --mask $mask --json --no-diffusion -o evaluation-$mask && cp stdout.txt evaluation-$mask.json
done
cmp compare-auto.json compare-p_mask.nii.json && cmp evaluation-auto.json evaluation-p_mask.nii.json || fail "--mask auto is another mask"
if has gnuplot; then with_mask panel p.nii back.nii --mask auto -o panel; fi

# Experiments, too; a run that goes on takes the mask that it has.
cat >experiment.json <<'EOF'
{"input": {"image": "p.nii", "mask": "auto", "mask_use": "train"}, "epochs": 3, "grid": {"model": "siren-2d", "layers": 1, "width": 16}}
EOF
with_mask sweep experiment.json --dry-run
with_mask sweep experiment.json -o run --device cpu
cmp run/inputs/p_mask.nii p_mask.nii || fail "the mask of an experiment"
grep -q '"mask_use":[[:space:]]*"train"' run/experiment.json && grep -qr psnr_masked run/summary.csv || fail "the mask is not used"
sed 's/"auto"/"p_mask.nii"/' experiment.json >given.json
with_mask sweep given.json -o given --device cpu
cmp run/summary.csv given/summary.csv || fail "another mask"
printf '#!/bin/sh\nexit 1\n' >bad/dwi2mask
with_mask sweep experiment.json -o run --device cpu
expect 1 'exit code 1' env PATH="$programs" "$sirencl" sweep experiment.json -o another --device cpu
mkdir -p own/inputs && echo mine >own/inputs/p_mask.nii
expect 2 'p_mask.nii: exists and was not made by a sweep' env PATH="$programs" "$sirencl" sweep experiment.json -o own --device cpu

# A divided sweep makes its mask once, whoever comes first: here each call would make another one. A part that is ended meanwhile leaves
# it to the next.
cat >bad/dwi2mask <<EOF
#!/bin/sh
for mask; do :; done
echo >>$folder/calls
while [ -e $folder/slow ]; do touch $folder/started; sleep 0.05; done
cp $folder/p_mask.nii "\$mask" && printf '\001' | dd of="\$mask" bs=1 seek=\$((352 + \$(wc -l <$folder/calls))) conv=notrunc status=none
EOF
part() { exec env PATH="$programs" "$sirencl" sweep experiment.json -o "$1" --device cpu --quiet --part "$2"; }
mkdir divided && touch slow
part divided 1/2 2>first.txt &
first=$!
for _ in $(seq 300); do [ -e started ] && break; sleep 0.1; done
[ -e started ] || fail "dwi2mask was not started: $(cat first.txt)"
part divided 2/2 2>second.txt &
second=$!
sleep 0.5
kill -TERM $first
code=0; wait $first || code=$?
[ $code = 130 ] && [ ! -e divided/inputs/p_mask.nii ] || fail "a part that was ended: exit code $code: $(cat first.txt)"
part divided 1/2 2>first.txt &
first=$!
rm slow
wait $first || fail "the part once again: $(cat first.txt)"
wait $second || fail "the other part: $(cat second.txt)"
[ "$(wc -l <calls)" = 2 ] || fail "the mask was made $(($(wc -l <calls) - 1)) times"
[ -z "$(ls -A temporary)" ] || fail "parts left $(ls -A temporary)"
with_mask sweep --finish experiment.json -o divided --device cpu
[ "$(wc -l <calls)" = 2 ] || fail "--finish made another mask"
sed "s|\"auto\"|\"divided/inputs/p_mask.nii\"|" experiment.json >given.json
with_mask sweep given.json -o given2 --device cpu
cmp divided/summary.csv given2/summary.csv || fail "divided: another mask"
rm started

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
compress 1 'exit code 1' --mask auto p.nii refused.siren
touch wait
PATH=$programs "$sirencl" compress --mask auto --width 16 --layers 1 --epochs 3 p.nii refused.siren >stdout.txt 2>stderr.txt &
pid=$!
for _ in $(seq 300); do [ -e started ] && break; sleep 0.1; done
[ -e started ] || fail "dwi2mask was not started: $(cat stderr.txt)"
[ -n "$(ls -A temporary)" ] || fail "no temporary folder"
kill -TERM $pid && sleep 0.1 && kill -TERM $pid
code=0; wait $pid || code=$?
[ "$code" = 130 ] || fail "two signals: $(cat stderr.txt)"
[ ! -e refused.siren ] && [ -z "$(ls -A temporary)" ] || fail "two signals: left $(ls -A temporary)"
programs=$PATH
has dwi2mask || { skip_part "--mask auto with dwi2mask: it is not installed"; exit 0; }
cp p.nii alone.nii
compress 2 'alone.bval' --mask auto alone.nii refused.siren
compress 0 '' --mask auto p.nii b.siren
dwi2mask -quiet -fslgrad p.bvec p.bval p.nii m.nii || fail "dwi2mask"
compress 0 '' --mask m.nii p.nii c.siren
cmp b.siren c.siren || fail "--mask auto differs from the mask that dwi2mask makes"
compress 0 '' --mask auto --bval p.bval --bvec p.bvec alone.nii d.siren
