#include "order.h"

#include <stdlib.h>

#include "failure.h"

// SplitMix64. Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
static uint64_t draw(uint64_t *state) {
  *state += 0x9E3779B97F4A7C15u;
  uint64_t value = *state;
  value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9u;
  value = (value ^ value >> 27) * 0x94D049BB133111EBu;
  return value ^ value >> 31;
}

// 0 <= result < bound. The high half of a product: its bias is below bound / 2^64.
static uint32_t draw_below(uint64_t *state, uint32_t bound) {
  return (uint32_t)((unsigned __int128)draw(state) * bound >> 64);
}

void order_start(struct order *order, uint32_t rows, uint64_t seed) {
  order->state = seed;
  order->rows = rows;
  order->pass = allocate(FAILED_SEQUENCES, rows, sizeof *order->pass);
  order_new_pass(order);
}

void order_new_pass(struct order *order) { order->used = order->rows; }

uint32_t order_next(struct order *order) {
  if (order->used == order->rows) {
    for (uint32_t i = 0; i < order->rows; i++) order->pass[i] = i;
    for (uint32_t last = order->rows - 1; last > 0; last--) {
      uint32_t chosen = draw_below(&order->state, last + 1);
      uint32_t moved = order->pass[last];
      order->pass[last] = order->pass[chosen];
      order->pass[chosen] = moved;
    }
    order->used = 0;
  }
  return order->pass[order->used++];
}

void order_end(struct order *order) { free(order->pass); }
