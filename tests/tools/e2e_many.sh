# Several files on one command line: names, folders, failures, JSON, progress.
source "$(dirname "$0")/../common.sh"
mkdir -p a b
phantom a/x.nii.gz --dims 12x10x2 --shells 0:1,1000:2
phantom b/x.nii --dims 24x20x4 --shells 0:1,1000:4
phantom y.nii.gz --dims 20x16x3 --shells 0:1,1000:2
rm ./*_*.nii* ./*/*_*.nii*
lossless() { run "$sirencl" compress --lossless "$@"; }

# Beside each image, or in a folder; the bytes are those of one at a time; one summary of all.
lossless a/x.nii.gz b/x.nii y.nii.gz
grep -q '^3 of 3 images: ' stdout.txt || fail "the summary: $(cat stdout.txt)"
lossless b/x.nii one.siren
cmp one.siren b/x.siren || fail "one of several differs from one alone"
rm a/x.siren && lossless a/x.nii.gz # a single one, too
lossless --force a/x.nii.gz y.nii.gz -o made/archives
cmp a/x.siren made/archives/x.siren || fail "-o DIR made another archive"
[ "$(find made -type f | sort | xargs)" = "made/archives/x.siren made/archives/y.siren" ] || fail "-o DIR: $(find made)"

# Refused before any work: one name for two, images that are not there, a file's name for a folder, files of one image.
sirencl_refuses() { expect 2 "$1" "$sirencl" "${@:2}"; [ ! -e out ] && [ ! -e out.siren ] || fail "${*:2}: something was made"; }
sirencl_refuses "a/x.nii.gz and b/x.nii would both become out/x.siren" compress --lossless a/x.nii.gz b/x.nii -o out
sirencl_refuses "a/x.nii.gz and a/../a/x.nii.gz would both become" compress --lossless a/x.nii.gz a/../a/x.nii.gz
sirencl_refuses "z.nii: is not there" compress --lossless y.nii.gz z.nii -o out
sirencl_refuses "out.siren: is a file's name" compress --lossless y.nii.gz -o out.siren
sirencl_refuses "made: is a folder; give --output made" compress --lossless y.nii.gz made
sirencl_refuses "belong to one image" compress --lossless --bval y.bval y.nii.gz b/x.nii -o out
sirencl_refuses "would both become out/x.nii.gz" decompress a/x.siren b/x.siren -o out

# One that fails does not stop the others: 8; the first's code where all fail.
cp y.siren good.siren && rm made/archives/x.siren
head -c 200 y.siren >bad.siren
expect 8 "y.siren: exists already" "$sirencl" compress --lossless y.nii.gz b/x.nii -o made/archives
[ -e made/archives/x.siren ] || fail "the one after a failure"
for command in verify info; do
    expect 8 "bad.siren: " "$sirencl" $command bad.siren good.siren missing.siren b/x.siren
    grep -q "2 of 4 files failed" stderr.txt || fail "$command: $(cat stderr.txt)"
    expect 3 "" "$sirencl" $command bad.siren
done
"$sirencl" verify --quiet bad.siren bad.siren 2>stderr.txt && fail "all failed"
[ $? = 3 ] || fail "all failed: $(cat stderr.txt)"
expect 8 "bad.siren: " "$sirencl" decompress bad.siren good.siren b/x.siren -o back --device host
grep -q '^2 of 3 archives restored' stdout.txt || fail "the summary: $(cat stdout.txt)"
gzip -dc y.nii.gz | cmp - <(gzip -dc back/good.nii.gz) || fail "restored of several"
cmp y.bval back/good.bval && [ ! -e back/bad.nii.gz ] || fail "what belongs to several: $(ls back)"

