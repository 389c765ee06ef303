# Gradient tables as MRtrix3, FSL and dipy read them, in decompress --volumes and evaluate, and the names by which they are found
# beside an image.
source "$(dirname "$0")/../../common.sh"
phantom p.nii --dims 16x14x3 --shells 0:2,1000:6

lines() { # FILE: values of one kind, a volume a line
    case $1 in *.bval) tr ' ' '\n' <"$1" ;; *) paste -d' ' <(sed -n 1p "$1" | tr ' ' '\n') <(sed -n 2p "$1" | tr ' ' '\n') <(sed -n 3p "$1" | tr ' ' '\n') ;; esac
}
printf '\357\273\277' >mark
for form in fsl columns comments commas semicolons mark nan; do
    cp p.nii $form.nii
    for suffix in bval bvec; do
        table=p.$suffix
        case $form in
            fsl) cat $table ;;
            columns) lines $table ;;
            comments) sed '1i # of a converter' $table && echo '# end' ;;
            commas) sed 's/ /, /g' $table ;;
            semicolons) lines $table | sed 's/ /; /g; s/$/;\r/' ;;
            mark) cat mark $table ;;
            nan) [ $suffix = bval ] && cat $table || sed 's/^0 0 /NaN nan /' $table ;;
        esac >$form.$suffix
    done
    run "$sirencl" compress --lossless $form.nii $form.siren
    cmp $form.nii <("$sirencl" decompress --quiet $form.siren whole-$form.nii && cat whole-$form.nii) || fail "$form: the image"
    cmp $form.bvec whole-$form.bvec && cmp $form.bval whole-$form.bval || fail "$form: the tables were changed"
    run "$sirencl" decompress --volumes 1:4 $form.siren part-$form.nii
    ! grep -q warning stderr.txt || fail "$form: $(cat stderr.txt)"
    [ "$(lines part-$form.bval)" = "$(lines p.bval | sed -n 2,4p)" ] || fail "$form: $(cat part-$form.bval)"
    [ "$(lines part-$form.bvec)" = "$(lines p.bvec | sed -n 2,4p)" ] || fail "$form: $(cat part-$form.bvec)"
    run "$sirencl" evaluate $form.nii $form.siren --no-fod -o evaluation --force
    ! grep -q 'bv' stderr.txt || fail "$form: $(cat stderr.txt)"
    if has dwi2tensor; then
        cp evaluation/original_fa.nii.gz fa-$form.nii.gz
        cmp fa-fsl.nii.gz fa-$form.nii.gz || fail "$form: another tensor than of FSL's form"
    fi
done

# What cannot be cut is left out and said, beside the table that can; intensities are judged all the same.
for form in words short long nan; do
    name=bad-$form
    cp p.nii $name.nii && cp p.bval $name.bval
    case $form in
        words) echo no directions ;;
        short) sed 's/ [^ ]*$//' p.bvec ;;
        long) sed 's/$/ 0/' p.bvec ;;
        nan) sed 's/[^ ]*$/0/;1s/0$/nan/' p.bvec ;;
    esac >$name.bvec
    expect 0 "$name.bvec" "$sirencl" compress --lossless $name.nii $name.siren
    grep -q 'attached as it is' stderr.txt || fail "$name: $(cat stderr.txt)"
    expect 0 "part-$name.bvec is not written" "$sirencl" decompress --volumes 1:4 $name.siren part-$name.nii
    [ -s part-$name.nii ] && [ ! -e part-$name.bvec ] && [ "$(wc -w <part-$name.bval)" = 3 ] || fail "$name: $(ls part-$name*)"
    run "$sirencl" decompress $name.siren whole-$name.nii
    cmp $name.bvec whole-$name.bvec || fail "$name: the table was changed"
    expect 0 "skipped: " "$sirencl" evaluate $name.nii $name.siren -o evaluation-$form
    grep -q '"skipped":.*"bad-' evaluation-$form/evaluation.json || fail "$name: $(cat evaluation-$form/evaluation.json)"
done

