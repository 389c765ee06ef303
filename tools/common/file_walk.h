/* Folders on a command line: the files in them. */
#ifndef SIREN_TOOLS_FILE_WALK_H
#define SIREN_TOOLS_FILE_WALK_H

#include "host/base.h"

#define SIREN_WALK_DEPTH 32 /* of folders at most */

typedef struct {
    char **paths; /* (n + 1), NULL at the end */
    char **below; /* (n) the folder of each within the one that was named; "" for none */
    size_t n;
} siren_file_list;
void siren_file_list_free(siren_file_list *list);
/* Copies both texts. */
siren_status siren_file_list_add(siren_file_list *list, const char *path, const char *below);

/* Adds the files below `folder` whose names end in one of `suffixes` (NULL at the end; in any case), in the order of
 * their bytes. Links to files are files, wherever they lead; links to folders are not followed; what begins with '.' is
 * left out. A folder that cannot be read is added itself, so that it is told where its files would be. */
siren_status siren_file_walk(const char *folder, const char *const *suffixes, siren_file_list *list);

/* The names of a command line (NULL at the end), each folder replaced by the files in it. USAGE for one that holds
 * none. `*out` is yours: siren_file_list_free(). */
siren_status siren_file_walk_names(const char *const *names, const char *const *suffixes,
                                   siren_file_list *out);

#endif
