# A sweep in parts, by processes that share nothing but a folder, ends in the bytes of one process, however it was divided, killed and
# taken over; what contradicts itself is refused in one sentence.
source "$(dirname "$0")/../../common.sh"
refused() { expect "$1" "$2" "$sirencl" sweep "${@:3}"; } # STATUS PART arguments...
sweep() { run "$sirencl" sweep --quiet --device cpu "$@"; }
part() { "$sirencl" sweep --quiet --device cpu --part "$@"; } # I/N arguments...
waits() { local i; for i in $(seq 400); do "$@" && return; sleep 0.05; done; fail "never: $*"; }

cat >tiny.json <<'JSON'
{
  "name": "tiny",
  "input": {"phantom": {"dims": [20, 18, 4], "shells": [[0, 1], [1000, 5]], "snr": 30, "seed": 3}},
  // Every kind of block; trials that share a training and trials that do not.
  "grid": [
    {"model": "siren-2d", "layers": 2, "width": [16, 32], "weights": ["int8", "float32"]},
    {"model": "siren-2d", "layers": 2, "width": 16, "lr": 1e-3},
    {"model": "siren-3d", "layers": 1, "width": 16}
  ],
  "epochs": 40,
  "log_interval": 10,
  "outputs": {"restored": true},
  "baselines": [{"method": "jpeg2000", "match": "trials"}, {"method": "deflate"}],
  "evaluate": {"tissues": true, "diffusion": false}
}
JSON
sweep tiny.json -o whole

# ---- however it is divided ----
for n in 1 4; do
    for i in $(seq "$n"); do part "$i/$n" tiny.json -o "by$n" 2>>stderr.txt || fail "part $i/$n: $(cat stderr.txt)"; done
    [ ! -e "by$n/summary.csv" ] || fail "a part wrote tables"
    sweep --finish tiny.json -o "by$n"
    same_run whole "by$n"
    checked "by$n"
    [ "$(wc -l <"by$n/timing.csv")" = "$(wc -l <whole/timing.csv)" ] || fail "by $n: rows of timing.csv are lost or doubled"
done
sweep --finish tiny.json -o by4
same_run whole by4
# Several inputs and axes.
cat >axes.json <<'JSON'
{
  "inputs": [{"name": "a", "phantom": {"dims": [20, 18, 4], "seed": 1}}, {"name": "b", "phantom": {"dims": [12, 18, 5], "seed": 2}}],
  "grid": {"model": "siren-2d", "layers": 2, "width": 16},
  "blocks": {"axis": "x", "range": [1, 4]},
  "trials": [{"model": "siren-2d", "layers": 1, "width": 16, "blocks": {"axis": "z"}}],
  "epochs": 20
}
JSON
sed -i 's/, "seed": \([12]\)}/, "shells": [[0, 1], [1000, 2]], "seed": \1}/g' axes.json
sweep axes.json -o axes
for i in 4 2 1 3; do run part $i/4 axes.json -o axes4; done
sweep --finish axes.json -o axes4
same_run axes axes4
# More parts than blocks, two at once; some run twice.
for i in $(seq 23); do
    part "$i/23" tiny.json -o by23 2>>stderr.txt &
    [ $((i % 2)) != 0 ] || wait
done
wait
for i in 2 23; do run "$sirencl" sweep --device cpu --part "$i/23" tiny.json -o by23; done
grep -q 'of which 0 were trained now' stdout.txt || fail "a part that runs again trains again: $(cat stdout.txt)"
sweep --finish tiny.json -o by23
same_run whole by23
# One process goes on with what parts began, and parts with what one process began.
run part 2/3 tiny.json -o goes
sweep tiny.json -o goes
same_run whole goes
{ timeout -s KILL 0.6 "$sirencl" sweep --quiet --device cpu tiny.json -o back || true; } 2>stderr.txt
for i in 2 1; do run part "$i/2" tiny.json -o back; done
sweep --finish tiny.json -o back
same_run whole back

# ---- killed at random instants, requeued at once ----
RANDOM=20261130
started=$(date +%s%N)
run part 1/4 tiny.json -o timed
took=$((($(date +%s%N) - started) / 1000000))
task() { # I: until it is done
    local code
    for attempt in $(seq 6); do
        code=0
        { timeout -s KILL "$(printf 0%de-3 $((RANDOM % took + 1)))" "$sirencl" sweep --quiet --device cpu --part "$1/4" tiny.json -o killed || code=$?; } 2>"task$1.txt"
        [ $code = 137 ] || break
        echo >>kills.txt
    done
    [ $code != 137 ] || part "$1/4" tiny.json -o killed 2>"task$1.txt" || code=$?
    [ $code = 0 ] || [ $code = 137 ] || fail "task $1: exit code $code: $(cat "task$1.txt")"
}
# Where other work made the timed task a slow one, all may be done before they are killed: again then, and sooner.
for attempt in 1 2 3; do
    rm -rf killed && : >kills.txt
    pids=()
    for i in 1 2 3 4; do
        RANDOM=$((RANDOM + i)) task $i &
        pids+=($!)
        [ $((i % 2)) != 0 ] || { for pid in "${pids[@]}"; do wait "$pid" || exit 1; done; pids=(); }
    done
    kills=$(wc -l <kills.txt)
    [ "$kills" = 0 ] || break
    took=$((took / 4 + 1))
