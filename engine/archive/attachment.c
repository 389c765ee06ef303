#include "engine/archive/attachment.h"

#include "formats/little_endian.h"

#include <string.h>

bool siren_suffix_is_plain(const char *suffix) {
    size_t length = strlen(suffix);
    return length >= 2 && length <= SIREN_MAX_SUFFIX && (suffix[0] == '.' || suffix[0] == '_') &&
           strspn(suffix, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") == length;
}

bool siren_suffix_is_image(const char *suffix) {
    return strcmp(suffix, ".nii") == 0 || strcmp(suffix, ".nii.gz") == 0 || strcmp(suffix, ".siren") == 0;
}

siren_status siren_attachment_read(siren_archive *archive, size_t nth, siren_attachment *out) {
    const char *path = siren_archive_path(archive);
    siren_attachment a = {.bytes = NULL};
    const uint8_t *bytes;
    size_t n_bytes;
    SIREN_TRY(siren_archive_section(archive, SIREN_SECTION_ATTACHMENT, nth, &bytes, &n_bytes));
    if (!bytes) {
        *out = a;
        return SIREN_OK;
    }
    if (nth >= SIREN_MAX_ATTACHMENTS)
        return siren_fail(
            SIREN_UNSUPPORTED,
            "%s: has more than the limit of %d attachments, which no sirencl has written; restore the "
            "file from a copy",
            path, SIREN_MAX_ATTACHMENTS);
    size_t length = n_bytes >= 4 ? siren_get_u32(bytes) : 0;
    bool sound = length <= SIREN_MAX_SUFFIX && length + 4 <= n_bytes;
    if (sound) memcpy(a.suffix, bytes + 4, length);
    sound = sound && strlen(a.suffix) == length && siren_suffix_is_plain(a.suffix);
    if (!sound)
        return siren_fail(
            SIREN_CORRUPT,
            "%s: the name of attachment %zu is not a plain suffix; restore the file from a copy", path, nth);
    for (size_t earlier = 0; earlier < nth; earlier++) {
        const uint8_t *other;
        size_t n_other;
        SIREN_TRY(siren_archive_section(archive, SIREN_SECTION_ATTACHMENT, earlier, &other, &n_other));
        if (n_other >= 4 + length && memcmp(other, bytes, 4 + length) == 0)
            return siren_fail(SIREN_CORRUPT,
                              "%s: has two attachments of the name %s; restore the file from a copy", path,
                              a.suffix);
    }
    if (siren_suffix_is_image(a.suffix))
        return siren_fail(SIREN_CORRUPT,
                          "%s: attachment %zu would replace an image; restore the file from a copy", path,
                          nth);
    a.bytes = bytes + 4 + length;
    a.n_bytes = n_bytes - 4 - length;
    *out = a;
    return SIREN_OK;
}
