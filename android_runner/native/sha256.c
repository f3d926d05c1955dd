#include "sha256.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { BLOCK = 64 };

struct sha256 {
  uint32_t state[8];
  uint64_t bytes;
  uint8_t block[BLOCK];
};

static const uint32_t ROUND[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t rotate(uint32_t value, int by) { return (value >> by) | (value << (32 - by)); }

static void mix_block(struct sha256 *hash, const uint8_t *block) {
  uint32_t word[64];
  for (int i = 0; i < 16; i++) {
    word[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 | (uint32_t)block[4 * i + 2] << 8 |
              block[4 * i + 3];
  }
  for (int i = 16; i < 64; i++) {
    uint32_t low = rotate(word[i - 15], 7) ^ rotate(word[i - 15], 18) ^ (word[i - 15] >> 3);
    uint32_t high = rotate(word[i - 2], 17) ^ rotate(word[i - 2], 19) ^ (word[i - 2] >> 10);
    word[i] = word[i - 16] + low + word[i - 7] + high;
  }
  uint32_t v[8];
  memcpy(v, hash->state, sizeof v);
  for (int i = 0; i < 64; i++) {
    uint32_t high = rotate(v[4], 6) ^ rotate(v[4], 11) ^ rotate(v[4], 25);
    uint32_t choice = (v[4] & v[5]) ^ (~v[4] & v[6]);
    uint32_t first = v[7] + high + choice + ROUND[i] + word[i];
    uint32_t low = rotate(v[0], 2) ^ rotate(v[0], 13) ^ rotate(v[0], 22);
    uint32_t majority = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);
    memmove(v + 1, v, 7 * sizeof *v);
    v[4] += first;
    v[0] = first + low + majority;
  }
  for (int i = 0; i < 8; i++) hash->state[i] += v[i];
}

static void add(struct sha256 *hash, const uint8_t *data, size_t size) {
  while (size > 0) {
    size_t filled = hash->bytes % BLOCK;
    size_t taken = size < BLOCK - filled ? size : BLOCK - filled;
    memcpy(hash->block + filled, data, taken);
    hash->bytes += taken;
    data += taken;
    size -= taken;
    if (hash->bytes % BLOCK == 0) mix_block(hash, hash->block);
  }
}

static void finish(struct sha256 *hash, char text[SHA256_TEXT]) {
  uint64_t bits = hash->bytes * 8;
  const uint8_t one = 0x80, zero = 0;
  add(hash, &one, 1);
  while (hash->bytes % BLOCK != BLOCK - 8) add(hash, &zero, 1);
  uint8_t length[8];
  for (int i = 0; i < 8; i++) length[i] = (uint8_t)(bits >> (56 - 8 * i));
  add(hash, length, sizeof length);
  for (int i = 0; i < 8; i++) snprintf(text + 8 * i, 9, "%08x", hash->state[i]);
}

bool sha256_of_file(const char *path, char text[SHA256_TEXT]) {
  struct sha256 hash = {.state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab,
                                  0x5be0cd19}};
  FILE *file = fopen(path, "rb");
  if (file == NULL) return false;
  uint8_t buffer[1 << 16];
  size_t got;
  while ((got = fread(buffer, 1, sizeof buffer, file)) > 0) add(&hash, buffer, got);
  bool whole = !ferror(file);
  fclose(file);
  if (whole) finish(&hash, text);
  return whole;
}
