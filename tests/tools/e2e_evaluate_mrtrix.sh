# sirencl evaluate with MRtrix3: FA and MD of the noise-free phantom are its truth, relative errors are those that mrcalc and
# mrstats find.
source "$(dirname "$0")/../common.sh"
needs dwi2tensor dwi2response mrcalc mrstats mrmath
fod=()
dwi2response -version >/dev/null 2>&1 || { fod=(--no-fod) && skip_part "fibre orientations: dwi2response does not start (Debian 13's wants a Python before 3.12)"; }
export MRTRIX_QUIET=1
# below NAME VALUE LIMIT
below() { awk -v value="$2" -v limit="$3" 'BEGIN { exit !(value < limit) }' || fail "$1 is $2, expected less than $3"; }

phantom="--dims 24x24x6 --shells 0:2,1000:20,2000:20"
# A name that MRtrix3 would take for a numbered series.
# shellcheck disable=SC2086
{
    phantom 'p[1].nii.gz' $phantom --snr 0 --datatype float32
    phantom $phantom --snr 40 -- -q.nii
}
run "$sirencl" evaluate -o out --verbose "${fod[@]}" --mask 'p[1]_mask.nii.gz' --tissues 'p[1]_wm.nii.gz,p[1]_gm.nii.gz,p[1]_csf.nii.gz' \
    -- 'p[1].nii.gz' -q.nii
for file in 'p[1]'*; do mv "$file" "p${file#p\[1\]}"; done

grep -q 'dwiextract .* original_low.mif .* -shells 0,1000 ' stderr.txt || fail "the lowest shell was not taken: $(cat stderr.txt)"
grep -q 'dwiextract .* result_high.mif .* -shells 0,2000 ' stderr.txt || fail "the highest shell was not taken: $(cat stderr.txt)"

# The truth. Where fibres cross, a tensor fitted at b = 1000 is not the mean tensor (docs/phantom.md).
truth() { # METRIC TISSUE STATISTIC LIMIT
    mrcalc out/original_"$1".nii.gz p_"$1".nii.gz -subtract -abs p_"$1".nii.gz -divide truth.mif -force
    below "the $3 error of $1 in $2" "$(mrstats truth.mif -mask p_"$2".nii.gz -output "$3")" "$4"
}
truth md csf max 1e-3
truth md gm max 1e-3
truth fa gm max 1e-2
truth md wm median 2e-2
truth fa wm median 2e-2

# member METRIC REGION KEY: of evaluation.json, whose objects stand one in the other, a member on each line
member() {
    awk -v metric="\"$1\":" -v region="\"$2\":" -v key="\"$3\":" '
        $1 == metric { inside = 1 } inside && $1 == region { here = 1 }
        here && $1 == key { sub(",", "", $2); print $2; exit }' out/evaluation.json
}
same() { # NAME OURS THEIRS
    awk -v a="$2" -v b="$3" 'BEGIN { d = a - b; exit !(a != "" && d * d <= 1e-10 * b * b) }' || fail "$1: $2, but $3 by MRtrix3"
}
check() { # METRIC: its errors by MRtrix3 are in error.mif
    for region in brain wm gm csf; do
        mask=p_${region/brain/mask}.nii.gz
        [ "$(member "$1" $region excluded)" = 0 ] || continue # mrcalc divides by what we leave out
        for key in mean median std; do
            same "$1 $region $key" "$(member "$1" $region $key)" "$(mrstats error.mif -mask $mask -output $key)"
        done
        same "$1 $region voxels" "$(member "$1" $region voxels)" "$(mrstats error.mif -mask $mask -output count)"
        n=$((n + 1))
    done
    mrcalc error.mif out/"$1"_relative_error.nii.gz -subtract -abs p_wm.nii.gz -mult error.mif -divide difference.mif -force
    below "the difference between maps of $1" "$(mrstats difference.mif -mask p_wm.nii.gz -output max)" 1e-5
}
n=0
for metric in fa md; do
    mrcalc out/original_$metric.nii.gz out/result_$metric.nii.gz -subtract -abs out/original_$metric.nii.gz -divide error.mif -force
    check $metric
done
for l in 0 2; do
    for series in original result; do mrconvert out/${series}_rish.nii.gz -coord 3 $((l / 2)) -axes 0,1,2 $series.mif -force; done
    mrcalc original.mif result.mif -subtract -abs original.mif -divide error.mif -force
    check rish$l
done
if [ ${#fod[@]} = 0 ]; then
    mrmath out/original_fod.nii.gz norm -axis 3 size.mif
    mrcalc out/original_fod.nii.gz out/result_fod.nii.gz -subtract difference.mif -force
    mrmath difference.mif norm -axis 3 distance.mif
    mrcalc distance.mif size.mif -divide error.mif -force
    check fod
fi
[ $n -ge 12 ] || fail "only $n regions could be compared"

# What the errors are worth: in white matter a quarter at most at this noise, and RISH2 has more than RISH0.
for metric in fa md rish0 rish2; do below "$metric in white matter" "$(member $metric wm median)" 0.25; done
below "RISH0 of RISH2" "$(member rish0 wm median)" "$(member rish2 wm median)"

# An archive of some slices: what MRtrix3 makes of these slices of the original, cut by itself.
"$sirencl" compress p.nii.gz middle.siren --slices 2:4 --layers 1 --width 32 --epochs 50 --quiet && "$sirencl" decompress middle.siren middle.nii --quiet ||
    fail "compress"
for name in p p_mask; do mrconvert $name.nii.gz -coord 2 2:3 cut${name#p}.nii; done
cp p.bval cut.bval && cp p.bvec cut.bvec
"$sirencl" evaluate p.nii.gz middle.siren --mask p_mask.nii.gz --no-fod -o part --quiet >part.txt && "$sirencl" evaluate cut.nii middle.nii --mask cut_mask.nii --no-fod -o cut --quiet >cut.txt ||
    fail "evaluate of slices"
sed '/slices_judged/d' part/evaluation.json | cmp - cut/evaluation.json || fail "the metrics of slices differ: $(diff part/evaluation.json cut/evaluation.json)"
echo "$n regions agree with mrcalc and mrstats"