# 3 x 3 that may be read both ways: FSL's form, and a word about it.
phantom few.nii --dims 16x14x3 --shells 0:1,1000:2
printf '0 1 0\n0 0 1\n0 0 0\n' >few.bvec
expect 0 'few.bvec: has 3 lines of 3 values' "$sirencl" compress --lossless few.nii few.siren

# attaches IMAGE SUFFIXES [SAID]: compress attaches these and says so, and the tables come back as they are; without SAID no warning.
attaches() {
    expect 0 "${3-}" "$sirencl" compress --lossless "$1" out.siren --force
    grep -qx "  attached     $2" stdout.txt || fail "$1: not '$2': $(cat stdout.txt)"
    [ -n "${3-}" ] || [ -z "$(warnings)" ] || fail "$1: $(cat stderr.txt)"
    run "$sirencl" decompress out.siren out.nii --force
    local suffix
    for suffix in .bval .bvec; do [[ $2 != *$suffix* ]] || cmp p$suffix out$suffix || fail "$1: $suffix differs"; done
    rm -f out.*
}
attaches p.nii '.bval .bvec'

mkdir hcp capitals plural
cp p.nii hcp/data.nii && cp p.bval hcp/bvals && cp p.bvec hcp/bvecs
attaches hcp/data.nii '.bval .bvec'
(cd hcp && run "$sirencl" compress --lossless data.nii here.siren && grep -q 'attached     .bval .bvec' stdout.txt) || fail "in the folder itself"
run "$sirencl" evaluate hcp/data.nii hcp/here.siren --no-fod -o hcp/evaluation
! grep -q 'no gradient table' stderr.txt || fail "evaluate does not find bvals: $(cat stderr.txt)"
phantom mean.nii --dims 16x14x3 --shells 0:1
cp mean.nii hcp/mean.nii # another image of the folder
attaches hcp/mean.nii none 'bvals: has 8 entries for a series of 1 volume; it is not attached'
expect 2 'bvals: is an input itself' "$sirencl" compress --lossless hcp/data.nii hcp/bvals --force
cmp p.bval hcp/bvals || fail "an input was replaced"

gzip -c p.nii >capitals/UPPER.NII.GZ && cp p.bval capitals/UPPER.BVAL && cp p.bvec capitals/UPPER.bvec && echo '{}' >capitals/UPPER.JSON
attaches capitals/UPPER.NII.GZ '.bval .bvec .json'
gzip -c p.nii >plural/x.nii.gz && cp p.bval plural/x.bvals && cp p.bvec plural/x.bvecs
attaches plural/x.nii.gz '.bval .bvec'

cp p.nii plural/mixed.nii && cp p.bval plural/mixed.Bvals && cp p.bvec plural/mixed.bVec && echo '{}' >plural/mixed.Json
attaches plural/mixed.nii '.bval .bvec .json'

# Tables under names that are not taken are spoken of, those of other images are not.
mkdir doubtful && cp p.nii doubtful/x.nii
for name in x.nii.bval bvals.txt x.eddy_rotated_bvecs X.bvec x_bvals x.b grad.b; do
    cp p.bval doubtful/$name
    attaches doubtful/x.nii none "doubtful/$name: may be a gradient table of doubtful/x.nii and is not attached"
    rm doubtful/$name
done
cp p.bval doubtful/x2.bval && cp p.bvec doubtful/x_AP.bvec && cp p.bval doubtful/bold.bval
attaches doubtful/x.nii none
cp p.bval doubtful/x.bval && cp p.bvec doubtful/x.bvec && cp p.bvec doubtful/x.eddy_rotated_bvecs
attaches doubtful/x.nii '.bval .bvec'

