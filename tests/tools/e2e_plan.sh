# sirencl plan and targets: what is planned comes out, within the limits of docs/choosing.md; networks are as large as a target wants them;
# the noise is that of the phantom, of scikit-image and of MRtrix3's dwidenoise; odd images are refused in one sentence, or kept.
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

compress() { "$sirencl" compress --quiet --force --effort 3 "$@"; } # by counts: training for lossless archives is tested elsewhere
# choice FILE MODEL KEY: a number of the first choice of that model in plan's JSON
choice() { awk -v m="\"$2" -v k="\"$3\":" 'index($0, "\"model\"") { on = index($0, m) } on && index($0, k) { gsub(/[^0-9.e+-]/, "", $2); print $2; exit }' "$1"; }
within() { awk -v a="$1" -v b="$2" -v p="$3" 'BEGIN { exit !(a <= b * (1 + p / 100) && a >= b * (1 - p / 100)) }'; } # A B PERCENT
size() { stat -c %s "$1"; }

phantom p.nii.gz --dims 48x48x26 --shells 0:2,1000:12 --snr 25 --seed 4
raw=$((48 * 48 * 26 * 14 * 2))

# Without a device: what a transform and prediction would take.
run "$sirencl" plan --device host p.nii.gz
grep -q '^predictive  *--lossless ' stdout.txt && grep -q '^transform  *--noise 1 ' stdout.txt || fail "plan: $(cat stdout.txt)"
! grep -q siren-2d stdout.txt || fail "plan --device host tells of networks"
run "$sirencl" plan --device host --json p.nii.gz
cp stdout.txt plan.json
compress --lossless p.nii.gz exact.siren
within "$(choice plan.json predictive bytes)" "$(size exact.siren)" 10 || fail "lossless: $(choice plan.json predictive bytes) planned, $(size exact.siren)"
for target in "--psnr 34" "--noise 0.7" "--ratio 12" "--size 30K"; do
    # shellcheck disable=SC2086
    run "$sirencl" plan --device host --json --model transform $target p.nii.gz
    # shellcheck disable=SC2086
    compress $target p.nii.gz t.siren
    within "$(choice stdout.txt transform bytes)" "$(size t.siren)" 10 || fail "$target: $(choice stdout.txt transform bytes) planned, $(size t.siren)"
done
[ "$(size t.siren)" -le 30720 ] || fail "--size 30K has $(size t.siren) bytes"

# auto: every bit where that is as small as what was asked for, or where the transform cannot do it.
compress --model auto --ratio 1.5 p.nii.gz auto.siren
cmp auto.siren exact.siren || fail "--model auto --ratio 1.5 is not lossless"
compress --model auto --psnr 200 p.nii.gz auto.siren
cmp auto.siren exact.siren || fail "--model auto --psnr 200 is not lossless"
compress --model auto --ratio 12 p.nii.gz auto.siren
compress --ratio 12 p.nii.gz t.siren
cmp auto.siren t.siren || fail "--model auto --ratio 12 is not the transform"
compress --model predictive --noise 0.5 p.nii.gz near.siren
tells 'error.*at most' "$sirencl" info near.siren || fail "--noise by prediction has no bound"

# Outside a brain that was cut out all is 0: there a bound is far ahead of the transform, by bytes and by PSNR.
phantom q.nii.gz --dims 32x32x12 --shells 0:2,1000:12 --snr 60 --seed 4
compress --lossless --mask q_mask.nii.gz q.nii.gz q.siren
"$sirencl" decompress --quiet q.siren cut.nii
for target in "--psnr 55" "--ratio 11" "--size 30K"; do
    for model in auto transform; do
        # shellcheck disable=SC2086
        compress --model $model $target cut.nii $model.siren
        "$sirencl" info --json $model.siren >$model.json
    done
    tells 'error.*at most' "$sirencl" info auto.siren || fail "auto $target has no bound"
    awk -v t="$target" -v a="$(number auto.json psnr)" -v b="$(number transform.json psnr)" -v m="$(size auto.siren)" -v n="$(size transform.siren)" \
        -v r="$(number auto.json ratio)" 'BEGIN { exit !(t ~ /psnr/ ? a >= 55 && m < 0.9 * n : a > b + 5 && (t ~ /ratio/ ? r >= 11 : m <= 30720)) }' ||
        fail "auto $target: $(cat auto.json transform.json)"
