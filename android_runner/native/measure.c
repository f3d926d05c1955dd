#define _GNU_SOURCE
#include "measure.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "failure.h"
#include "order.h"

static void grow(struct measurement *measurement, uint32_t used, uint32_t more) {
  if (used + more <= measurement->room) return;
  uint32_t room = used + (more > used ? more : used);
  struct sample *samples = allocate(FAILED_INFERENCE, room, sizeof *samples);
  if (used > 0) memcpy(samples, measurement->samples, used * sizeof *samples);
  free(measurement->samples);
  measurement->samples = samples;
  measurement->room = room;
}

static void infer(struct measurement *measurement, struct model *model, const struct sequences *sequences,
                  uint32_t row, struct sample *sample) {
  struct entry *entry = measurement->entries[row];
  for (int input = 0; input < MODEL_INPUTS; input++) {
    model_set_input(model, entry, input, sequences_tokens(sequences, row, input));
  }
  int64_t start = clock_ns();
  int status = model_run(model, entry);
  int64_t end = clock_ns();
  int core = sched_getcpu();
  if (status != LITERT_OK) {
    fail(FAILED_INFERENCE, "row %d: LiteRT's status %d", sequences_row_id(sequences, row), status);
  }
  // Two reads of a coarse clock may agree; zero would read as "not measured".
  int64_t duration = end > start ? end - start : 1;
  *sample = (struct sample){.start_ns = start, .duration_ns = duration, .row = row, .core = core};
  if (!measurement->reached[row]) {
    measurement->reached[row] = true;
    model_logits(model, entry, measurement->logits + (size_t)row * model->labels);
  }
}

// How many entries the rows need; fills measurement->entries.
static size_t assign_entries(struct measurement *measurement, const struct model *model,
                             const struct sequences *sequences) {
  bool needed[MOST_SIGNATURES] = {false};
  size_t count = 0;
  measurement->entries = allocate(FAILED_INFERENCE, sequences->rows, sizeof(struct entry *));
  for (uint32_t row = 0; row < sequences->rows; row++) {
    struct entry *entry = model_entry(model, sequences_real_tokens(sequences, row));
    measurement->entries[row] = entry;
    count += !needed[entry - model->entries];
    needed[entry - model->entries] = true;
  }
  return count;
}

// Inferences until both conditions hold and `cold` entries have run: what an entry does once, on its first run, must
// not be timed.
static void warm_up(struct measurement *measurement, struct model *model, const struct sequences *sequences,
                    const struct measurement_plan *plan, struct order *order, size_t cold) {
  bool warm[MOST_SIGNATURES] = {false};
  const int64_t begin = clock_ns();
  const int64_t warm_ns = (int64_t)(plan->warmup_seconds * 1e9);
  if (plan->warmup_inferences == 0 && warm_ns == 0) return;
  while (measurement->warmup < plan->warmup_inferences || cold > 0 || clock_ns() - begin < warm_ns) {
    uint32_t row = order_next(order);
    bool *entry_warm = &warm[measurement->entries[row] - model->entries];
    grow(measurement, measurement->warmup, 1);
    infer(measurement, model, sequences, row, &measurement->samples[measurement->warmup]);
    measurement->warmup++;
    cold -= !*entry_warm;
    *entry_warm = true;
  }
}

void measure(struct measurement *measurement, struct model *model, const struct sequences *sequences,
             const struct measurement_plan *plan) {
  struct order order;
  *measurement = (struct measurement){0};
  measurement->reached = allocate(FAILED_INFERENCE, sequences->rows, sizeof *measurement->reached);
  measurement->logits = allocate(FAILED_INFERENCE, (size_t)sequences->rows * model->labels, sizeof(float));
  size_t needed = assign_entries(measurement, model, sequences);
  grow(measurement, 0, plan->warmup_inferences + 1024);
  order_start(&order, sequences->rows, plan->seed);
  warm_up(measurement, model, sequences, plan, &order, needed);
  grow(measurement, measurement->warmup, plan->inferences);
  // A pass of its own, so that N = rows times every row exactly once.
  order_new_pass(&order);
  for (; measurement->timed < plan->inferences; measurement->timed++) {
    struct sample *sample = &measurement->samples[measurement->warmup + measurement->timed];
    infer(measurement, model, sequences, order_next(&order), sample);
  }
  order_end(&order);
}

void measurement_end(struct measurement *measurement) {
  free(measurement->samples);
  free(measurement->entries);
  free(measurement->reached);
  free(measurement->logits);
}
