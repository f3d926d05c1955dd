// One compiled .tflite, the inputs and the output of each signature in use bound by name.
#ifndef MODEL_H
#define MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "litert.h"
#include "sha256.h"
#include "signature.h"

// A signature and the buffers that it reads and writes.
struct entry {
  struct signature signature;
  LiteRtTensorBuffer inputs[MODEL_INPUTS];  // in the signature's order
  LiteRtTensorBuffer output;
};

struct model {
  const struct litert *litert;
  LiteRtEnvironment environment;
  LiteRtModel file;
  LiteRtOptions options;
  LiteRtCompiledModel compiled;
  struct entry *entries;  // shortest first
  size_t entry_count;
  uint32_t labels;  // logits per sequence, the same for every entry
  char sha256[SHA256_TEXT];
  int64_t load_ns;
  bool fully_accelerated;
};

// Opens and compiles, once for all signatures in use. `sha256` may be NULL: then any file will do. Ends the program
// with FAILED_MODEL, FAILED_SEQUENCES (no signature has that length) or FAILED_INFERENCE (compiling failed).
void model_open(struct model *model, const struct litert *litert, const char *path, const char *sha256,
                const struct signature_choice *choice, int threads);

// What runs a sequence of `tokens` real tokens: the shortest entry that is longer, else the longest. Longer, not as
// long: the embedding of a token reads its right neighbour, so the first padding has a say in the last token.
struct entry *model_entry(const struct model *model, uint32_t tokens);

// Copies in as many values as the entry is long. `input`: 0 input_ids, 1 attention_mask, 2 token_type_ids.
void model_set_input(struct model *model, struct entry *entry, int input, const int32_t *values);

// Runs the model once: a LiteRT status. This call, and nothing else, is what is timed.
int model_run(struct model *model, struct entry *entry);

// Copies `labels` logits out.
void model_logits(struct model *model, struct entry *entry, float *logits);

void model_close(struct model *model);

#endif
