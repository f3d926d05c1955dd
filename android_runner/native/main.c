// The device program: runs a .tflite over a file of sequences and writes down how long each inference took.
//
// docs/formats.md holds its arguments, its exit codes and the two files.
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "arguments.h"
#include "crash.h"
#include "failure.h"
#include "litert.h"
#include "measure.h"
#include "model.h"
#include "placement.h"
#include "samples.h"
#include "sequences.h"
#include "sha256.h"

// Not getrusage: its figure outlives exec, so that a large parent's would be reported as ours.
static int64_t peak_rss_bytes(void) {
  long long kib = 0;
  char line[256];
  FILE *file = fopen("/proc/self/status", "r");
  if (file == NULL) return 0;
  while (fgets(line, sizeof line, file) != NULL) {
    if (sscanf(line, "VmHWM: %lld kB", &kib) == 1) break;
  }
  fclose(file);
  return kib * 1024;
}

static void say_done(const struct measurement *measurement) {
  printf("done warmup=%u timed=%u\n", measurement->warmup, measurement->timed);
  if (fflush(stdout) != 0) {
    int reason = errno;
    samples_take_back();
    fail(FAILED_OUTPUT, "stdout: %s", strerror(reason));
  }
}

int main(int count, char **words) {
  struct arguments arguments;
  struct sequences sequences;
  struct litert litert;
  struct model model;
  struct measurement measurement;
  char runtime_sha256[SHA256_TEXT];

  signal(SIGPIPE, SIG_IGN);  // a reader that went away is an error of writing, with its exit code
  arguments_parse(&arguments, count, words);
  if (arguments.version) {
    // A device on which the runtime does not load would run no launch either.
    if (arguments.runtime != NULL) litert_load(&litert, arguments.runtime);
    return printf("mobilebert_runner %d\n", PROGRAM_VERSION) < 0;
  }
  samples_begin(arguments.out);
  placement_take(&arguments.cores, arguments.threads);
  sequences_read(&sequences, arguments.sequences);
  litert_load(&litert, arguments.runtime);
  if (!sha256_of_file(litert.path, runtime_sha256)) fail(FAILED_RUNTIME, "%s: %s", litert.path, strerror(errno));
  struct signature_choice choice = {
      .key = arguments.signature, .shortest = arguments.shortest, .length = sequences.length};
  model_open(&model, &litert, arguments.model, arguments.model_sha256, &choice, arguments.threads);

  struct measurement_plan plan = {.inferences = arguments.inferences,
                                  .warmup_inferences = arguments.warmup_inferences,
                                  .warmup_seconds = arguments.warmup_seconds,
                                  .seed = arguments.seed};
  crash_means(FAILED_INFERENCE, "running the model");
  measure(&measurement, &model, &sequences, &plan);
  crash_means_nothing();

  struct samples_header header = {.arguments = &arguments,
                                  .sequences = &sequences,
                                  .model = &model,
                                  .runtime_sha256 = runtime_sha256,
                                  .peak_rss_bytes = peak_rss_bytes()};
  placement_seen(&header.worker_cores);
  placement_check_kept(&arguments.cores);
  samples_write(&header, &measurement);
  say_done(&measurement);
  model_close(&model);
  measurement_end(&measurement);
  sequences_end(&sequences);
  return 0;
}
