# BIDS data sets: a derivative of archives and back, by names, tables and the inheritance principle; resuming after a kill; files that
# are bad, doubled, broken or changed. The commands of docs/bids.md are among them.
source "$(dirname "$0")/../../common.sh"
needs_python nibabel,numpy
make_dataset() { "$python" "$root/tests/tools/datasets/bids_dataset.py" "$@"; }
listed() { awk -F'\t' -v s="$2" 'NR > 1 && $3 == s' "$1/sirencl.tsv" | wc -l; } # FOLDER STATUS: rows
same_images() { # FOLDER FOLDER: every image of the second compares equal to that of the first
    local image
    find "$2" -name '*.nii*' >images.txt
    [ -s images.txt ] || fail "no images in $2"
    while read -r image; do
        cmp <(gzip -dcf "$1/${image#"$2"/}") <(gzip -dcf "$image") || fail "$image is not what it was"
    done <images.txt
}

# Every series becomes an archive by its name; sidecars, tables and the files of the whole keep their places.
make_dataset ds
run "$sirencl" compress --bids ds out --lossless
[ "$(listed out 'done')" = 3 ] || fail "the table: $(cat out/sirencl.tsv)"
grep -q '^3 of 3 series are archives in out: 3 made' stdout.txt && grep -q '^2 images of other suffixes than dwi' stdout.txt || fail "$(cat stdout.txt)"
(cd ds && find . -name '*_dwi.nii*' | sed 's/\.nii.*/.siren/' | sort) | diff - <(cd out && find . -name '*.siren' | sort) || fail "names of archives"
for file in README participants.tsv dwi.json sub-01/dwi/sub-01_dwi.bval sub-01/dwi/sub-01_dwi.json sub-02/sub-02_dwi.bvec; do
    cmp ds/$file out/$file || fail "$file was not kept"
done
! find out -name '*bold*' -o -name '*T1w*' | grep . || fail "a sidecar of no archive"
"$python" -c '
import json
d = json.load(open("out/dataset_description.json"))
assert d["DatasetType"] == "derivative" and d["GeneratedBy"][0]["Name"] == "sirencl" and d["BIDSVersion"] == "1.8.0", d' || fail "the description"

# An archive is complete by itself: what is inherited is in it, of sidecars all together with the nearest value of each.
alone() { run "$sirencl" decompress --device host "$1" alone.nii --force --plain-sidecar; }
alone out/sub-02/ses-1/dwi/sub-02_ses-1_dir-AP_dwi.siren
cmp alone.bval ds/sub-02/sub-02_dwi.bval && cmp alone.bvec ds/sub-02/sub-02_dwi.bvec && cmp alone.json ds/dwi.json || fail "inherited files in an archive"
alone out/sub-01/dwi/sub-01_dwi.siren
"$python" -c '
import json
assert json.load(open("alone.json")) == {"EchoTime": 0.08, "MagneticFieldStrength": 3, "PatientName": "Doe^Jane", "PatientID": "007", "Slices": [1, 2.5]}' ||
    fail "sidecars put together: $(cat alone.json)"
grep -q '"EchoTime": 0.0800' alone.json || fail "a number was written anew: $(cat alone.json)"

# Back: every image compares equal, every other file byte for byte; nothing else is there.
run "$sirencl" decompress --bids out back --device host
same_images ds back
(cd back && find . -type f ! -name '*.nii*') | while read -r file; do cmp "ds/$file" "back/$file" || fail "$file came back as another"; done
(cd ds && find . -type f ! -name '*bold*' ! -name '*T1w*' ! -name '*events*' | sort) | diff - <(cd back && find . -type f | sort) || fail "other files"
cmp ds/sub-03/dwi/sub-03_dwi.nii back/sub-03/dwi/sub-03_dwi.nii || fail "a .nii came back as another file"
expect 8 'exists already' "$sirencl" decompress --bids out back --device host # once more: nothing is replaced
run "$sirencl" decompress --bids out back --device host --force
same_images ds back

# The validator of names (PyPI bids-validator, Debian python3-bids-validator) knows nothing of .bidsignore, which is applied here.
if python_has bids_validator; then
    for set in ds out back; do
        "$python" - $set <<'PY' || fail "bids_validator: $set"