done

# The noise: the phantom tells its sigma; others estimate it.
"$sirencl" phantom s.nii --dims 96x96x8 --shells 0:2,1000:20 --snr 25 --seed 5 >phantom.txt
run "$sirencl" plan --device host --json --lossless s.nii
awk '/"sigma"/ { gsub(/[^0-9.,e+-]/, " "); gsub(",", " "); print }' stdout.txt | tr -s ' ' '\n' | grep . >sigmas
[ "$(wc -l <sigmas)" = 22 ] || fail "sigmas: $(cat sigmas)"
known=$(sed 's/.*sigma \([0-9.]*\).*/\1/' phantom.txt)
mean=$(awk '{ s += $1 } END { print s / NR }' sigmas)
within "$mean" "$known" 10 || fail "a sigma of $mean, the phantom's is $known"
if python_has skimage,nibabel; then
    # In air, where its own estimate is that of a Rayleigh distribution: 0.655 sigma.
    other=$("$python" - <<'END'
import nibabel, numpy as np
from skimage.restoration import estimate_sigma
x = nibabel.load("s.nii").get_fdata()
print(np.mean([estimate_sigma(x[:14, :14, z, v]) for z in range(8) for v in range(22)]) / 0.655)
END
    )
    within "$mean" "$other" 12 || fail "a sigma of $mean, scikit-image finds $other"
else
    skip_part "$python has no skimage and nibabel (SIREN_PYTHON names another Python)"
fi
if has dwidenoise; then
    dwidenoise -quiet s.nii denoised.nii -noise noise.nii -force
    other=$(mrstats -quiet -ignorezero -output median noise.nii | tr -d ' ')
    # MP-PCA's map is of the magnitude, air included, where the spread is 0.655 sigma.
    awk -v a="$mean" -v b="$other" 'BEGIN { exit !(b > 0.6 * a && b < 1.15 * a) }' || fail "a sigma of $mean, dwidenoise finds $other"
else
    skip_part "there is no dwidenoise"
fi

