// The command line, checked.
#ifndef ARGUMENTS_H
#define ARGUMENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "placement.h"

enum { PROGRAM_VERSION = 1 };

struct arguments {
  bool version;
  const char *runtime, *model, *sequences, *out;
  const char *model_sha256;  // NULL: not compared
  const char *signature;     // NULL: the one that fits the sequences
  bool shortest;             // each sequence by the shortest signature that holds it
  struct cores cores;        // none: not restricted
  int threads;
  uint64_t seed;
  uint32_t inferences, warmup_inferences;
  double warmup_seconds;
};

// Ends the program with FAILED_ARGUMENTS on anything unknown, doubled, missing or out of range.
void arguments_parse(struct arguments *arguments, int count, char **words);

#endif
