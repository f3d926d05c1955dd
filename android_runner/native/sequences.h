// The file of tokenized sequences (docs/formats.md): read whole, checked whole.
#ifndef SEQUENCES_H
#define SEQUENCES_H

#include <stdint.h>

struct sequences {
  uint32_t rows;
  uint32_t length;  // tokens per row
  uint32_t vocabulary;
  uint32_t crc32;
  int32_t *words;  // per row: id, input_ids[length], attention_mask[length], token_type_ids[length]
};

// Ends the program with FAILED_SEQUENCES unless every promise of the format is kept.
void sequences_read(struct sequences *sequences, const char *path);

int32_t sequences_row_id(const struct sequences *sequences, uint32_t row);

// `part`: 0 input_ids, 1 attention_mask, 2 token_type_ids; `length` values.
const int32_t *sequences_tokens(const struct sequences *sequences, uint32_t row, int part);

// Tokens of a row that are not padding: up to the last one that the mask lets through.
uint32_t sequences_real_tokens(const struct sequences *sequences, uint32_t row);

void sequences_end(struct sequences *sequences);

#endif
