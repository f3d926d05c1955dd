// The measurement: warm-up, then N timed inferences, every one of them kept.
#ifndef MEASURE_H
#define MEASURE_H

#include <stdbool.h>
#include <stdint.h>

#include "model.h"
#include "sequences.h"

struct sample {
  int64_t start_ns;  // of the clock
  int64_t duration_ns;
  uint32_t row;  // index, not id
  int32_t core;  // where the main thread was right after
};

struct measurement {
  struct sample *samples;  // warm-up first
  uint32_t warmup, timed;
  uint32_t room;
  struct entry **entries;  // per row: what runs it
  bool *reached;           // per row
  float *logits;           // per row, `labels` each: those of its first pass
};

struct measurement_plan {
  uint32_t inferences, warmup_inferences;
  double warmup_seconds;
  uint64_t seed;
};

// Warms up until both conditions hold and, if there is a warm-up at all, every entry that some row needs has run; then
// times `inferences`. Prints and writes nothing. Ends the program with FAILED_INFERENCE when LiteRT refuses.
void measure(struct measurement *measurement, struct model *model, const struct sequences *sequences,
             const struct measurement_plan *plan);

void measurement_end(struct measurement *measurement);

#endif
