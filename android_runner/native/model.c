#define _GNU_SOURCE
#include "model.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "crash.h"
#include "failure.h"
#include "flatbuffer.h"
#include "signature.h"

// LiteRT reads what it is given on trust: a file that is cut short is ours to notice.
static void check_file(struct model *model, const char *path, const char *sha256) {
  struct stat about;
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0 || fstat(file, &about) != 0) fail(FAILED_MODEL, "%s: %s", path, strerror(errno));
  if (!S_ISREG(about.st_mode)) fail(FAILED_MODEL, "%s: not a file", path);
  if (about.st_size == 0) fail(FAILED_MODEL, "%s: empty", path);
  size_t size = (size_t)about.st_size;
  void *bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE, file, 0);
  if (bytes == MAP_FAILED) fail(FAILED_MODEL, "%s: %s", path, strerror(errno));
  bool whole = flatbuffer_is_whole(bytes, size);
  munmap(bytes, size);
  close(file);
  if (!whole) fail(FAILED_MODEL, "%s: not a .tflite file, or cut short (%zu bytes)", path, size);
  if (!sha256_of_file(path, model->sha256)) fail(FAILED_MODEL, "%s: %s", path, strerror(errno));
  if (sha256 != NULL && strcmp(sha256, model->sha256) != 0) {
    fail(FAILED_MODEL, "%s: its SHA-256 is %s, not %s", path, model->sha256, sha256);
  }
}

static void compile(struct model *model, int threads) {
  const struct litert *litert = model->litert;
  LiteRtOpaqueOptions xnnpack;
  char *text;
  // The CPU's options travel as a TOML text under this name; LiteRT frees it.
  if (asprintf(&text, "num_threads = %d\n", threads) < 0) fail(FAILED_INFERENCE, "no memory for options");
  int status = litert->LiteRtCreateOptions(&model->options);
  if (status == LITERT_OK) status = litert->LiteRtSetOptionsHardwareAccelerators(model->options, LITERT_CPU);
  if (status == LITERT_OK) status = litert->LiteRtCreateOpaqueOptions("xnnpack", text, free, &xnnpack);
  if (status == LITERT_OK) status = litert->LiteRtAddOpaqueOptions(model->options, xnnpack);
  if (status != LITERT_OK) fail(FAILED_INFERENCE, "the options for %d threads: status %d", threads, status);
  status = litert->LiteRtCreateCompiledModel(model->environment, model->file, model->options, &model->compiled);
  if (status != LITERT_OK) fail(FAILED_INFERENCE, "the model does not compile: status %d", status);
  status = litert->LiteRtCompiledModelIsFullyAccelerated(model->compiled, &model->fully_accelerated);
  if (status != LITERT_OK) fail(FAILED_INFERENCE, "whether it is fully accelerated: status %d", status);
}

static LiteRtTensorBuffer new_buffer(struct model *model, bool output, size_t index,
                                     const struct signature *signature) {
  const struct litert *litert = model->litert;
  LiteRtTensorBufferRequirements needs;
  LiteRtTensorBuffer buffer;
  size_t size, wanted = 4 * (output ? signature->labels : signature->length);
  int status = (output ? litert->LiteRtGetCompiledModelOutputBufferRequirements
                       : litert->LiteRtGetCompiledModelInputBufferRequirements)(model->compiled, signature->index,
                                                                                index, &needs);
  if (status == LITERT_OK) {
    const LiteRtRankedTensorType *type = output ? &signature->output_type : &signature->input_types[index];
    status = litert->LiteRtCreateManagedTensorBufferFromRequirements(model->environment, type, needs, &buffer);
  }
  if (status == LITERT_OK) status = litert->LiteRtGetTensorBufferSize(buffer, &size);
  if (status != LITERT_OK) fail(FAILED_INFERENCE, "a buffer for %zu bytes: status %d", wanted, status);
  if (size < wanted) fail(FAILED_INFERENCE, "a buffer of %zu bytes for %zu", size, wanted);
  return buffer;
}

void model_open(struct model *model, const struct litert *litert, const char *path, const char *sha256,
                const char *wanted, uint32_t length, int threads) {
  struct signature signature;
  *model = (struct model){.litert = litert};
  check_file(model, path, sha256);
  int status = litert->LiteRtCreateEnvironment(0, NULL, &model->environment);
  if (status != LITERT_OK) fail(FAILED_RUNTIME, "LiteRT's environment: status %d", status);
  crash_means(FAILED_MODEL, "reading the model");
  int64_t before = clock_ns();
  status = litert->LiteRtCreateModelFromFile(model->environment, path, &model->file);
  if (status != LITERT_OK) fail(FAILED_MODEL, "%s: LiteRT cannot read it (status %d)", path, status);
  int64_t opened = clock_ns() - before;
  signature_choose(&signature, litert, model->file, wanted, length);
  crash_means(FAILED_INFERENCE, "compiling the model");
  before = clock_ns();
  compile(model, threads);
  model->load_ns = opened + clock_ns() - before;
  model->signature_index = signature.index;
  memcpy(model->signature, signature.key, sizeof model->signature);
  model->length = signature.length;
  model->labels = signature.labels;
  memcpy(model->place, signature.place, sizeof model->place);
  for (size_t i = 0; i < MODEL_INPUTS; i++) model->inputs[i] = new_buffer(model, false, i, &signature);
  model->output = new_buffer(model, true, 0, &signature);
}

static void *lock(struct model *model, LiteRtTensorBuffer buffer, int mode) {
  void *memory;
  int status = model->litert->LiteRtLockTensorBuffer(buffer, &memory, mode);
  if (status != LITERT_OK) fail(FAILED_INFERENCE, "a tensor cannot be locked: status %d", status);
  return memory;
}

static void unlock(struct model *model, LiteRtTensorBuffer buffer) {
  int status = model->litert->LiteRtUnlockTensorBuffer(buffer);
  if (status != LITERT_OK) fail(FAILED_INFERENCE, "a tensor cannot be unlocked: status %d", status);
}

void model_set_input(struct model *model, int input, const int32_t *values) {
  LiteRtTensorBuffer buffer = model->inputs[model->place[input]];
  memcpy(lock(model, buffer, LITERT_WRITE), values, model->length * sizeof *values);
  unlock(model, buffer);
}

int model_run(struct model *model) {
  return model->litert->LiteRtRunCompiledModel(model->compiled, model->signature_index, MODEL_INPUTS, model->inputs, 1,
                                               &model->output);
}

void model_logits(struct model *model, float *logits) {
  memcpy(logits, lock(model, model->output, LITERT_READ), model->labels * sizeof *logits);
  unlock(model, model->output);
}

void model_close(struct model *model) {
  const struct litert *litert = model->litert;
  for (int i = 0; i < MODEL_INPUTS; i++) litert->LiteRtDestroyTensorBuffer(model->inputs[i]);
  litert->LiteRtDestroyTensorBuffer(model->output);
  litert->LiteRtDestroyCompiledModel(model->compiled);
  litert->LiteRtDestroyOptions(model->options);
  litert->LiteRtDestroyModel(model->file);
  litert->LiteRtDestroyEnvironment(model->environment);
}
