#include "host/opencl/gemm.h"

#include "host/opencl/opencl.h"

#include <clblast_c.h>
#include <pthread.h>
#include <stdio.h>

/* CLBlast before 1.6.1 has a race in its cache of programs, and parameters are the process's. */
static pthread_mutex_t enqueueing = PTHREAD_MUTEX_INITIALIZER;

/* ---- sets of parameters ---- */

typedef struct {
    const char *kernel;
    size_t n;
    const char *names[16];
} kernel_parameters;

static const kernel_parameters xgemm = {"Xgemm",
                                        16,
                                        {"GEMMK", "KREG", "KWG", "KWI", "MDIMA", "MDIMC", "MWG", "NDIMB",
                                         "NDIMC", "NWG", "SA", "SB", "STRM", "STRN", "VWM", "VWN"}};
static const kernel_parameters xgemm_direct = {
    "XgemmDirect",
    10,
    {"KWID", "MDIMAD", "MDIMCD", "NDIMBD", "NDIMCD", "PADA", "PADB", "VWMD", "VWND", "WGD"}};
static const kernel_parameters routine = {"GemmRoutine", 1, {"XGEMM_MIN_INDIRECT_SIZE"}};

/* The kernels that copy matrices into whole tiles, small enough for any device. */
static const struct {
    kernel_parameters parameters;
    size_t values[4];
} copies[] = {{{"Copy", 4, {"COPY_DIMX", "COPY_DIMY", "COPY_VW", "COPY_WPT"}}, {8, 8, 1, 1}},
              {{"Pad", 4, {"PAD_DIMX", "PAD_DIMY", "PAD_WPTX", "PAD_WPTY"}}, {8, 8, 1, 1}},
              {{"Transpose", 4, {"TRA_DIM", "TRA_PAD", "TRA_SHUFFLE", "TRA_WPT"}}, {8, 1, 0, 1}},
              {{"Padtranspose", 3, {"PADTRA_PAD", "PADTRA_TILE", "PADTRA_WPT"}}, {1, 8, 1}}};
#define COPY_ITEMS 64

static const struct {
    size_t xgemm[16], xgemm_direct[10], least_indirect;
    size_t items, local_bytes; /* that a work-group needs */
} sets[SIREN_GEMM_SETS] = {SIREN_GEMM_SET_ROWS};

static bool set_fits(const siren_device *device, unsigned set) {
    if (set == 0 || set > SIREN_GEMM_SETS) return false;
    size_t items = sets[set - 1].items > COPY_ITEMS ? sets[set - 1].items : COPY_ITEMS;
    return items <= device->facts.max_work_group && sets[set - 1].local_bytes <= device->facts.local_bytes;
}

unsigned siren_gemm_default(const siren_device *device) { return device->facts.is_cpu ? 1 : 2; }

/* ---- which set CLBlast uses ---- */

/* CLBlast keeps parameters for each device id of the process. */
static struct {
    cl_device_id id; /* NULL: free */
    unsigned set;
} in_use[16];
#define N_IN_USE (sizeof in_use / sizeof *in_use)
static size_t next_in_use;

static siren_status check_clblast(siren_device *device, CLBlastStatusCode code, const char *what) {
    char text[160];
    snprintf(text, sizeof text, "CLBlast's %s (--gemm own does without CLBlast)", what);
    /* Codes above -1000 are OpenCL's; the others name reasons of CLBlast's own. */
    if (code > -1000) return siren_opencl_check(device, (cl_int)code, text);
    return siren_fail(SIREN_DEVICE, "%s failed on the device %s: its status %d", text, device->label,
                      (int)code);
}

static siren_status override(siren_device *device, const kernel_parameters *parameters,
                             const size_t *values) {
    char what[64];
    snprintf(what, sizeof what, "change of parameters of %s", parameters->kernel);
    return check_clblast(device,
                         CLBlastOverrideParameters(device->id, parameters->kernel, CLBlastPrecisionSingle,
                                                   parameters->n, (const char **)parameters->names, values),
                         what);
}

static size_t find_in_use(cl_device_id id) {
    size_t i = 0;
    while (i < N_IN_USE && in_use[i].id != id) i++;
    return i;
}

static siren_status use_set(siren_device *device, unsigned set) {
    if (!set_fits(device, set))
        return siren_fail(SIREN_UNSUPPORTED,
                          "the device %s allows work-groups of %zu items and %llu bytes of local memory, too "
                          "little for the parameter set %u of CLBlast; use --gemm own",
                          device->label, device->facts.max_work_group,
                          (unsigned long long)device->facts.local_bytes, set);
    size_t at = find_in_use(device->id);
    if (at < N_IN_USE && in_use[at].set == set) return SIREN_OK;
    if (at == N_IN_USE) at = next_in_use++ % N_IN_USE;
    in_use[at].id = NULL; /* until all is as the set wants it */
    for (size_t i = 0; i < sizeof copies / sizeof *copies; i++)
        SIREN_TRY(override(device, &copies[i].parameters, copies[i].values));
    SIREN_TRY(override(device, &xgemm, sets[set - 1].xgemm));
    SIREN_TRY(override(device, &xgemm_direct, sets[set - 1].xgemm_direct));
    SIREN_TRY(override(device, &routine, &sets[set - 1].least_indirect));
    /* It would go on with the batched routines' programs of other parameters. */
    CLBlastClearCache();
    in_use[at].id = device->id;
    in_use[at].set = set;
    return SIREN_OK;
}