import fnmatch, os, sys
from bids_validator import BIDSValidator
top = sys.argv[1]
ignored = []
if os.path.exists(f"{top}/.bidsignore"):
    ignored = open(f"{top}/.bidsignore").read().split()
ok = True
for folder, _, files in os.walk(top):
    for file in files:
        if file == ".bidsignore" or any(fnmatch.fnmatch(file, p) for p in ignored if not p.startswith("!")) and "!" + file not in ignored:
            continue
        path = "/" + os.path.relpath(os.path.join(folder, file), top)
        if not BIDSValidator().is_bids(path):
            print(path)
            ok = False
sys.exit(not ok)
PY
    done
else
    skip_part "$python has no bids_validator"
fi
if has bids-validator-deno; then # that of the whole standard, from PyPI, which nothing here installs
    for set in out back; do bids-validator-deno --ignoreWarnings $set >said.txt 2>&1 || fail "bids-validator-deno: $set: $(cat said.txt)"; done
else
    skip_part "there is no bids-validator-deno"
fi

# The page's own commands, in a folder of their own.
mkdir page && cp -r ds page/
sed -n 's/^\$ //p' "$root/docs/bids.md" | while read -r line; do
    (cd page && bash -c "sirencl() { '$sirencl' \"\$@\"; }; $line" >/dev/null 2>"$folder/stderr.txt") || fail "docs/bids.md: $line: $(cat stderr.txt)"
done
[ -e page/some/sirencl.tsv ] && same_images page/ds page/back || fail "the commands of docs/bids.md"
awk -F'\t' 'NR == 1 { for (i = 1; i <= NF; i++) print $i }' out/sirencl.tsv | while read -r column; do grep -q "\`$column\`" "$root/docs/bids.md" || fail "docs/bids.md does not tell of the column $column"; done

# Networks, one series at a time, into the data set's own derivatives, which are no participants.
if has_device; then
    run "$sirencl" compress --bids page/ds page/ds/derivatives/net --width 16 --layers 1 --epochs 3
    run "$sirencl" compress --bids page/ds page/ds/derivatives/net --width 16 --layers 1 --epochs 3
    grep -q '^3 of 3 .* 3 there already' stdout.txt || fail "networks: $(cat stdout.txt)"
    grep -q 'width=16' page/ds/derivatives/net/sirencl.tsv || fail "settings: $(cat page/ds/derivatives/net/sirencl.tsv)"
    # An archive that was to be replaced when the run was interrupted is not taken for the new one.
    cp -rp page/ds newer
    run "$sirencl" compress --bids newer forced --participant 01 --lossless
    touch -d '2001-01-01' newer/sub-01/dwi/sub-01_dwi.nii.gz
    long=(compress --bids newer forced --participant 01 --width 16 --layers 1 --epochs 2000000)
    "$sirencl" "${long[@]}" --force >stdout.txt 2>stderr.txt &
    for _ in $(seq 6000); do grep -q ' %' stderr.txt && break; sleep 0.01; done
    kill -KILL $!
    ends_with 137
    "$sirencl" "${long[@]}" >stdout.txt 2>stderr.txt && fail "an archive of before was taken for the new one: $(cat stdout.txt)"
    grep -q 'was made of another state of the image, or with other settings' stderr.txt || fail "interrupted with --force: $(cat stderr.txt)"
else
    skip_part "networks: there is no OpenCL device"
fi

# Participants and suffixes; what is there stays; other settings are not taken for the same.
run "$sirencl" compress --bids ds some --participant 01,sub-03 --suffix dwi,bold --lossless
[ "$(cd some && find . -name '*.siren' | sort | xargs)" = "./sub-01/dwi/sub-01_dwi.siren ./sub-03/dwi/sub-03_dwi.siren ./sub-03/func/sub-03_task-rest_bold.siren" ] ||
    fail "participants and suffixes: $(find some)"
