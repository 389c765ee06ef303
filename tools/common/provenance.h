/* What an archive tells of how it was made. */
#ifndef SIREN_TOOLS_PROVENANCE_H
#define SIREN_TOOLS_PROVENANCE_H

/* Calls `line` with each "key=value" line of the provenance (may be NULL), cut in two. */
void siren_tool_each_provenance(const char *provenance,
                                void (*line)(void *user, const char *key, const char *value), void *user);

#endif
