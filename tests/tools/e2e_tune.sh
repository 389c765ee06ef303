# sirencl tune: configurations that do not build, crash, hang or compute wrongly are named and skipped; what is kept is used,
# changes no decoded bit, and is ignored with a warning where it is damaged or of something else.
source "$(dirname "$0")/../common.sh"
unset SIRENCL_TUNE
export SIRENCL_DEVICE=cpu XDG_CACHE_HOME=$folder/cache SIRENCL_KERNEL_DIR=$folder/kernels
has_device || skip "no OpenCL device"
has_cpu || skip "no CPU device"
# broken PRELUDE: the kernels, with this text in the head of all of them; those around CLBlast, slow on a CPU, never build
broken() {
    rm -rf kernels
    cp -r "$root/cl" kernels
    printf '%s\n' "$1" >>kernels/prelude.cl
    echo '#error "CLBlast has its own tests"' >>kernels/gemm.cl
}
no_more() { broken '#if defined SIREN_BLOCK_ROWS && (SIREN_BLOCK_ROWS != 192 || SIREN_LANES != 8)
#error "one configuration is enough"
#endif'; }

# A default that fails: refused, unless asked to go on.
no_more
expect 7 '' "$sirencl" tune --quiet
grep -q 'fails with what it uses by default (lanes [0-9]*, block_rows 96).*one configuration is enough.*--allow-failed-device' stderr.txt ||
    fail "a default that does not build: $(cat stderr.txt)"
[ ! -e cache/sirencl ] || fail "a refused device has a cache"
run "$sirencl" tune --allow-failed-device
[ "$(grep -c 'is skipped' stderr.txt)" = 8 ] || fail "eight are to be skipped: $(cat stderr.txt)"
grep -q '^medium  networks (up to 384 units): lanes 8, block_rows 192, ' stdout.txt || fail "the only one left: $(cat stdout.txt)"
broken '#error "none"'
"$sirencl" tune --allow-failed-device --quiet 2>stderr.txt && fail "none works, and that is no failure"
[ $? = 7 ] && grep -q 'none of the 9 configurations works' stderr.txt || fail "none works: $(cat stderr.txt)"

# What was kept is used: another order of sums, the same decoded bits, and the archive tells.
no_more
kept=$(echo cache/sirencl/tune-*.json)
[ -f "$kept" ] || fail "no cache: $kept"
unset SIRENCL_KERNEL_DIR
phantom --dims 40x40x1 --shells 0:3 p.nii
compress() { run "$sirencl" compress --layers 2 --width 32 --epochs 20 --force p.nii "$1.siren"; }
compress tuned
[ -z "$(warnings)" ] || fail "a sound cache: $(cat stderr.txt)"
SIRENCL_TUNE=off compress plain
tells 'tuned *lanes 8, block_rows 192' "$sirencl" info tuned.siren || fail "the archive does not tell: $("$sirencl" info tuned.siren)"
! tells tuned "$sirencl" info plain.siren || fail "SIRENCL_TUNE=off is not heard"
for archive in tuned plain; do
    "$sirencl" verify --quiet $archive.siren || fail "verify $archive with the cache"
    SIRENCL_TUNE=off "$sirencl" verify --quiet $archive.siren || fail "verify $archive without the cache"
done

# CLBlast where it won: used in training, named, put aside by --gemm own, and of no influence on decoding.
cp "$kept" sound.json
sed 's/"lanes":[[:space:]]*8,[[:space:]]*"block_rows":[[:space:]]*192/"clblast": 1/' <(tr -d '\n' <sound.json) >"$kept"
compress clblast
[ -z "$(warnings)" ] || fail "a cache with CLBlast: $(cat stderr.txt)"
tells 'products *clblast 1' "$sirencl" info clblast.siren || fail "CLBlast is not used: $("$sirencl" info clblast.siren)"
SIRENCL_TUNE=off "$sirencl" verify --quiet clblast.siren || fail "verify of CLBlast's archive"
"$sirencl" compress --gemm own --layers 2 --width 32 --epochs 20 --force p.nii own.siren >/dev/null || fail "compress --gemm own"
cmp -s own.siren plain.siren || fail "--gemm own is not heard"
cp sound.json "$kept"

# A cache that is damaged, foreign, or asks for what is not in the list.
cp "$kept" sound.json
ignored() { # PART: one warning that holds it, and the archive of no cache
    compress other
    [ "$(warnings | wc -l)" = 1 ] && grep -qF -- "$1" stderr.txt || fail "a warning of '$1': $(cat stderr.txt)"
    cmp -s other.siren plain.siren || fail "'$1' was not ignored"
}
head -c 200 sound.json >"$kept" && ignored "$(basename "$kept")"
: >"$kept" && ignored "$(basename "$kept")"
head -c 3000 /dev/urandom >"$kept" && ignored "$(basename "$kept")"
sed 's/"driver":[[:space:]]*"/&old /' sound.json >"$kept" && ignored "driver is 'old "
sed 's/"version":[[:space:]]*1/"version": 7/' sound.json >"$kept" && ignored "is of version 7"
sed 's/"block_rows":[[:space:]]*192/"block_rows": 191/' sound.json >"$kept" && ignored "is no configuration of the chain family"
sed 's/"lanes":[[:space:]]*8/"lanes": "8"/' sound.json >"$kept" && ignored 'shapes.narrow.lanes is "8"'
sed 's/"medium"/"middle"/' sound.json >"$kept" && ignored "has no shape medium"
echo '{}' >"$kept" && ignored "is of version 0"
rm "$kept"
compress other
[ -z "$(warnings)" ] || fail "a missing cache: $(cat stderr.txt)"
cmp -s other.siren plain.siren || fail "a missing cache changes the archive"

# Configurations that do not build, crash and compute wrongly, beside the sound default.
export SIRENCL_KERNEL_DIR=$folder/kernels
broken '#if SIREN_BLOCK_ROWS == 48 && SIREN_LANES == 8
#error "not this one"
#elif SIREN_BLOCK_ROWS == 192
#error "nor these"
#elif SIREN_BLOCK_ROWS == 48
#define BREAK __builtin_trap();
#elif SIREN_BLOCK_ROWS == 144
#define BREAK partial_losses[part] = 1e6f;
#else
#define BREAK
#endif'
# breaking_step: chain_step does what BREAK says, in every round
breaking_step() {
    sed -i 's/^        partial_losses\[slot\] += .*/&\n        BREAK/' kernels/chain.cl
    grep -q BREAK kernels/chain.cl || fail "chain_step does not look as this test expects"
}
breaking_step
run "$sirencl" tune
skipped() { grep -q "warning: $1 is skipped: .*$2" stderr.txt || fail "$1 is not skipped for '$2': $(cat stderr.txt)"; }
skipped 'lanes 8, block_rows 48' 'not this one'
skipped 'lanes 16, block_rows 48' 'the OpenCL driver crashed'
skipped 'lanes 8, block_rows 144' 'computes wrongly'
skipped 'lanes 16, block_rows 144' 'computes wrongly'
skipped 'lanes 16, block_rows 192' 'nor these'
skipped 'clblast 1' 'CLBlast has its own tests'
[ "$(grep -c 'is skipped' stderr.txt)" = 7 ] || fail "seven are to be skipped: $(cat stderr.txt)"
! grep -Eq '^(narrow|medium|wide) .*(block_rows (48|144|192))' stdout.txt || fail "a skipped one was chosen: $(cat stdout.txt)"
[ -f "$kept" ] || fail "nothing was kept"
grep -q '"seconds":[[:space:]]*0\.' "$kept" || fail "no times were kept: $(cat "$kept")"

# One that hangs loses its own time only.
broken '#if defined SIREN_BLOCK_ROWS && (SIREN_BLOCK_ROWS != 192 || SIREN_LANES != 8)
#error "only one is tried"
#endif
#define BREAK for (volatile int on = 1; on;) {}'
breaking_step
"$sirencl" tune --allow-failed-device --time-limit 3 >stdout.txt 2>stderr.txt && fail "all of them fail, and that is no failure"
[ $? = 7 ] || fail "all of them fail: $(cat stderr.txt)"
skipped 'lanes 8, block_rows 192' 'did not end within its time limit of 3 s'
grep -q 'none of the 9 configurations works' stderr.txt || fail "all of them fail: $(cat stderr.txt)"

# Wrong usage.
expect 2 "family is 'warp'" "$sirencl" tune --family warp
expect 2 "--probe is 99 but must be from 0 to 8" "$sirencl" tune --probe 99
echo "all checks passed"
