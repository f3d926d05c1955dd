// The order of rows: pass after pass, each a Fisher-Yates shuffle of all rows by SplitMix64.
//
// android_runner/sequences.py computes the same order from the same seed; a test holds them equal.
#ifndef ORDER_H
#define ORDER_H

#include <stdint.h>

struct order {
  uint64_t state;
  uint32_t rows;
  uint32_t used;  // how much of the pass is used up; `rows` means that the next call shuffles anew
  uint32_t *pass;
};

void order_start(struct order *order, uint32_t rows, uint64_t seed);

// Drops what is left of the current pass.
void order_new_pass(struct order *order);

// Index of the next row, 0 <= index < rows.
uint32_t order_next(struct order *order);

void order_end(struct order *order);

#endif
