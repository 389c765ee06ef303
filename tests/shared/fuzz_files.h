/* Files for targets of fuzzing, in memory. Each function aborts where the system fails. */
#ifndef SIREN_TESTS_FUZZ_FILES_H
#define SIREN_TESTS_FUZZ_FILES_H

#include "host/base.h"

/* The path of a file of these bytes, the same one each time. */
const char *fuzz_file(const void *bytes, size_t n_bytes);

/* A folder of this process, removed at its end. */
const char *fuzz_folder(void);
/* Writes a file below it; `name` may lead into folders that fuzz_subfolder() made. */
void fuzz_put(const char *name, const void *bytes, size_t n_bytes);
/* "FOLDER/NAME" into `path`, which it returns. */
#define FUZZ_PATH_CHARS 320
char *fuzz_path(const char *name, char path[FUZZ_PATH_CHARS]);
void fuzz_subfolder(const char *name);

/* From here on warnings are made, and not told. */
void fuzz_hear(void);

#endif
