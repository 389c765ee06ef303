# The kernels for NVIDIA's matrix units, where no GPU is: clang compiles them to PTX, CUDA's assembler makes machine code of
# that for compute capabilities 8.0 and 9.0, with the results of a tile in registers. The layer family's others beside them.
source "$(dirname "$0")/../../common.sh"
needs clang
sources=$root/cl
library=
for file in /usr/lib/clc/nvptx64--nvidiacl.bc /usr/share/libclc/nvptx64--nvidiacl.bc; do
    [ -e "$file" ] && library=$file && break
done
[ -n "$library" ] || skip "libclc is not installed"
has ptxas || skip_part "machine code: there is no ptxas"

# Each include once, as host/opencl/program.c does it.
flatten() {
    awk -v folder="$sources" '
        function add(name,   line) {
            if (name in seen) return
            seen[name] = 1
            while ((getline line < (folder "/" name)) > 0)
                if (line ~ /^#include "/) { split(line, part, "\""); add(part[2]) } else print line
        }
        BEGIN { add(ARGV[1]) }' "$1"
}

# compile FILE: to $folder/FILE.ptx with the tile in $1 to $4
compile() {
    local file=$1
    shift
    flatten "$file" >"$folder/$file"
    # NVIDIA's compiler knows the keyword asm; clang has it in OpenCL C with -fgnu-keywords only.
    clang -x cl -cl-std=CL1.2 -fgnu-keywords -target nvptx64--nvidiacl -O3 -Wall -Werror -Wno-unused-function \
        -Xclang -finclude-default-header -Xclang -target-cpu -Xclang sm_80 -Xclang -target-feature -Xclang +ptx70 \
        -Xclang -mlink-builtin-bitcode -Xclang "$library" -DSIREN_ITEMS_M="$1" -DSIREN_ITEMS_N="$2" -DSIREN_QUADS_M="$3" \
        -DSIREN_QUADS_N="$4" -DSIREN_SLAB=8 -S -o "$folder/$file.ptx" "$folder/$file"
}

# assemble FILE CAPABILITY: names each kernel's registers; fails where results of a tile are on the stack
assemble() {
    ptxas -v -arch="sm_$2" -o "$folder/$1.cubin" "$folder/$1.ptx" >"$folder/log" 2>&1 || { head -5 "$folder/log"; return 1; }
    awk '/Compiling entry/ { sub(/.*function ./, ""); sub(/. for.*/, ""); name = $0 }
         /bytes stack/ { stack = $1; spilled = $5 }
         /Used/ { sub(/.*Used /, ""); sub(/ registers.*/, "")
                  print "  " name ": " $0 " registers, " stack " bytes of stack, " spilled " spilled"
                  if (stack + 0 >= 64 || spilled + 0 > 0) wrong = 1 } END { exit wrong }' "$folder/log"
}

for tile in "16 16 2 2" "16 8 2 2" "8 8 2 2"; do
    for file in matrix_ptx.cl layer.cl layer_gradient.cl; do
        # shellcheck disable=SC2086
        compile $file $tile || fail "$file, tile $tile: does not compile"
        for capability in $(has ptxas && echo 80 90); do
            echo "$file, tile $tile, sm_$capability"
            assemble $file $capability || fail "$file, tile $tile, sm_$capability: see above"
        done
    done
    for instruction in mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 cvt.rna.tf32.f32; do
        grep -q "$instruction" "$folder/matrix_ptx.cl.ptx" || fail "tile $tile: no $instruction in the PTX"
    done
done
echo "all checks passed"
