#define _GNU_SOURCE
#include "model.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "clock.h"
#include "crash.h"
#include "failure.h"
#include "flatbuffer.h"

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

// Whether files in memory can be had, which is where XNNPACK keeps weights that several signatures share.
static bool has_memory_files(void) {
  int file = (int)syscall(SYS_memfd_create, "mobilebert_runner", 0);
  if (file >= 0) close(file);
  return file >= 0;
}

// XNNPACK packs every weight once per signature, unless told to keep what it packed: with four signatures that is
// 152 MB instead of 69, at the same speed (int8, x86-64). A file of one signature has nothing to share.
static const char *weight_cache(const struct model *model) {
  size_t signatures;
  int status = model->litert->LiteRtGetNumModelSignatures(model->file, &signatures);
  if (status != LITERT_OK) fail(FAILED_MODEL, "the number of signatures: status %d", status);
  return signatures > 1 && has_memory_files() ? "weight_cache_file_path = \":memory\"\n" : "";
}

static void compile(struct model *model, int threads) {
  const struct litert *litert = model->litert;
  LiteRtOpaqueOptions xnnpack;
  char *text;
  // The CPU's options travel as a TOML text under this name; LiteRT frees it.
  int size = asprintf(&text, "num_threads = %d\n%s", threads, weight_cache(model));
  if (size < 0) fail(FAILED_INFERENCE, "no memory for options");
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
                const struct signature_choice *choice, int threads) {
  struct signature signatures[MOST_SIGNATURES];
  *model = (struct model){.litert = litert};
  check_file(model, path, sha256);
  int status = litert->LiteRtCreateEnvironment(0, NULL, &model->environment);
  if (status != LITERT_OK) fail(FAILED_RUNTIME, "LiteRT's environment: status %d", status);
  crash_means(FAILED_MODEL, "reading the model");
  int64_t before = clock_ns();
  status = litert->LiteRtCreateModelFromFile(model->environment, path, &model->file);
  if (status != LITERT_OK) fail(FAILED_MODEL, "%s: LiteRT cannot read it (status %d)", path, status);
  int64_t opened = clock_ns() - before;
  model->entry_count = signatures_choose(signatures, litert, model->file, choice);
  crash_means(FAILED_INFERENCE, "compiling the model");
  before = clock_ns();
  compile(model, threads);
  model->load_ns = opened + clock_ns() - before;
  model->labels = signatures[0].labels;
  model->entries = allocate(FAILED_INFERENCE, model->entry_count, sizeof *model->entries);
  for (size_t i = 0; i < model->entry_count; i++) {
    struct entry *entry = &model->entries[i];
    entry->signature = signatures[i];
    for (size_t j = 0; j < MODEL_INPUTS; j++) entry->inputs[j] = new_buffer(model, false, j, &signatures[i]);
    entry->output = new_buffer(model, true, 0, &signatures[i]);
  }
}

struct entry *model_entry(const struct model *model, uint32_t tokens) {
  size_t at = 0;
  while (at + 1 < model->entry_count && model->entries[at].signature.length <= tokens) at++;
  return &model->entries[at];
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

void model_set_input(struct model *model, struct entry *entry, int input, const int32_t *values) {
  LiteRtTensorBuffer buffer = entry->inputs[entry->signature.place[input]];
  memcpy(lock(model, buffer, LITERT_WRITE), values, entry->signature.length * sizeof *values);
  unlock(model, buffer);
}

int model_run(struct model *model, struct entry *entry) {
  return model->litert->LiteRtRunCompiledModel(model->compiled, entry->signature.index, MODEL_INPUTS, entry->inputs, 1,
                                               &entry->output);
}

void model_logits(struct model *model, struct entry *entry, float *logits) {
  memcpy(logits, lock(model, entry->output, LITERT_READ), model->labels * sizeof *logits);
  unlock(model, entry->output);
}

void model_close(struct model *model) {
  const struct litert *litert = model->litert;
  for (size_t i = 0; i < model->entry_count; i++) {
    for (int j = 0; j < MODEL_INPUTS; j++) litert->LiteRtDestroyTensorBuffer(model->entries[i].inputs[j]);
    litert->LiteRtDestroyTensorBuffer(model->entries[i].output);
  }
  free(model->entries);
  litert->LiteRtDestroyCompiledModel(model->compiled);
  litert->LiteRtDestroyOptions(model->options);
  litert->LiteRtDestroyModel(model->file);
  litert->LiteRtDestroyEnvironment(model->environment);
}