# Restored beside its original, nothing is replaced; with --force each file that was is named.
sha256sum a/* b/* >before
expect 2 "a/x.nii.gz: exists already" "$sirencl" decompress a/x.siren
grep -q -- --force stderr.txt && fail "--force is proposed: $(cat stderr.txt)"
run "$sirencl" decompress a/x.siren b/x.siren --force --device host
grep -qx 'a/x.nii.gz: replaced' stdout.txt || fail "not named: $(cat stdout.txt)"
sha256sum --quiet -c before || fail "an original was changed" # lossless: the same bytes again, and b/x.nii stays beside b/x.nii.gz

# --json: an object for one, an array for several.
if python_has json; then
    json() { "$python" -c "import json, sys; d = json.load(sys.stdin); assert $1, d" <stdout.txt || fail "$1: $(cat stdout.txt)"; }
    run "$sirencl" info --json good.siren
    json 'd["bytes"] > 0'
    expect 8 '' "$sirencl" info --json good.siren bad.siren b/x.siren
    json '[e["file"] for e in d] == ["good.siren", "bad.siren", "b/x.siren"] and d[1]["exit_code"] == 3 and d[2]["dims"] == [24, 20, 4]'
    expect 8 '' "$sirencl" verify --json --device host good.siren bad.siren
    json 'd[0]["sound"] and d[0]["blocks"] == 3 and "error" in d[1]'
    lossless --force --json a/x.nii.gz b/x.nii
    json '[e["archive"] for e in d] == ["a/x.siren", "b/x.siren"]'
fi

# -r: folders stand for the files below them, in the order of their names; what is made of them keeps its folder in -o DIR. A link that
# leads nowhere is told; hidden files and other kinds are passed over.
mkdir -p tree/sub/.hidden tree/empty
cp y.nii.gz tree/b.nii.gz && cp b/x.nii tree/sub/A.NII && cp y.nii.gz tree/sub/.hidden/h.nii.gz && cp y.bval tree/ && ln -s nowhere tree/sub/lost.nii && ln -s sub tree/again
expect 8 'tree/sub/lost.nii: cannot be opened' "$sirencl" compress --lossless -r tree y.nii.gz -o flat
[ "$(find flat -type f | sort | xargs)" = "flat/b.siren flat/sub/A.siren flat/y.siren" ] || fail "-r -o DIR: $(find flat)"
grep -q '^3 of 4 images: ' stdout.txt || fail "the summary of -r: $(cat stdout.txt)"
rm tree/sub/lost.nii
lossless --recursive tree
[ "$(find tree -name '*.siren' | sort | xargs)" = "tree/b.siren tree/sub/A.siren" ] || fail "-r beside: $(find tree)"
run "$sirencl" verify -r flat --device host
grep -q '^3 of 3 archives are sound' stdout.txt || fail "verify -r: $(cat stdout.txt)"
run "$sirencl" -t -r flat --device host # as zstd and xz have it
run "$sirencl" -l -r flat
grep -c '^flat/.*bytes' stdout.txt | grep -qx 3 || fail "-l: $(cat stdout.txt)"
run "$sirencl" -d -r flat -o restored --device host --format nii
cmp restored/sub/A.nii b/x.nii && [ "$(find restored -name '*.nii' | wc -l)" = 3 ] || fail "decompress -r: $(find restored)"
expect 2 'tree/empty: holds no file that ends in .nii' "$sirencl" compress --lossless -r tree/empty -o nothing
expect 2 'is not a regular file' "$sirencl" compress --lossless tree/sub
[ ! -e nothing ] || fail "something was made of an empty folder"

has script || { skip_part "progress: there is no script"; exit 0; }

# A sweep's progress is of all its inputs.
if has_device; then
    cat >two.json <<'JSON'
{"name": "two", "epochs": 60, "grid": {"model": "siren-2d", "layers": 1, "width": [16, 24]},
 "inputs": [{"name": "one", "phantom": {"dims": [16, 14, 3], "shells": [[0, 1], [1000, 3]]}},
            {"name": "two", "phantom": {"dims": [20, 16, 4], "shells": [[0, 1], [1000, 3]]}}]}
JSON
    TERM=xterm script -qec "'$sirencl' sweep two.json -o two" /dev/null >bar.txt </dev/null || fail "$(cat bar.txt)"
    tr '\r' '\n' <bar.txt | sed -n 's/^trials \([0-9]*\)\/4 .* \([0-9]*\) %.*/\1 \2/p' >shares.txt
    sort -nsc -k2 shares.txt && sort -nsc shares.txt && grep -q ' 100$' shares.txt || fail "shares of a sweep: $(cat shares.txt)"
else
    skip_part "sweeps: there is no OpenCL device"
fi

# Progress is of all files together, never falls, and fits the terminal.
TERM=xterm script -qec "stty cols 30; '$sirencl' compress --lossless --force a/x.nii.gz b/x.nii y.nii.gz" /dev/null >bar.txt </dev/null ||
    fail "$(cat bar.txt)"
tr '\r' '\n' <bar.txt | sed -n 's/\x1b\[K.*//; s/^[123]\/3 slices .* \([0-9]*\) %.*/\1/p' >shares.txt
sort -nc shares.txt && [ "$(tail -1 shares.txt)" = 100 ] && [ "$(wc -l <shares.txt)" -ge 3 ] || fail "shares: $(cat shares.txt)"
tr '\r' '\n' <bar.txt | sed 's/\x1b\[K.*//' | grep '%' | awk 'length > 29' | grep . && fail "a bar is too wide"
echo "all checks passed"
