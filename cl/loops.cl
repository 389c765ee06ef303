/* Whether loops come to their end: some drivers end them after so many passes and say nothing (loop_limit of the
 * device's facts). */
#include "prelude.cl"

/* Passes of an inner loop of n in an outer one of m; through memory, so that no compiler counts for it (global id:
 * one). */
__kernel void count_passes(__global int *out, int m, int n) {
    int passes = 0;
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++) {
            out[0] = j;
            passes += out[0] >= 0;
        }
    out[0] = passes;
}