cmp ds/sub-03/func/sub-03_task-rest_events.tsv some/sub-03/func/sub-03_task-rest_events.tsv && cmp ds/task-rest_bold.json some/task-rest_bold.json || fail "files of bold"
find some -name '*.siren' -printf '%p %i %T@\n' | sort >before.txt
run "$sirencl" compress --bids ds some --suffix dwi,bold --lossless
grep -q '^4 of 4 series are archives in some: 1 made .* 3 there already' stdout.txt || fail "resumed: $(cat stdout.txt)"
find some -name '*.siren' -printf '%p %i %T@\n' | grep -v sub-02 | sort | diff - before.txt || fail "what was there was made again"
[ "$(listed some 'done')" = 4 ] || fail "the table of both runs: $(cat some/sirencl.tsv)"
"$sirencl" compress --bids ds some --ratio 8 >stdout.txt 2>stderr.txt && fail "other settings were taken for the same"
grep -c 'was made of another state of the image, or with other settings' stderr.txt | grep -qx 3 || fail "other settings: $(cat stderr.txt)"
[ "$(listed some 'done')" = 4 ] || fail "a refusal spoilt the table"
run "$sirencl" decompress --bids some back03 --participant 03 --device host
[ "$(cd back03 && find . -name 'sub-*' -prune | xargs)" = ./sub-03 ] && [ -e back03/sub-03/func/sub-03_task-rest_bold.nii.gz ] || fail "one participant: $(find back03)"
expect 2 "has no participant '9' among its 3" "$sirencl" compress --bids ds nine --participant 01,9 --lossless
expect 2 'holds no series whose name ends in _asl.nii' "$sirencl" compress --bids ds nine --suffix asl --lossless
[ ! -e nine ] || fail "something was made for nothing"

# A folder's own files of these names stay, and with --force are named; what is an image is replaced by no text.
mkdir mine && echo mine >mine/README && echo mine >mine/.bidsignore && [ -e ds/README ] || fail "the data set has no README"
for name in .bidsignore README; do
    expect 2 "mine/$name: exists already and holds something else; give another folder" "$sirencl" compress --bids ds mine --lossless
    [ "$(cat mine/$name)" = mine ] || fail "$name was replaced"
    mv mine/$name kept
    [ $name = README ] || continue
    cp ds/sub-03/dwi/sub-03_dwi.nii mine/README
    expect 2 'mine/README: exists and is an image' "$sirencl" compress --bids ds mine --lossless --force
    mv kept mine/README
    expect 0 'mine/README: held something else and is replaced' "$sirencl" compress --bids ds mine --lossless --force
    run "$sirencl" decompress --bids mine theirs --device host
    echo theirs >theirs/README
    expect 8 'theirs/README: exists already and holds something else' "$sirencl" decompress --bids mine theirs --device host
    expect 0 'theirs/README: held something else and is replaced' "$sirencl" decompress --bids mine theirs --device host --force
done

# An image that changed is told, not passed over and not replaced; with --force it is made anew.
cp -rp ds changed
run "$sirencl" compress --bids changed anew --lossless
cp ds/sub-03/dwi/sub-03_dwi.nii changed/sub-03/dwi/
touch -d '2001-01-01' changed/sub-03/dwi/sub-03_dwi.nii
expect 8 'sub-03_dwi.siren: exists already and was made of another state' "$sirencl" compress --bids changed anew --lossless
run "$sirencl" compress --bids changed anew --lossless --force
run "$sirencl" compress --bids changed anew --lossless
grep -q ' 3 there already' stdout.txt || fail "after --force: $(cat stdout.txt)"

