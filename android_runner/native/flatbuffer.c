#include "flatbuffer.h"

#include <string.h>

// What of TFLite's schema (tensorflow/compiler/mlir/lite/schema/schema.fbs) is followed: per field, either a
// vector of plain elements (`width` bytes each; a string is one too) or a vector of tables (`tables`).
enum { MOST_FIELDS = 8 };
struct table {
  struct {
    size_t width;
    const struct table *tables;
  } field[MOST_FIELDS];
};

static const struct table OPERATOR_CODE = {{[1] = {.width = 1}}};
static const struct table TENSOR = {{[0] = {.width = 4}, [3] = {.width = 1}}};
static const struct table OPERATOR = {{[1] = {.width = 4}, [2] = {.width = 4}}};
static const struct table SUBGRAPH = {
    {{.tables = &TENSOR}, {.width = 4}, {.width = 4}, {.tables = &OPERATOR}, {.width = 1}}};
static const struct table BUFFER = {{{.width = 1}}};
static const struct table METADATA = {{{.width = 1}}};
static const struct table TENSOR_MAP = {{{.width = 1}}};
static const struct table SIGNATURE = {{{.tables = &TENSOR_MAP}, {.tables = &TENSOR_MAP}, {.width = 1}}};
static const struct table MODEL = {{[1] = {.tables = &OPERATOR_CODE},
                                    [2] = {.tables = &SUBGRAPH},
                                    [3] = {.width = 1},
                                    [4] = {.tables = &BUFFER},
                                    [6] = {.tables = &METADATA},
                                    [7] = {.tables = &SIGNATURE}}};

struct span {
  const uint8_t *bytes;
  size_t size;
};

static bool inside(const struct span *span, size_t at, size_t size) {
  return at <= span->size && size <= span->size - at;
}

static uint32_t word32(const struct span *span, size_t at) {
  uint32_t word;
  memcpy(&word, span->bytes + at, sizeof word);
  return word;
}

static uint16_t word16(const struct span *span, size_t at) {
  uint16_t word;
  memcpy(&word, span->bytes + at, sizeof word);
  return word;
}

static bool table_is_whole(const struct span *span, size_t at, const struct table *table);

static bool vector_is_whole(const struct span *span, size_t at, size_t width, const struct table *tables) {
  if (!inside(span, at, 4)) return false;
  size_t start = at + word32(span, at);
  if (!inside(span, start, 4)) return false;
  size_t count = word32(span, start);
  if (!inside(span, start + 4, count * (tables == NULL ? width : 4))) return false;
  for (size_t i = 0; tables != NULL && i < count; i++) {
    size_t element = start + 4 + 4 * i;
    if (!table_is_whole(span, element + word32(span, element), tables)) return false;
  }
  return true;
}

static bool table_is_whole(const struct span *span, size_t at, const struct table *table) {
  if (!inside(span, at, 4)) return false;
  // A table begins with the signed distance back to its list of fields: two sizes, then an offset per field.
  size_t fields = at - (size_t)(int64_t)(int32_t)word32(span, at);
  if (!inside(span, fields, 4)) return false;
  size_t fields_size = word16(span, fields), table_size = word16(span, fields + 2);
  if (fields_size < 4 || !inside(span, fields, fields_size) || !inside(span, at, table_size)) return false;
  for (size_t i = 0; i < MOST_FIELDS && 4 + 2 * i + 2 <= fields_size; i++) {
    size_t offset = word16(span, fields + 4 + 2 * i);
    if (offset == 0 || (table->field[i].width == 0 && table->field[i].tables == NULL)) continue;
    if (!vector_is_whole(span, at + offset, table->field[i].width, table->field[i].tables)) return false;
  }
  return true;
}

bool flatbuffer_is_whole(const uint8_t *bytes, size_t size) {
  struct span span = {bytes, size};
  if (size < 8 || memcmp(bytes + 4, "TFL3", 4) != 0) return false;
  return table_is_whole(&span, word32(&span, 0), &MODEL);
}
