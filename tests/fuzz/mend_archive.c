/* libFuzzer's mutations, with length and checksums of the archive put right afterwards: a fuzzer does not guess a CRC-64, an
 * attacker computes it. One in eight is left as it is. */
#include "formats/little_endian.h"
#include "tests/shared/archive_forge.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed);

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed) {
    size = LLVMFuzzerMutate(data, size, most);
    if (size < 24 || seed % 8 == 0) return size;
    siren_put_u64(data + 16, size);
    archive_repair(data, size, true);
    return size;
}
