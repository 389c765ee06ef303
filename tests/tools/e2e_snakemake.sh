# A sweep in parts under Snakemake (tools/snakemake/Snakefile), one of whose parts is killed: the run is that of one process.
source "$(dirname "$0")/../common.sh"
needs snakemake
cat >some.json <<'JSON'
{
  "input": {"phantom": {"dims": [20, 18, 4], "shells": [[0, 1], [1000, 5]], "snr": 30, "seed": 3}},
  "grid": [
    {"model": "siren-2d", "layers": 2, "width": [16, 32], "weights": ["int8", "float32"]},
    {"model": "siren-3d", "layers": 1, "width": 16}
  ],
  "epochs": 200,
  "outputs": {"restored": true},
  "baselines": [{"method": "jpeg2000", "match": "trials"}]
}
JSON
run "$sirencl" sweep --quiet --device cpu some.json -o whole
# The program, which kills itself in the middle of a part for the first time.
cat >frail.sh <<SH
#!/bin/sh
case "\$*" in *"--part 2/4"*)
    [ -e killed ] || { touch killed; exec timeout -s KILL 0.4 "$sirencl" "\$@"; } ;;
esac
exec "$sirencl" "\$@"
SH
chmod +x frail.sh
export HOME=$folder XDG_CACHE_HOME=$folder/cache
workflow() {
    snakemake --quiet --snakefile "$root/tools/snakemake/Snakefile" --cores 2 --config experiment=some.json run="the run" parts=4 \
        options="--device cpu" sirencl="$PWD/frail.sh" "$@" >snakemake.txt 2>&1 || fail "$(tail -n 20 snakemake.txt)"
}
workflow
[ -e killed ] || fail "nothing was killed"
same_run whole "the run"
checked "the run"
# What is there stays.
touch -d 2020-01-01 "the run.snakemake"/* && before=$(stat -c %Y "the run"/summary.csv)
workflow
[ "$(stat -c %Y "the run"/summary.csv)" = "$before" ] || fail "a finished workflow ran again"
