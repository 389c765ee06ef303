# A compression killed at random instants, again and again until it is through: the bytes of one left alone, and
# no finished block is trained twice. SIREN_TEST_KILLS says how many instants are tried (100), SIREN_TEST_SEED which.
source "$(dirname "$0")/../common.sh"
has_device || skip "there is no OpenCL device"
kills=${SIREN_TEST_KILLS-100}
RANDOM=${SIREN_TEST_SEED-1}
options=(--layers 1 --width 16 --epochs 60 --quiet)
phantom --dims 24x24x30 --shells 0:1,1000:5 p.nii
mkdir work
run "$sirencl" compress "${options[@]}" p.nii whole.siren # kernels are compiled, too
started=$(date +%s%N)
run "$sirencl" compress "${options[@]}" --force p.nii whole.siren
took=$((($(date +%s%N) - started) / 1000))
[ ! -e whole.siren.part ] || fail "a finished run left its journal"

# Finished blocks of a journal, by their marks.
kept() { { LC_ALL=C grep -aoP '\x8dpiece\r' "work/$1.siren.part" 2>/dev/null || true; } | wc -l; }

killed=0 finished=0 before=0 stages=" "
while [ $killed -lt "$kills" ]; do
    "$sirencl" compress "${options[@]}" p.nii work/a.siren 2>stderr.txt &
    microseconds=$((RANDOM * 32768 + RANDOM))
    microseconds=$((microseconds % took))
    sleep "$((microseconds / 1000000)).$(printf %06d $((microseconds % 1000000)))"
    kill -KILL $! 2>/dev/null || true
    code=0
    wait $! 2>/dev/null || code=$?
    now=$(kept a)
    case $code in
    137)
        killed=$((killed + 1))
        if [ -e work/a.siren ]; then # between its appearance and the end of the journal
            cmp whole.siren work/a.siren || fail "after $killed kills: another archive"
            rm work/a.siren
        else
            [ "$now" -ge "$before" ] || fail "$before blocks were kept, and after another kill $now"
        fi
        before=$now
        [[ $stages == *" $now "* ]] || stages+="$now "
        ;;
    0)
        cmp whole.siren work/a.siren || fail "after $killed kills: another archive"
        rm work/a.siren
        [ -z "$(ls -A work)" ] || fail "a finished run left $(ls -A work)"
        before=0 finished=$((finished + 1))
        ;;
    *) fail "exit code $code: $(cat stderr.txt)" ;;
    esac
done
run "$sirencl" compress "${options[@]}" p.nii work/a.siren
cmp whole.siren work/a.siren || fail "after the last kill: another archive"
rm work/a.siren
[ -z "$(ls -A work)" ] || fail "left behind: $(ls -A work)"
echo "$killed kills, $((finished + 1)) archives; blocks kept after a kill:$stages"
[ "$(wc -w <<<"$stages")" -ge $((kills / 20)) ] || fail "the instants were no different ones"

# Signals that ask: the journal stays, and the message says so.
long=(--layers 1 --width 16 --epochs 20000 p.nii work/b.siren)
start() {
    "$sirencl" compress "${long[@]}" >/dev/null 2>training.txt &
    for _ in $(seq 3000); do
        [ "$(kept b)" = 0 ] || ! grep -q " %" training.txt || return 0
        kill -0 $! 2>/dev/null || break
        sleep 0.01
    done
    fail "no block was kept: $(cat training.txt)"
}
for signal in INT TERM; do
    start
    kill -$signal $!
    ends_with 130
    grep -q 'work/b.siren.part keeps .*, and the same command goes on there' training.txt ||
        fail "SIG$signal: not told: $(cat training.txt)"
    [ "$(ls -A work)" = b.siren.part ] || fail "SIG$signal: left behind: $(ls -A work)"
done
expect 2 "'epochs 20000' instead of 'epochs 60'" "$sirencl" compress "${options[@]}" p.nii work/b.siren
[ "$(ls -A work)" = b.siren.part ] || fail "a refusal changed $(ls -A work)"

# What a killed process left under a hidden name goes as well, as the next one begins.
touch work/.sirencl-1-0.tmp

# Two at once: one of them, as long as it lives.
start
expect 2 "process $! on " "$sirencl" compress "${long[@]}"
expect 2 "is making this archive" "$sirencl" compress "${options[@]}" --no-resume p.nii work/b.siren
expect 2 "process $! on " "$sirencl" compress --lossless p.nii work/b.siren
kill -KILL $!
ends_with 137
# Without training: what is kept stays, with a word, and goes on; or it goes, on request.
cp work/b.siren.part kept.part
run "$sirencl" compress --lossless p.nii work/b.siren
grep -q 'warning: work/b.siren.part: stays: .*--no-resume' stderr.txt || fail "what is kept is not told: $(cat stderr.txt)"
cmp kept.part work/b.siren.part || fail "--lossless changed what is kept"
run "$sirencl" compress --lossless --force --no-resume p.nii work/b.siren
! grep -q part stderr.txt && [ "$(ls -A work)" = b.siren ] || fail "--lossless --no-resume left $(ls -A work): $(cat stderr.txt)"
mv kept.part work/b.siren.part && rm work/b.siren
run "$sirencl" compress "${options[@]}" --no-resume p.nii work/b.siren
cmp whole.siren work/b.siren || fail "--no-resume: another archive"
[ "$(ls -A work)" = b.siren ] || fail "--no-resume left $(ls -A work)"

# What is no journal is somebody's.
echo "a letter" >work/c.siren.part
run "$sirencl" compress --layers 1 --width 16 --epochs 60 p.nii work/c.siren
grep -q 'work/c.siren.part: is no journal of sirencl' stderr.txt || fail "not told: $(cat stderr.txt)"
for target in --lossless --ratio=5; do
    run "$sirencl" compress $target p.nii work/c.siren --force
    ! grep -q part stderr.txt || fail "$target: $(cat stderr.txt)"
done
[ "$(cat work/c.siren.part)" = "a letter" ] || fail "somebody else's file"
echo "all checks passed"