done
[ "$kills" -gt 0 ] || fail "nothing was killed"
{ timeout -s KILL 0.3 "$sirencl" sweep --quiet --device cpu --finish tiny.json -o killed || true; } 2>stderr.txt
sweep --finish tiny.json -o killed
same_run whole killed
checked killed

# ---- what is missing ----
run part 1/2 tiny.json -o missing
refused 8 'trials lack blocks' --device cpu --finish tiny.json -o missing
grep -q 'have all parts run to their end, then finish again' stderr.txt || fail "$(cat stderr.txt)"
run part 2/2 tiny.json -o missing
sweep --finish tiny.json -o missing
same_run whole missing

# ---- another experiment ----
sed 's/"epochs": 40/"epochs": 41/' tiny.json >other.json
run part 1/2 tiny.json -o held
refused 2 'another experiment' --device cpu --part 2/2 other.json -o held
sed 's/"seed": 3}/"seed": 4}/' tiny.json >head.json
refused 2 'was begun with another phantom' --device cpu --part 2/2 head.json -o held
refused 2 'another experiment' --device cpu --finish other.json -o held

# ---- a full disk: before a claim, within a block, within a trial's result ----
mkdir small
if mount -t tmpfs -o size=2m tmpfs small 2>/dev/null; then
    trap 'umount small 2>/dev/null || umount -l "$folder/small"; rm -rf "$folder"' EXIT
    run part 1/2 tiny.json -o small/run
    for free in 0 8 16 32; do
        cat /dev/zero >small/filler 2>/dev/null || true
        truncate -s "-${free}K" small/filler
        refused 1 'No space left on device' --device cpu --part 2/2 tiny.json -o small/run
        rm small/filler
    done
    [ -z "$(find small/run \( -name '.*.tmp' -o -name '.claim*' \))" ] || fail "full disk: partial files are left"
    run part 2/2 tiny.json -o small/run
    sweep --finish tiny.json -o small/run
    same_run whole small/run
else
    skip_part "a full disk: nothing can be mounted here"
fi
rm -rf held

# ---- two at once ----
sed 's/"epochs": 40/"epochs": 200000/; s/"name": "tiny"/"name": "long"/' tiny.json >long.json
"$sirencl" sweep --quiet --device cpu --part 1/2 long.json -o long 2>holder.txt &
holder=$!
waits test -e long/parts/1-of-2.json
refused 2 "long is in use by process $holder on $(hostname) (claim part-1-of-2); wait for it or stop it" --device cpu --part 1/2 long.json -o long
refused 2 "(claim part-1-of-2)" --device cpu --part 1/3 long.json -o long
refused 2 "(claim part-1-of-2)" --device cpu --finish long.json -o long
refused 2 "(claim part-1-of-2)" --device cpu long.json -o long
kill -TERM $holder
ends_with 130
grep -q 'interrupted' holder.txt || fail "$(cat holder.txt)"
"$sirencl" sweep --quiet --device cpu long.json -o long 2>holder.txt &
waits test -e long/environment.json
refused 2 "(claim run)" --device cpu --part 1/2 long.json -o long
kill -TERM $!
ends_with 130

# ---- a task elsewhere that died, and one that was silent for too long ----
sed -i 's/"epochs": 40/"epochs": 1000/' tiny.json
sweep tiny.json -o whole1000
mkdir -p far/claims
echo "+4711 node7 another-boot pid:[1] 99 6.000" >far/claims/part-1-of-1.41
"$sirencl" sweep --verbose --device cpu --part 1/1 tiny.json -o far 2>stderr.txt || fail "$(cat stderr.txt)"
grep -q 'waiting up to 6 s for a sign of process 4711 on node7' stderr.txt || fail "no word of the wait: $(cat stderr.txt)"
sweep --finish tiny.json -o far
same_run whole1000 far
if unshare --pid --fork true 2>/dev/null; then # whose processes are none of ours
    unshare --pid --fork --kill-child "$sirencl" sweep --quiet --device cpu --expiry 2 --part 1/2 tiny.json -o silent 2>silent.txt &
    waits test -e silent/parts/1-of-2.json
    pid=$(pgrep -P $!)
    kill -STOP "$pid"
    run part 1/2 tiny.json -o silent
    kill -CONT "$pid"
    ends_with 0 1
    ! grep -q . silent.txt || grep -q 'another process has taken over the claim part-1-of-2' silent.txt || fail "$(cat silent.txt)"
    run part 2/2 tiny.json -o silent
    sweep --finish tiny.json -o silent
    same_run whole1000 silent
else
    skip_part "a silent holder: there are no other process spaces here"
fi

# ---- what cannot be ----
refused 2 "--part: '9/8' is no part" --part 9/8 tiny.json -o x
refused 2 "contradicts" --part 1/8 --finish tiny.json -o x
refused 2 "leave out --part" --part 1/8 --dry-run tiny.json
[ ! -e x ] || fail "a folder was made"
echo "ok: $kills kills"