# A text that stands for a file that is elsewhere, and a sidecar that is no JSON: said when it is attached, and when it cannot tell of losses.
mkdir pointers && cp p.nii pointers/x.nii
echo '/annex/objects/MD5E-s77--0123456789abcdef' >pointers/x.json
attaches pointers/x.nii .json 'pointers/x.json: is a text that stands for the file; get that first (git annex get)'
printf 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n' >pointers/x.json
attaches pointers/x.nii .json 'pointers/x.json: is a text that stands for the file; get that first (git lfs pull)'
: >pointers/x.json
attaches pointers/x.nii .json 'pointers/x.json: is no JSON object; it is attached as it is'
run "$sirencl" compress --ratio 4 pointers/x.nii pointers/x.siren
expect 0 'back.json: is no JSON object, so that it does not tell of lossy compression' "$sirencl" decompress pointers/x.siren pointers/back.nii
cmp pointers/x.json pointers/back.json || fail "a sidecar that is no JSON was changed"
echo '/annex/objects/MD5E-s77--0123456789abcdef' >pointers/image.nii
expect 3 'image.nii: is a text that stands for the image; get that first (git annex get)' "$sirencl" compress --lossless pointers/image.nii none.siren
cp pointers/image.nii pointers/archive.siren
expect 3 'archive.siren: is a text that stands for the archive; get that first (git annex get)' "$sirencl" info pointers/archive.siren
ln -s .git/annex/objects/elsewhere pointers/link.nii
expect 1 'it is a link to .git/annex/objects/elsewhere' "$sirencl" compress --lossless pointers/link.nii none.siren

# What is there but cannot be read is named, once, and is no obstacle; asked for, it is.
mkdir annex annex/a.json && cp p.nii annex/a.nii
ln -s .git/annex/objects/not-fetched annex/a.bval
cp p.bvec annex/a.bvec
for target in --lossless '--ratio 4'; do
    # shellcheck disable=SC2086
    expect 0 'annex/a.bval: cannot be opened: No such file' "$sirencl" compress $target annex/a.nii annex/a.siren --force
    grep -q 'annex/a.json: is not a regular file' stderr.txt || fail "$target: $(cat stderr.txt)"
    [ "$(grep -c warning stderr.txt)" = 2 ] || fail "$target: $(cat stderr.txt)"
    grep -qx '  attached     .bvec' stdout.txt || fail "$target: $(cat stdout.txt)"
done
expect 1 'annex/a.bval' "$sirencl" compress --lossless --bval annex/a.bval annex/a.nii annex/b.siren
if [ "$(id -u)" != 0 ]; then
    rm annex/a.bval && cp p.bval annex/a.bval && chmod 000 annex/a.bval
    attaches annex/a.nii .bvec 'annex/a.bval: cannot be opened: Permission denied'
fi
run "$sirencl" compress --lossless p.nii json.siren --json
tr -d '[:space:]' <stdout.txt | grep -q '"attachments":\[".bval",".bvec"\]' || fail "--json: $(cat stdout.txt)"

# dwi2mask gets tables in a form that each version reads.
if has dwi2mask; then
    run "$sirencl" compress --lossless --mask auto p.nii plain.siren
    cp mark.nii hcp/data.nii && cp mark.bval hcp/bvals && cp columns.bvec hcp/bvecs
    run "$sirencl" compress --lossless --mask auto hcp/data.nii marked.siren
    for name in plain marked; do run "$sirencl" decompress $name.siren masked-$name.nii; done
    cmp masked-plain.nii masked-marked.nii || fail "--mask auto: another mask"
    ! cmp -s p.nii masked-plain.nii || fail "--mask auto: no mask"
fi

# A sweep's trials are judged without diffusion, too, unless the experiment asks for these tables.
has_device || { skip_part "a sweep: there is no device"; exit 0; }
for asked in '' ', "bval": "bad-short.bval", "bvec": "bad-short.bvec"'; do
    cat >sweep.json <<JSON
{
  "input": {"image": "bad-short.nii"$asked},
  "grid": [{"model": "siren-2d", "layers": 1, "width": 16}],
  "epochs": 3,
  "evaluate": {"fod": false}
}
JSON
    rm -rf swept
    if [ -z "$asked" ]; then
        expect 0 'bad-short.bvec' "$sirencl" sweep sweep.json -o swept
        grep -q '"mse"' swept/trials/*/evaluation.json || fail "a sweep beside a bad table: $(ls swept/trials/*)"
    else
        "$sirencl" sweep sweep.json -o swept >stdout.txt 2>stderr.txt && fail "tables that were asked for and are wrong"
        grep -q 'bad-short.bvec: has 7 directions, but bad-short.bval has 8' stderr.txt || fail "asked: $(cat stderr.txt)"
    fi
done
