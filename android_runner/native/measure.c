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
  for (int input = 0; input < MODEL_INPUTS; input++) {
    model_set_input(model, input, sequences_tokens(sequences, row, input));
  }
  int64_t start = clock_ns();
  int status = model_run(model);
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
    model_logits(model, measurement->logits + (size_t)row * model->labels);
  }
}

void measure(struct measurement *measurement, struct model *model, const struct sequences *sequences,
             const struct measurement_plan *plan) {
  struct order order;
  *measurement = (struct measurement){0};
  measurement->reached = allocate(FAILED_INFERENCE, sequences->rows, sizeof *measurement->reached);
  measurement->logits = allocate(FAILED_INFERENCE, (size_t)sequences->rows * model->labels, sizeof(float));
  grow(measurement, 0, plan->warmup_inferences + 1024);
  order_start(&order, sequences->rows, plan->seed);
  const int64_t begin = clock_ns();
  const int64_t warm_ns = (int64_t)(plan->warmup_seconds * 1e9);
  while (measurement->warmup < plan->warmup_inferences || clock_ns() - begin < warm_ns) {
    grow(measurement, measurement->warmup, 1);
    infer(measurement, model, sequences, order_next(&order), &measurement->samples[measurement->warmup]);
    measurement->warmup++;
  }
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
  free(measurement->reached);
  free(measurement->logits);
}
