#include "tools/common/provenance.h"

#include <stdio.h>
#include <string.h>

void siren_tool_each_provenance(const char *provenance,
                                void (*line)(void *user, const char *key, const char *value), void *user) {
    for (const char *next = provenance; next && *next;) {
        size_t length = strcspn(next, "\n");
        char text[512];
        snprintf(text, sizeof text, "%.*s", (int)(length < sizeof text ? length : sizeof text - 1), next);
        char *equals = strchr(text, '=');
        if (equals) {
            *equals = '\0';
            line(user, text, equals + 1);
        }
        next += length + (next[length] == '\n');
    }
}
