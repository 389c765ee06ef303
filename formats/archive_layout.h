/* Where what stands in a .siren file: shared by archive.c and archive_writer.c alone. Specified in
 * docs/archive-format.md, chapter 2. */
#ifndef SIREN_FORMATS_ARCHIVE_LAYOUT_H
#define SIREN_FORMATS_ARCHIVE_LAYOUT_H

#define SIREN_MAGIC "\x89SIR\r\n\x1a\n"
#define SIREN_END_MARK "SIRENEND"
#define SIREN_MARK_BYTES 8
#define SIREN_ARCHIVE_IN_MEMORY "the archive in memory" /* in the place of its path */

enum { /* offsets in the prefix */
       SIREN_PREFIX_VERSION = 8,
       SIREN_PREFIX_FEATURES = 12,
       SIREN_PREFIX_LENGTH = 16,
       SIREN_PREFIX_CRC = 24,
       SIREN_PREFIX_BYTES = 32
};
enum { /* in an entry of the section table */
       SIREN_TABLE_KIND = 0,
       SIREN_TABLE_FLAGS = 4,
       SIREN_TABLE_OFFSET = 8,
       SIREN_TABLE_STORED = 16,
       SIREN_TABLE_UNPACKED = 24,
       SIREN_TABLE_CRC = 32,
       SIREN_TABLE_BYTES = 40
};
enum { /* in an entry of the index */
       SIREN_INDEX_BLOCK = 0,
       SIREN_INDEX_FLAGS = 4,
       SIREN_INDEX_OFFSET = 8,
       SIREN_INDEX_STORED = 16,
       SIREN_INDEX_UNPACKED = 24,
       SIREN_INDEX_CRC = 32,
       SIREN_INDEX_DECODED_CRC = 40,
       SIREN_INDEX_MSE = 48,
       SIREN_INDEX_BYTES = 56
};
enum { /* in the trailer */
       SIREN_TRAILER_TABLE = 0,
       SIREN_TRAILER_SECTIONS = 8,
       SIREN_TRAILER_RECORDS = 16,
       SIREN_TRAILER_TABLE_CRC = 24,
       SIREN_TRAILER_INDEX_CRC = 32,
       SIREN_TRAILER_CRC = 40,
       SIREN_TRAILER_END = 48,
       SIREN_TRAILER_BYTES = 56
};

#define SIREN_FLAG_PACKED 1u   /* of a section */
#define SIREN_FLAG_PLAIN 1u    /* of a record, which is packed otherwise, */
#define SIREN_FLAG_CODED 2u    /* or coded */
#define SIREN_FEATURE_CODED 1u /* there are coded records */

#endif