# Networks for a target: no larger than it, nearly as large, and as planned.
if has_device; then
    for target in "--ratio 9" "--size 90000"; do
        for model in siren-2d-relu; do
            # shellcheck disable=SC2086
            run "$sirencl" plan --json $target --model $model --epochs 24 p.nii.gz
            cp stdout.txt plan.json
            # shellcheck disable=SC2086
            run "$sirencl" compress --force $target --model $model --epochs 24 p.nii.gz n.siren
            grep -q "$model 3x[0-9]*: expected time" stderr.txt || fail "$target tells nothing before: $(cat stderr.txt)"
            most=$(awk -v t="$target" -v r=$raw 'BEGIN { split(t, a, " "); print a[1] == "--ratio" ? r / a[2] : a[2] }')
            within "$(choice plan.json $model bytes)" "$(size n.siren)" 20 || fail "$model $target: $(choice plan.json $model bytes) planned, $(size n.siren)"
            awk -v n="$(size n.siren)" -v m="$most" 'BEGIN { exit !(n <= m && n > 0.88 * m) }' || fail "$model $target: $(size n.siren) of $most"
            "$sirencl" verify n.siren >verified.txt || fail "$model $target"
        done
    done
    compress --model siren-2d --psnr 19 --epochs 60 --slices 11:15 p.nii.gz n.siren
    "$sirencl" info --json n.siren >n.json
    awk -v p="$(number n.json psnr)" 'BEGIN { exit !(p >= 19) }' || fail "--psnr 19 with networks: $(number n.json psnr)"
    expect 9 'out of reach of networks' "$sirencl" compress --model siren-2d --psnr 90 --epochs 3 p.nii.gz no.siren
    expect 9 'out of reach of networks' "$sirencl" compress --model siren-2d --size 900 --epochs 3 p.nii.gz no.siren
    # Nothing said: a ratio of 10, and what else there is.
    phantom tiny.nii.gz --dims 24x24x3 --shells 0:1,1000:14
    run "$sirencl" compress tiny.nii.gz tiny.siren
    grep -q 'instead  *--' stdout.txt || fail "nothing else is told: $(cat stdout.txt)"
    "$sirencl" info --json tiny.siren >tiny.json
    awk -v r="$(number tiny.json ratio)" 'BEGIN { exit !(r >= 10) }' || fail "the default: a ratio of $(number tiny.json ratio)"
    tells 'optimiser    soap' "$sirencl" info tiny.siren || fail "the default is another network"
    # Nothing said of weights: the bits that serve best at equal bytes, by a slice trained beforehand.
    phantom four.nii.gz --dims 24x24x4 --shells 0:1,1000:14 --snr 20
    compress --model siren-2d --size 14000 --device cpu four.nii.gz chosen.siren
    compress --model siren-2d --size 14000 --device cpu --weights int8 four.nii.gz int8.siren
    for name in chosen int8; do "$sirencl" info --json $name.siren >$name.json; done
    awk -v n="$(size chosen.siren)" 'BEGIN { exit !(n <= 14000 && n > 12900) }' || fail "--size 14000: $(size chosen.siren)"
    awk -v a="$(number chosen.json psnr)" -v b="$(number int8.json psnr)" 'BEGIN { exit !(a > b + 0.1) }' ||
        fail "chosen weights: $(number chosen.json psnr) dB, int8 $(number int8.json psnr)"
    tells 'taper  *[12]' "$sirencl" info chosen.siren || fail "the taper is not told"
    "$sirencl" verify --quiet chosen.siren || fail "tapered weights do not decode"
    # Many volumes: auto tries networks, too.
    phantom many.nii.gz --dims 20x20x2 --shells 0:2,1000:100
    run "$sirencl" compress --verbose --model auto --ratio 25 --device cpu many.nii.gz many.siren
    grep -Eq 'auto: (siren-2d|transform)' stderr.txt && grep -q measuring stderr.txt || fail "auto with many volumes: $(cat stderr.txt)"
    expect 2 'force-larger' "$sirencl" compress --width 256 --epochs 5 tiny.nii.gz no.siren
    run "$sirencl" compress --width 256 --epochs 5 --force-larger tiny.nii.gz larger.siren
    [ ! -e no.siren ] || fail "a refused archive is there"
    phantom less.nii --dims 16x16x1 --shells 0:1,1000:3
    run "$sirencl" compress --width 64 --epochs 5 less.nii less.siren # larger by so little is but a warning
    grep -q 'is larger than less.nii' stderr.txt || fail "no word of a larger archive: $(cat stderr.txt)"
else
    skip_part "there is no OpenCL device"
fi

# A largest error, whatever the model: of the transform and of networks by corrections.
for model in "transform" "auto" "siren-2d --width 16 --layers 1 --epochs 3 --force-larger --device cpu"; do
    case $model in siren*) has_device || { skip_part "networks with a largest error: no OpenCL device"; continue; } ;; esac
    # shellcheck disable=SC2086
    compress --model $model --max-error 5 p.nii.gz bounded.siren
    "$sirencl" info bounded.siren | grep -q 'at most 5 ' || fail "$model: info does not tell the largest error"
    "$sirencl" decompress bounded.siren bounded.nii --force --quiet
    "$sirencl" compare p.nii.gz bounded.nii | awk '/maximal error/ { exit !($3 > 0 && $3 <= 5) }' || fail "--model $model --max-error 5"
done

# What contradicts each other, and what is no target.
expect 2 'contradict' "$sirencl" compress --model siren-2d --ratio 9 --width 64 p.nii.gz no.siren
expect 2 'of networks' "$sirencl" compress --ratio 9 --epochs 64 p.nii.gz no.siren
expect 2 'not met by networks' "$sirencl" compress --model siren-2d --lossless p.nii.gz no.siren
expect 2 'not met by the transform' "$sirencl" compress --model transform --lossless p.nii.gz no.siren
expect 2 'not met by model predictive' "$sirencl" compress --model predictive --ratio 3 p.nii.gz no.siren
expect 2 'both targets' "$sirencl" compress --size 2M --noise 1 p.nii.gz no.siren
for bad in "--ratio 0.99" "--ratio nan" "--psnr nan" "--psnr -1" "--size 0" "--size 2X" "--noise 0" "--noise -1" "--max-error 101%" "--max-error -1%" "--max-error %"; do
    # shellcheck disable=SC2086
    expect 2 'must be' "$sirencl" compress $bad p.nii.gz no.siren
done

# Odd images: each target is met, or it is one sentence; no device takes part.
if python_has nibabel; then
    "$python" - <<'END'
