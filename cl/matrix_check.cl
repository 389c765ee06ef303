/* Two products by matrix units, for the host to compare with its own: one tile of results (one group).
 *
 *   C[0] = A B^T of A(TILE_M, n_k) and B(TILE_N, n_k), as layers forwards;  C[1] = A^T B of A(n_k, TILE_M) and
 *   B(n_k, TILE_N), as weight gradients. Lines of A and B have `pitch` floats; the first n_rows and n_columns count. */
#include "layer.cl"
#include "layer_gradient.cl"

__kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1)))
void matrix_check(__global float *results /* (2, TILE_M, TILE_N) */, __global const float *a, __global const float *b,
                  int pitch, int n_k, int n_rows, int n_columns) {
    __local float4 slabs[SLABS_FLOATS / 4];
    factor rows = {a, pitch, 0, n_rows}, columns = {b, pitch, 0, n_columns};
    for (int side = 0; side < 2; side++) {
        float4 c[RESULT_ROWS][SIREN_QUADS_N];
        UNROLL for (int i = 0; i < RESULT_ROWS; i++)
            UNROLL for (int g = 0; g < SIREN_QUADS_N; g++) c[i][g] = (float4)(0.0f);
        barrier(CLK_LOCAL_MEM_FENCE);
        if (side == 0)
            product_forward(c, 0, (__local float *)slabs, rows, columns, n_k, 0);
        else
            product_weight(c, 0, (__local float *)slabs, rows, columns, n_k, 0);
        UNROLL for (int i = 0; i < RESULT_ROWS; i++)
            UNROLL for (int g = 0; g < SIREN_QUADS_N; g++)
                *(__global float4 *)(results + (side * TILE_M + TILE_ROW(i)) * TILE_N + TILE_COLUMN(g)) = c[i][g];
    }
}
