// CRC-32 as zlib computes it (reflected polynomial 0xEDB88320).
#ifndef CRC32_H
#define CRC32_H

#include <stddef.h>
#include <stdint.h>

uint32_t crc32_of(const uint8_t *data, size_t size);

#endif
