/* Every voxel's series, read alone, against the whole decode. */
#ifndef SIREN_TESTS_VOXEL_SERIES_H
#define SIREN_TESTS_VOXEL_SERIES_H

/* Fails the test where siren_voxel_read() gives other bits than `decoded`, the restored image of `archive`, of all
 * volumes and of a part; and where a voxel beside the archived slices or the grid is not refused. */
void expect_voxel_series(const char *archive, const char *decoded);

#endif