# Bad files are told and left out, the others made: a link that leads nowhere, an image cut off, two that would be one archive, a
# name that is none, a sidecar that leads nowhere, tables that may be meant alike.
make_dataset bad 8
ln -sf nowhere bad/sub-01/dwi/sub-01_dwi.nii.gz
truncate -s 1000 bad/sub-02/ses-1/dwi/*.nii.gz
gzip -k bad/sub-03/dwi/sub-03_dwi.nii
mv bad/sub-04/dwi/sub-04_dwi.nii.gz bad/sub-04/dwi/sub-04_odd_dwi.nii.gz
ln -sf nowhere bad/sub-05/sub-05_dwi.bvec
cp bad/sub-06/dwi/sub-06_dwi.bval bad/sub-06/dwi/sub-06_run-1_dwi.bval # of another run: not its
mv bad/sub-07/dwi/sub-07_dwi.nii.gz bad/sub-07/dwi/sub-07_acq-a_dir-b_dwi.nii.gz
rm bad/sub-07/dwi/sub-07_dwi.bval
for e in acq-a dir-b; do cp ds/sub-01/dwi/sub-01_dwi.bval bad/sub-07/dwi/sub-07_${e}_dwi.bval; done
expect 8 '7 of 9 series failed' "$sirencl" compress --bids bad kept --lossless
for part in 'sub-01_dwi.nii.gz: cannot be opened' 'sub-02_ses-1_dir-AP_dwi.nii.gz: is truncated' 'would both become sub-03/dwi/sub-03_dwi.siren' 'sub-04_odd_dwi.nii.gz: is no name of BIDS' \
    'sub-05_dwi.bvec: cannot be opened' 'is not the only table of its kind'; do
    grep -q "$part" stderr.txt && awk -F'\t' '$3 == "failed"' kept/sirencl.tsv | grep -q "$part" || fail "'$part' is not told: $(cat stderr.txt kept/sirencl.tsv)"
done
[ "$(cd kept && find . -name '*.siren' | sort | xargs)" = "./sub-06/dwi/sub-06_dwi.siren ./sub-08/ses-1/dwi/sub-08_ses-1_dir-AP_dwi.siren" ] || fail "what was kept: $(find kept)"
[ ! -e kept/sub-06/dwi/sub-06_run-1_dwi.bval ] && [ ! -e kept/sub-01 ] && [ "$(listed kept failed)" = 7 ] || fail "of what failed something was kept: $(find kept)"
run "$sirencl" decompress --bids kept kept_back --device host # what is there
same_images bad kept_back
rm bad/sub-03/dwi/sub-03_dwi.nii.gz # mended: only it is made
expect 8 '5 of 8 series failed' "$sirencl" compress --bids bad kept --lossless
grep -q ' 1 made .* 2 there already' stdout.txt || fail "mended: $(cat stdout.txt)"
if [ "$(id -u)" != 0 ]; then
    chmod 0 ds/sub-01/dwi && expect 8 'the folder cannot be read' "$sirencl" compress --bids ds unread --lossless
    chmod 700 ds/sub-01/dwi
fi

# An ending in other letters: of a series that is asked for it is told, of another one it is another image.
cp -r ds letters
mv letters/sub-03/anat/sub-03_T1w.nii.gz letters/sub-03/anat/sub-03_T1w.NII.GZ
mv letters/sub-03/dwi/sub-03_dwi.nii letters/sub-03/dwi/sub-03_dwi.NII
expect 8 'sub-03_dwi.NII: ends in .NII, where BIDS has .nii or .nii.gz; rename it' "$sirencl" compress --bids letters letters_out --lossless
grep -q '^2 of 3 series are archives' stdout.txt && grep -q '^2 images of other suffixes than dwi' stdout.txt || fail "other letters: $(cat stdout.txt)"

# Folders that cannot be.
mkdir empty other
expect 2 'empty: is no BIDS data set' "$sirencl" compress --bids empty out2 --lossless
expect 2 'is the data set itself' "$sirencl" compress --bids ds ds/. --lossless
# In the data set only derivatives/ is for what is made of it, by whatever way; and what is restored is no part of the derivative.
ln -s ds/sub-01 linked
find ds some | sort >before.txt
for inside in ds/sub-01 ds/sub-01/new ds/new/../sub-02/new linked/new "$PWD/ds/archives"; do
    expect 2 'only derivatives/ is for what is made of it' "$sirencl" compress --bids ds "$inside" --lossless
done
expect 2 'is inside of the derivative' "$sirencl" decompress --bids some some/back --device host
find ds some | sort | diff - before.txt || fail "something was made inside"
# A participant that cannot be looked at is told, and is not nobody.
cp -r ds dangling && ln -s nowhere dangling/sub-09
expect 8 'dangling/sub-09: cannot be opened' "$sirencl" compress --bids dangling dangling_out --lossless --participant 01,09
cp -r ds linked-sub && mkdir within && mv linked-sub within/sub-01
expect 2 "has the data set where its own participant's files would be" "$sirencl" compress --bids within/sub-01 within --lossless
cp ds/dataset_description.json other/
expect 2 'other: is a data set that sirencl has not made' "$sirencl" compress --bids ds other --lossless
expect 2 'is no folder' "$sirencl" compress --bids ds/README out2 --lossless
expect 2 '--bids takes two folders' "$sirencl" compress --bids ds --lossless
expect 2 'which belong to one image' "$sirencl" compress --bids ds out2 --lossless --bval x.bval
expect 2 '--participant is for data sets' "$sirencl" compress --participant 01 ds/sub-03/dwi/sub-03_dwi.nii out2.siren --lossless
expect 2 '--suffix is for data sets' "$sirencl" compress --suffix dwi ds/sub-03/dwi/sub-03_dwi.nii out2.siren --lossless
expect 2 'ds: is no data set of archives' "$sirencl" decompress --bids ds out2
expect 2 'cannot be a folder' "$sirencl" compress --bids ds before.txt/out --lossless
[ ! -e out2 ] || fail "something was made"
ln -s /proc/1 readonly # nobody writes there
expect 1 'readonly/out' "$sirencl" compress --bids ds readonly/out --lossless

# A table from elsewhere leads to no place outside.
cp -r out hostile
sed -i 's|^sub-01/dwi/sub-01_dwi.nii.gz|../escaped.nii.gz|' hostile/sirencl.tsv
expect 8 'names a file outside of the data set, ../escaped.nii.gz' "$sirencl" decompress --bids hostile inside --device host
[ ! -e escaped.nii.gz ] || fail "a table led outside"
printf 'source\tfile\nx\ty\n' >hostile/sirencl.tsv
expect 3 'sirencl.tsv: line 1 is not of a table' "$sirencl" decompress --bids hostile inside2 --device host

# No archive is left out unsaid. A table that is cut off, or has a byte 0, is no table; what no row names as done is told.
for damage in cut zero empty; do
    rm -rf damaged && cp -r out damaged
    case $damage in
    cut) truncate -s -9 damaged/sirencl.tsv ;;
    zero) sed -i '2s/dwi/dw\x00/' damaged/sirencl.tsv ;;
    empty) : >damaged/sirencl.tsv ;;
    esac
    part='is cut off, for its last line has no end' && [ $damage != zero ] || part='line 2 has a byte 0'
    expect 3 "damaged/sirencl.tsv: $part" "$sirencl" decompress --bids damaged damaged_back --device host
    expect 3 "damaged/sirencl.tsv: $part" "$sirencl" compress --bids ds damaged --lossless
    [ ! -e damaged_back ] || fail "$damage: something was restored"
done
unsaid="is not restored, because no row of sirencl.tsv names it as done"
for rows in 2 0; do # as a table of an earlier time has fewer
    rm -rf fewer fewer_back && cp -r out fewer
    head -n $((rows + 1)) out/sirencl.tsv >fewer/sirencl.tsv
    expect 8 "fewer/sub-03/dwi/sub-03_dwi.siren: $unsaid" "$sirencl" decompress --bids fewer fewer_back --device host
    grep -q "^$rows of 3 series restored" stdout.txt && [ "$(grep -c "$unsaid" stderr.txt)" = $((3 - rows)) ] || fail "$rows rows: $(cat stdout.txt stderr.txt)"
    [ "$(find fewer_back -name '*.nii*' | wc -l)" = $rows ] || fail "$rows rows: $(find fewer_back)"
done
rm -rf fewer_back
expect 0 '' "$sirencl" decompress --bids out fewer_back --participant 01 --device host # others are not missing
# A file of someone else's beside an archive: its row says begun, and so it is told.
mkdir -p theirs_beside/sub-03/dwi && echo theirs >theirs_beside/sub-03/dwi/sub-03_dwi.bval
expect 8 'sub-03_dwi.bval: exists already and holds something else' "$sirencl" compress --bids ds theirs_beside --lossless
[ "$(listed theirs_beside begun)" = 1 ] || fail "the table: $(cat theirs_beside/sirencl.tsv)"
expect 8 "theirs_beside/sub-03/dwi/sub-03_dwi.siren: $unsaid" "$sirencl" decompress --bids theirs_beside beside_back --device host
grep -q '^2 of 3 series restored' stdout.txt || fail "begun: $(cat stdout.txt)"
cp ds/sub-03/dwi/sub-03_dwi.bval theirs_beside/sub-03/dwi/
run "$sirencl" compress --bids ds theirs_beside --lossless
run "$sirencl" decompress --bids theirs_beside beside_back --device host --force
same_images ds beside_back
# Rows of a run that was killed count as well: beside a table of before, and alone; its last line may be cut off.
cp -r out parted && awk -F'\t' 'NR == 1 || $1 ~ /^sub-03/' out/sirencl.tsv >parted/sirencl.tsv.part && printf 'half a li' >>parted/sirencl.tsv.part
sed -i '/^sub-03/d' parted/sirencl.tsv
expect 0 'parted/sirencl.tsv.part: is of a compress --bids that has not ended' "$sirencl" decompress --bids parted parted_back --device host
same_images ds parted_back && [ -e parted_back/sub-03/dwi/sub-03_dwi.nii ] || fail "rows of a killed run: $(find parted_back)"
rm parted/sirencl.tsv
expect 8 "parted/sub-01/dwi/sub-01_dwi.siren: $unsaid" "$sirencl" decompress --bids parted parted_alone --device host
[ "$(find parted_alone -name '*.nii*')" = parted_alone/sub-03/dwi/sub-03_dwi.nii ] || fail "rows of a killed run alone: $(find parted_alone)"

# Lossy ones say so when they are back: in their own sidecar, or in one made for it.
run "$sirencl" compress --bids ds lossy --ratio 6
run "$sirencl" decompress --bids lossy lossy_back --device host
for json in sub-01/dwi/sub-01_dwi.json sub-02/ses-1/dwi/sub-02_ses-1_dir-AP_dwi.json; do
    "$python" -c 'import json, sys; assert json.load(open(sys.argv[1]))["LossyImageCompression"] == "01"' lossy_back/$json || fail "no trace in $json"
done
cmp ds/dwi.json lossy_back/dwi.json || fail "a sidecar of several was changed"
run "$sirencl" decompress --bids lossy lossy_plain --device host --plain-sidecar
cmp ds/sub-01/dwi/sub-01_dwi.json lossy_plain/sub-01/dwi/sub-01_dwi.json || fail "--plain-sidecar"

# Two commands on one derivative: one of them goes. Killed at any time, the next one goes on, and ends in the same files.
make_dataset many 20
run "$sirencl" compress --bids many whole --lossless
grep -q '^20 of 20 series are archives in whole: 20 made' stdout.txt || fail "twenty: $(cat stdout.txt)"
mkdir held
exec 8>>held/sirencl.tsv.part
flock 8
expect 2 'held: another sirencl is at work in this folder' "$sirencl" compress --bids many held --lossless
flock -u 8
for moment in 0.05 0.15 0.3; do
    "$sirencl" compress --quiet --bids many killed --lossless 2>stderr.txt &
    sleep $moment
    kill -KILL $! 2>/dev/null || true
    wait $! 2>/dev/null || true
done
[ ! -e killed/sirencl.tsv.part ] || printf 'half a li' >>killed/sirencl.tsv.part
run "$sirencl" compress --bids many killed --lossless
diff -r -x sirencl.tsv whole killed || fail "a killed run ended otherwise"
cut -f 1-8,10- whole/sirencl.tsv | diff - <(cut -f 1-8,10- killed/sirencl.tsv) || fail "the table of a killed run"
"$sirencl" compress --bids many stopped --lossless >stdout.txt 2>stderr.txt &
sleep 0.1
kill -TERM $! 2>/dev/null || true
ends_with 130 0 143 # 143: it did not listen yet
run "$sirencl" compress --bids many stopped --lossless
diff -r -x sirencl.tsv whole stopped || fail "an interrupted run ended otherwise"
run "$sirencl" decompress --bids stopped many_back --device host
same_images many many_back
echo "all checks passed"