void siren_gemm_forget(siren_device *device) {
    pthread_mutex_lock(&enqueueing);
    size_t at = find_in_use(device->id);
    if (at < N_IN_USE) {
        in_use[at].id = NULL;
        CLBlastClearCache();
    }
    pthread_mutex_unlock(&enqueueing);
}

/* ---- products ---- */

/* Whether (rows, columns) of all matrices, as stored, lie inside their buffer, where CLBlast counts in ints. */
static bool inside(const siren_matrix *matrix, size_t n_products, size_t rows, size_t columns) {
    size_t floats = 0, before = 0;
    return rows > 0 && columns > 0 && n_products > 0 && matrix->pitch >= columns &&
           siren_mul(n_products - 1, matrix->stride, &before) &&
           siren_mul(rows - 1, matrix->pitch, &floats) && siren_add(floats, columns, &floats) &&
           siren_add(floats, before, &floats) && siren_add(floats, matrix->offset, &floats) &&
           floats <= siren_buffer_bytes(matrix->buffer) / sizeof(float) && floats <= INT32_MAX;
}

/* Whether CLBlast finds every matrix of a factor that it reads where it is. */
static bool without_gaps(const siren_matrix *matrix, size_t n_products, size_t rows, size_t columns) {
    return matrix->pitch > columns || n_products == 1 || matrix->stride == rows * columns;
}

/* The factor's memory from its offset on, which becomes 0. `*part` is to be released. */
static siren_status begin_at_offset(siren_matrix *matrix, cl_mem *part) {
    cl_int error = CL_SUCCESS;
    size_t origin = matrix->offset * sizeof(float);
    cl_buffer_region region = {origin, matrix->buffer->bytes - origin};
    *part = clCreateSubBuffer(matrix->buffer->memory, 0, CL_BUFFER_CREATE_TYPE_REGION, &region, &error);
    matrix->offset = 0;
    return siren_opencl_check(matrix->buffer->device, error, "creating a part of a buffer");
}

static void release_part(cl_mem *part) {
    if (*part) clReleaseMemObject(*part);
}

siren_status siren_gemm(siren_device *device, unsigned set, size_t n_products, size_t m, size_t n, size_t k,
                        float alpha, siren_matrix a, siren_matrix b, float beta, siren_matrix c) {
    siren_status status = SIREN_OK;
    size_t a_rows = a.transposed ? k : m, a_columns = a.transposed ? m : k;
    size_t b_rows = b.transposed ? n : k, b_columns = b.transposed ? k : n;
    SIREN_AT_END(release_part) cl_mem part_of_a = NULL, part_of_b = NULL;
    bool fits = !c.transposed && inside(&c, n_products, m, n) && inside(&a, n_products, a_rows, a_columns) &&
                inside(&b, n_products, b_rows, b_columns) &&
                (!a.transposed || without_gaps(&a, n_products, a_rows, a_columns)) &&
                (b.transposed || without_gaps(&b, n_products, b_rows, b_columns));
    if (!fits)
        return siren_fail(
            SIREN_USAGE,
            "%zu matrix product%s of %zu x %zu x %zu cannot be in these buffers: every side must be "
            "at least 1, every pitch as long as a row, the result not transposed, no gap between "
            "matrices that CLBlast reads where they are, and all within 2^31 values",
            n_products, siren_plural(n_products), m, n, k);
    if (a.transposed && a.offset) SIREN_TRY(begin_at_offset(&a, &part_of_a));
    if (!b.transposed && b.offset) SIREN_TRY(begin_at_offset(&b, &part_of_b));
    pthread_mutex_lock(&enqueueing);
    status = use_set(device, set);
    if (status == SIREN_OK) {
        siren_timed_call call = siren_timed_call_begin(device);
        CLBlastStatusCode code = CLBlastSgemmStridedBatched(
            CLBlastLayoutRowMajor, a.transposed ? CLBlastTransposeYes : CLBlastTransposeNo,
            b.transposed ? CLBlastTransposeYes : CLBlastTransposeNo, m, n, k, alpha,
            part_of_a ? part_of_a : a.buffer->memory, a.offset, a.pitch, a.stride,
            part_of_b ? part_of_b : b.buffer->memory, b.offset, b.pitch, b.stride, beta, c.buffer->memory,
            c.offset, c.pitch, c.stride, n_products, &device->queue, siren_timed_call_event(&call));
        siren_timed_call_end(&call, "CLBlast's Sgemm");
        status = check_clblast(device, code, "Sgemm");
    }
    pthread_mutex_unlock(&enqueueing);
    return status;
}
