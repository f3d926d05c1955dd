// The barest way to time a model: one input, one signature, two clock reads around each inference.
//
// bare_loop LIBRARY MODEL INPUTS TOKENS THREADS WARMUP TIMED: prints the nanoseconds of each timed inference, a line
// each. INPUTS holds input_ids, attention_mask and token_type_ids, TOKENS int32 each. The runtime is bound and called
// as the device program does it; everything else of that program is left out, because this is what it is held against.
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "litert.h"

enum { INPUTS = 3 };
static const char *const NAMES[INPUTS] = {"input_ids", "attention_mask", "token_type_ids"};
static struct litert litert;

static void must(int worked, const char *what) {
  if (worked) return;
  fprintf(stderr, "error: %s\n", what);
  exit(1);
}

static int64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static LiteRtTensorBuffer buffer(LiteRtEnvironment environment, LiteRtTensorBufferRequirements needs, LiteRtTensor of) {
  LiteRtRankedTensorType type;
  LiteRtTensorBuffer made;
  must(litert.LiteRtGetRankedTensorType(of, &type) == LITERT_OK, "a tensor's type");
  must(litert.LiteRtCreateManagedTensorBufferFromRequirements(environment, &type, needs, &made) == LITERT_OK,
       "a buffer");
  return made;
}

int main(int count, char **words) {
  must(count == 8, "seven arguments are needed");
  const size_t tokens = strtoul(words[4], NULL, 10);
  const int warmup = atoi(words[6]), timed = atoi(words[7]);
  char threads[64];
  snprintf(threads, sizeof threads, "num_threads = %d\n", atoi(words[5]));
  litert_load(&litert, words[1]);

  LiteRtEnvironment environment;
  LiteRtModel model;
  LiteRtOptions options;
  LiteRtOpaqueOptions xnnpack;
  LiteRtCompiledModel compiled;
  LiteRtSignature signature;
  must(litert.LiteRtCreateEnvironment(0, NULL, &environment) == LITERT_OK, "environment");
  must(litert.LiteRtCreateModelFromFile(environment, words[2], &model) == LITERT_OK, "model");
  must(litert.LiteRtCreateOptions(&options) == LITERT_OK, "options");
  must(litert.LiteRtSetOptionsHardwareAccelerators(options, LITERT_CPU) == LITERT_OK, "CPU");
  must(litert.LiteRtCreateOpaqueOptions("xnnpack", strdup(threads), free, &xnnpack) == LITERT_OK, "threads");
  must(litert.LiteRtAddOpaqueOptions(options, xnnpack) == LITERT_OK, "threads");
  must(litert.LiteRtCreateCompiledModel(environment, model, options, &compiled) == LITERT_OK, "compiling");
  must(litert.LiteRtGetModelSignature(model, 0, &signature) == LITERT_OK, "signature");

  FILE *file = fopen(words[3], "rb");
  must(file != NULL, words[3]);
  LiteRtTensorBuffer inputs[INPUTS], output;
  LiteRtTensorBufferRequirements needs;
  LiteRtTensor tensor;
  int32_t *values = calloc(tokens, sizeof *values);
  for (int name = 0; name < INPUTS; name++) {
    must(fread(values, sizeof *values, tokens, file) == tokens, "the inputs are too short");
    for (size_t at = 0; at < INPUTS; at++) {
      const char *found;
      void *memory;
      must(litert.LiteRtGetSignatureInputName(signature, at, &found) == LITERT_OK, "an input's name");
      if (strcmp(found, NAMES[name]) != 0) continue;
      must(litert.LiteRtGetSignatureInputTensorByIndex(signature, at, &tensor) == LITERT_OK, "an input");
      must(litert.LiteRtGetCompiledModelInputBufferRequirements(compiled, 0, at, &needs) == LITERT_OK, "an input");
      inputs[at] = buffer(environment, needs, tensor);
      must(litert.LiteRtLockTensorBuffer(inputs[at], &memory, LITERT_WRITE) == LITERT_OK, "locking");
      memcpy(memory, values, tokens * sizeof *values);
      must(litert.LiteRtUnlockTensorBuffer(inputs[at]) == LITERT_OK, "unlocking");
    }
  }
  fclose(file);
  must(litert.LiteRtGetSignatureOutputTensorByIndex(signature, 0, &tensor) == LITERT_OK, "the output");
  must(litert.LiteRtGetCompiledModelOutputBufferRequirements(compiled, 0, 0, &needs) == LITERT_OK, "the output");
  output = buffer(environment, needs, tensor);

  int64_t *taken_ns = calloc((size_t)timed, sizeof *taken_ns);
  for (int i = -warmup; i < timed; i++) {
    int64_t start = now_ns();
    int status = litert.LiteRtRunCompiledModel(compiled, 0, INPUTS, inputs, 1, &output);
    int64_t end = now_ns();
    must(status == LITERT_OK, "an inference");
    if (i >= 0) taken_ns[i] = end - start;
  }
  for (int i = 0; i < timed; i++) printf("%lld\n", (long long)taken_ns[i]);
  return 0;
}
