# What every command writes: --force replaces what is of the same kind, names it, and replaces no input.
source "$(dirname "$0")/../common.sh"
phantom p.nii --dims 16x14x3 --shells 0:1,1000:2
run "$sirencl" compress --lossless --quiet p.nii p.siren
sums() { sha256sum ./*.nii* ./*.siren ./*.bv* ./*.json "$@" >before; }
kept() { sha256sum --quiet -c before || fail "$*: a file was changed"; }
refused() { # PART arguments...
    expect 2 "$1" "$sirencl" "${@:2}"
    kept "${@:2}"
}

# An image replaces an image, a table a text; what was replaced is named.
cp p.siren archive.nii && cp p.siren q.bval && cp p_wm.nii odd.json && cp p.nii r.json && echo text >notes.nii.gz && mkdir made
run "$sirencl" compress --lossless --quiet --sidecar r.json p.nii with.siren
sums
refused "archive.nii: exists and is an archive" decompress p.siren archive.nii --force
refused "q.bval: exists and is an archive" decompress p.siren q.nii --force
for name in new.nii.gz new.mif new.siren; do
    refused "$name: is the name of an image or an archive, but a page is written" view p.siren --device host -o $name
    [ ! -e $name ] || fail "a page named $name"
done
refused "odd.json: exists and is an image" decompress with.siren odd.nii --force
refused "archive.nii: exists and is an archive" phantom archive.nii --dims 8x8x2 --shells 0:1 --force
refused "q.bval: exists and is an archive" phantom q.nii --dims 8x8x2 --shells 0:1 --force
[ ! -e q.nii ] && [ ! -e odd.nii ] || fail "an image beside a refused table"
run "$sirencl" decompress p.siren p.nii --force --device host
[ "$(grep -c ': replaced$' stdout.txt)" = 1 ] || fail "not named: $(cat stdout.txt)"
kept "lossless"
run "$sirencl" phantom p_copy.nii --dims 8x8x2 --shells 0:1
run "$sirencl" phantom p_copy.nii --dims 8x8x2 --shells 0:1 --force
[ "$(grep -c ': replaced$' stdout.txt)" = 9 ] || fail "not named: $(cat stdout.txt)"

# A folder of an earlier evaluation or figure is replaced in; one of something else is not, nor is an input.
mkdir maps && cp p.nii maps/ssim.nii.gz && cp p.nii maps/original_fa.nii.gz
sums maps/*
refused "maps/ssim.nii.gz: exists, and as there is no evaluation.json" evaluate p.nii p.siren --no-diffusion -o maps --force
run "$sirencl" evaluate p.nii p.siren --no-diffusion -o evaluation --quiet
run "$sirencl" evaluate p.nii p.siren --no-diffusion -o evaluation --quiet --force
cp p.nii evaluation/original_fa.nii.gz
sums evaluation/*
refused "evaluation/original_fa.nii.gz: is an input" evaluate evaluation/original_fa.nii.gz p.siren --no-diffusion -o evaluation --force
# A folder's name that is a link in a circle is told as that.
ln -s loopb loopa && ln -s loopa loopb
expect 1 'loopa cannot be made: it is a link to loopb: Too many levels of symbolic links' "$sirencl" evaluate p.nii p.siren --no-diffusion -o loopa
expect 1 'loopa cannot be made: it is a link to loopb: Too many levels of symbolic links' "$sirencl" compress --lossless p.nii -o loopa
rm loopa loopb
# Hidden folders of a user are no leftovers, whatever their names, in folders that are named and in that of temporary files.
mkdir -p hidden/.siren-backup temporary/.siren-images
cp p.nii hidden/.siren-backup/ && cp p.nii temporary/.siren-images/ && echo mine >hidden/.sirencl-notes.tmp
sums hidden/.siren-backup/* temporary/.siren-images/* hidden/.sirencl-notes.tmp
run "$sirencl" evaluate p.nii p.siren --no-diffusion -o hidden --device host
TMPDIR=$PWD/temporary run "$sirencl" view p.siren --device host -o page.html
run "$sirencl" compress --lossless p.nii hidden/p.siren
kept "hidden folders"
if has gnuplot; then
    mkdir figure && echo mine >figure/panel.png
    sha256sum figure/* >before
    refused "figure/panel.png: exists, and as there is no panel-data.gp" panel p.nii p.siren -o figure --force
fi

# What only some may read stays so when it is replaced; in a folder of all, what is another user's is known beforehand.
umask 022
run "$sirencl" compress --quiet --lossless p.nii private.siren
chmod 600 private.siren evaluation/evaluation.json
run "$sirencl" compress --quiet --psnr 30 --force p.nii private.siren
run "$sirencl" evaluate p.nii p.siren --no-diffusion -o evaluation --quiet --force
[ "$(stat -c %a private.siren evaluation/evaluation.json | xargs)" = "600 600" ] || fail "modes: $(stat -c '%n %a' private.siren evaluation/*)"
if [ "$(id -u)" = 0 ] && has setpriv && setpriv --reuid=65534 --clear-groups test -x "$sirencl"; then
    chmod 755 . && mkdir -m 1777 shared && cp p.siren shared/
    nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups "$sirencl")
    expect 1 "is another user's, in a folder where only owners replace files" "${nobody[@]}" compress --lossless --force p.nii shared/p.siren
    run "${nobody[@]}" compress --lossless p.nii shared/q.siren
    run "${nobody[@]}" compress --lossless --force p.nii shared/q.siren
    # A folder that may be listed and not entered holds what cannot be read, and not nothing.
    mkdir -m 744 listed && cp p.nii listed/
    expect 1 'listed/p.nii: cannot be opened: Permission denied' "${nobody[@]}" compress -r listed -o shared/out --lossless
else
    skip_part "another user's files: needs root, and setpriv"
fi

# A sweep's phantoms replace no files of those names; a report's page replaces nothing but a page, its figures are kept apart.
has_device || { skip_part "sweeps: there is no OpenCL device"; exit 0; }
cat >one.json <<'JSON'
{"name": "one", "input": {"name": "head", "phantom": {"dims": [12, 10, 2], "shells": [[0, 1], [1000, 2]]}},
 "epochs": 2, "grid": {"model": "siren-2d", "layers": 1, "width": 16}}
JSON
mkdir -p theirs/inputs && cp p.nii theirs/inputs/head_wm.nii.gz
sums theirs/inputs/*
refused "theirs/inputs/head_wm.nii.gz: exists already" sweep one.json -o theirs
[ "$(ls theirs/inputs)" = head_wm.nii.gz ] || fail "a refused sweep left $(ls theirs/inputs)"
run "$sirencl" sweep one.json -o run --quiet
sums run/*.*
refused "run/summary.csv: exists and is a file of another kind" report run -o run/summary.csv --force
refused "p.nii: exists and is an image" report run -o p.nii --force
mkdir other && echo mine >other/fidelity.csv
refused "other: holds other files" report run --figures other
run "$sirencl" report run --figures figures --quiet
run "$sirencl" report run --figures figures --quiet --force
echo "all checks passed"
