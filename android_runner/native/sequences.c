#define _GNU_SOURCE
#include "sequences.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "crc32.h"
#include "failure.h"

// The file is read as it lies: every processor this program is built for is little-endian.
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "little-endian only");

static const char MAGIC[8] = "MBSEQ001";
enum { MAGIC_SIZE = 8, HEADER = 20, TRAILER = 4 };

static uint8_t *read_whole(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) fail(FAILED_SEQUENCES, "%s: %s", path, strerror(errno));
  struct stat about;
  if (fstat(fileno(file), &about) != 0 || !S_ISREG(about.st_mode)) fail(FAILED_SEQUENCES, "%s: not a file", path);
  *size = (size_t)about.st_size;
  uint8_t *bytes = allocate(FAILED_SEQUENCES, *size, 1);
  if (fread(bytes, 1, *size, file) != *size) fail(FAILED_SEQUENCES, "%s: cannot be read whole", path);
  fclose(file);
  return bytes;
}

static uint32_t word_at(const uint8_t *bytes, size_t offset) {
  uint32_t word;
  memcpy(&word, bytes + offset, sizeof word);
  return word;
}

static void check_size(const struct sequences *sequences, const char *path, size_t size) {
  if (sequences->rows == 0 || sequences->length == 0 || sequences->vocabulary == 0) {
    fail(FAILED_SEQUENCES, "%s: %u rows of %u tokens out of %u", path, sequences->rows, sequences->length,
         sequences->vocabulary);
  }
  // rows and length are below 2^32 each: 128 bits hold the product whatever the header says.
  unsigned __int128 row_size = 4 + 12 * (uint64_t)sequences->length;
  unsigned __int128 wanted = row_size * sequences->rows + HEADER + TRAILER;
  if (wanted != size) {
    fail(FAILED_SEQUENCES, "%s: %zu bytes do not hold %u rows of %u tokens", path, size, sequences->rows,
         sequences->length);
  }
}

static int by_value(const void *left, const void *right) {
  int32_t a = *(const int32_t *)left, b = *(const int32_t *)right;
  return (a > b) - (a < b);
}

static void check_row_ids(const struct sequences *sequences, const char *path) {
  int32_t *ids = allocate(FAILED_SEQUENCES, sequences->rows, sizeof *ids);
  for (uint32_t row = 0; row < sequences->rows; row++) ids[row] = sequences_row_id(sequences, row);
  qsort(ids, sequences->rows, sizeof *ids, by_value);
  if (ids[0] < 0) fail(FAILED_SEQUENCES, "%s: row id %d", path, ids[0]);
  for (uint32_t i = 1; i < sequences->rows; i++) {
    if (ids[i] == ids[i - 1]) fail(FAILED_SEQUENCES, "%s: row id %d twice", path, ids[i]);
  }
  free(ids);
}

static void check_tokens(const struct sequences *sequences, const char *path) {
  static const char *const NAME[3] = {"input id", "attention mask", "token type"};
  for (uint32_t row = 0; row < sequences->rows; row++) {
    for (int part = 0; part < 3; part++) {
      uint32_t bound = part == 0 ? sequences->vocabulary : 2;
      const int32_t *tokens = sequences_tokens(sequences, row, part);
      for (uint32_t at = 0; at < sequences->length; at++) {
        if (tokens[at] < 0 || (uint32_t)tokens[at] >= bound) {
          fail(FAILED_SEQUENCES, "%s: %s %d of row %d at token %u is not below %u", path, NAME[part], tokens[at],
               sequences_row_id(sequences, row), at, bound);
        }
      }
    }
  }
}

void sequences_read(struct sequences *sequences, const char *path) {
  size_t size;
  uint8_t *bytes = read_whole(path, &size);
  if (size < HEADER + TRAILER || memcmp(bytes, MAGIC, MAGIC_SIZE) != 0) {
    fail(FAILED_SEQUENCES, "%s: not a MBSEQ001 file (%zu bytes)", path, size);
  }
  sequences->rows = word_at(bytes, 8);
  sequences->length = word_at(bytes, 12);
  sequences->vocabulary = word_at(bytes, 16);
  check_size(sequences, path, size);
  sequences->crc32 = word_at(bytes, size - TRAILER);
  uint32_t computed = crc32_of(bytes, size - TRAILER);
  if (computed != sequences->crc32) {
    fail(FAILED_SEQUENCES, "%s: CRC-32 is %08x, the file says %08x", path, computed, sequences->crc32);
  }
  sequences->words = allocate(FAILED_SEQUENCES, size - HEADER - TRAILER, 1);
  memcpy(sequences->words, bytes + HEADER, size - HEADER - TRAILER);
  free(bytes);
  check_row_ids(sequences, path);
  check_tokens(sequences, path);
}

static const int32_t *row_at(const struct sequences *sequences, uint32_t row) {
  return sequences->words + (size_t)row * (1 + 3 * (size_t)sequences->length);
}

int32_t sequences_row_id(const struct sequences *sequences, uint32_t row) { return row_at(sequences, row)[0]; }

const int32_t *sequences_tokens(const struct sequences *sequences, uint32_t row, int part) {
  return row_at(sequences, row) + 1 + (size_t)part * sequences->length;
}

uint32_t sequences_real_tokens(const struct sequences *sequences, uint32_t row) {
  const int32_t *mask = sequences_tokens(sequences, row, 1);
  uint32_t tokens = sequences->length;
  while (tokens > 0 && mask[tokens - 1] == 0) tokens--;
  return tokens;
}

void sequences_end(struct sequences *sequences) { free(sequences->words); }
