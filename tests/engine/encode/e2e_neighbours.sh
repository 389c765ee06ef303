# Gradient tables as MRtrix3, FSL and dipy read them, in decompress --volumes and evaluate.
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

# 3 x 3: FSL's form, and a word about it.
phantom few.nii --dims 16x14x3 --shells 0:1,1000:2
expect 0 'few.bvec: has 3 lines of 3 values' "$sirencl" compress --lossless few.nii few.siren