import nibabel, numpy as np
r = np.random.default_rng(1)
def save(name, x):
    nibabel.save(nibabel.Nifti1Image(x, np.eye(4), dtype=x.dtype), name + ".nii")
save("constant", np.full((9, 9, 3, 4), 7, np.int16))
empty = r.integers(0, 900, (12, 12, 3, 5)).astype(np.int16); empty[..., 1] = 0; empty[:, :, 2] = 0
save("empty", empty)
save("one-volume", r.integers(0, 900, (12, 12, 3)).astype(np.int16))
save("one-slice", r.integers(0, 900, (12, 12, 1, 6)).astype(np.int16))
for side in range(1, 8):
    save(f"side-{side}", r.integers(0, 900, (side, 8 - side, 2, 3)).astype(np.uint8))
huge = r.normal(size=(8, 8, 2, 3)) * 1e300; huge[0, 0] = np.nan
save("huge", huge)
wide = np.exp(r.normal(size=(8, 8, 2, 3)) * 60).astype(np.float32); wide[1, 1] = np.inf
save("wide", wide)
save("large", r.integers(0, 1000, (8, 8, 2, 3)) << 50)
hot = r.integers(0, 900, (16, 16, 2, 3)).astype(np.int16); hot[3, 4, 1, 2] = 32767; hot[0, 0, 0, 0] = 900
save("hot", hot)
save("fractions", r.random((8, 8, 2, 3)).astype(np.float32))
END
    for image in constant empty one-volume one-slice side-{1..7} huge wide large hot; do
        for target in "--max-error 1%" "--noise 1" "--model auto --ratio 3" "--psnr 30"; do
            got=0
            # shellcheck disable=SC2086
            "$sirencl" compress --quiet --force $target $image.nii odd.siren 2>stderr.txt || got=$?
            case $got in
                0) "$sirencl" verify --quiet --device host odd.siren >verified.txt || fail "$image $target" ;;
                2 | 4 | 9) [ "$(wc -l <stderr.txt)" = 1 ] || fail "$image $target: $(cat stderr.txt)" ;;
                *) fail "$image $target: exit code $got: $(cat stderr.txt)" ;;
            esac
        done
        "$sirencl" plan --quiet --device host --ratio 2 $image.nii >plan.txt 2>stderr.txt || [ "$(wc -l <stderr.txt)" = 1 ] || fail "plan $image: $(cat stderr.txt)"
    done
    for model in predictive transform; do # a percentage is of the range of the rest
        compress --model $model --max-error 1% hot.nii hot.siren
        tells 'at most 9 ' "$sirencl" info hot.siren || fail "$model: a hot voxel widens the range: $("$sirencl" info hot.siren)"
    done
    compress --max-error 3 large.nii large.siren # 64 bits, which doubles would round
    # What one choice cannot have is no failure of the others; asked for alone, it is.
    run "$sirencl" plan --device host constant.nii
    grep -q '^transform  *--noise 1  *no noise can be seen' stdout.txt && grep -q '^predictive ' stdout.txt || fail "plan without noise: $(cat stdout.txt)"
    expect 2 'no noise can be seen' "$sirencl" plan --device host --noise 1 constant.nii
    if has_device; then
        "$python" -c 'import nibabel, numpy as np; nibabel.save(nibabel.Nifti1Image(((np.random.default_rng(2).random((8, 8, 2, 3)) + 1) * 1.7e38).astype("f4"), np.eye(4)), "edge.nii")'
        run "$sirencl" plan edge.nii
        grep -q '^siren-2d .* may leave float32' stdout.txt && grep -q '^predictive ' stdout.txt || fail "plan at float32's end: $(cat stdout.txt)"
    fi
    # A bound as of counts, for an image of fractions.
    for model in predictive transform; do
        run "$sirencl" compress --model $model --max-error 1 --force fractions.nii bounded.siren
        tells 'fractions.nii: errors of up to 1 leave nothing of it' grep warning stderr.txt || fail "$model: $(cat stderr.txt)"
        run "$sirencl" compress --model $model --max-error 10% --force fractions.nii bounded.siren
        ! grep 'leave nothing' stderr.txt || fail "$model: 10 % leaves something"
    done
else
    skip_part "$python has no nibabel (SIREN_PYTHON names another Python)"
fi
