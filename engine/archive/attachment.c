#include "engine/archive/attachment.h"

#include "formats/little_endian.h"

#include <string.h>

siren_status siren_attachment_read(siren_archive *archive, size_t nth, siren_attachment *out) {
    const char *path = siren_archive_path(archive);
    siren_attachment a = {.bytes = NULL};
    const uint8_t *bytes;
    size_t n_bytes;
    SIREN_RETURN_IF_FAILED(siren_archive_section(archive, SIREN_SECTION_ATTACHMENT, nth, &bytes, &n_bytes));
    if (!bytes) {
        *out = a;
        return SIREN_OK;
    }
    size_t length = n_bytes >= 4 ? siren_get_u32(bytes) : 0;
    bool sound =
        length >= 2 && length <= SIREN_MAX_SUFFIX && length <= n_bytes - 4 && (bytes[4] == '.' || bytes[4] == '_');
    for (size_t i = 0; sound && i < length; i++)
        sound = bytes[4 + i] &&
                strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-", bytes[4 + i]);
    if (!sound)
        return siren_fail(
            SIREN_CORRUPT,
            "%s: the name of attachment %zu is not a plain suffix; restore the file from a copy", path, nth);
    memcpy(a.suffix, bytes + 4, length);
    if (strcmp(a.suffix, ".nii") == 0 || strcmp(a.suffix, ".nii.gz") == 0 || strcmp(a.suffix, ".siren") == 0)
        return siren_fail(SIREN_CORRUPT,
                          "%s: attachment %zu would replace an image; restore the file from a copy", path,
                          nth);
    a.bytes = bytes + 4 + length;
    a.n_bytes = n_bytes - 4 - length;
    *out = a;
    return SIREN_OK;
}
