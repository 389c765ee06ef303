#include "tools/datasets/bids.h"

#include "host/file.h"
#include "tools/common/many_files.h"
#include "tools/common/streams.h"

#include <sys/stat.h>

siren_status siren_bids_check(siren_bids_choice *choice, const char *const *names, const char *folder,
                              bool recursive) {
    const size_t n = siren_tool_count_files(names);
    struct stat facts;
    if (!choice->on && (choice->participants || choice->suffixes))
        return siren_fail(SIREN_USAGE, "--%s is for data sets; give --bids, or leave it out",
                          choice->participants ? "participant" : "suffix");
    if (!choice->on) return SIREN_OK;
    if (folder || recursive)
        return siren_fail(SIREN_USAGE, "--bids takes two folders, IN and OUT; leave out --%s",
                          folder ? "output" : "recursive");
    if (n != 2 || siren_stream_named(names[0]) || siren_stream_named(names[1]))
        return siren_fail(SIREN_USAGE, "--bids takes two folders, IN and OUT, but %zu names were given", n);
    if (stat(names[0], &facts) != 0 || !S_ISDIR(facts.st_mode))
        return siren_fail(SIREN_USAGE, "%s: is no folder, as a data set is", names[0]);
    if (!choice->suffixes) choice->suffixes = "dwi";
    choice->in = names[0];
    choice->out = names[1];
    return SIREN_OK;
}
