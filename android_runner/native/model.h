// One compiled signature of a .tflite, its inputs and its output bound by name.
#ifndef MODEL_H
#define MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "litert.h"
#include "sha256.h"

enum { MODEL_INPUTS = 3, MODEL_SIGNATURE = 128 };

struct model {
  const struct litert *litert;
  LiteRtEnvironment environment;
  LiteRtModel file;
  LiteRtOptions options;
  LiteRtCompiledModel compiled;
  size_t signature_index;
  char signature[MODEL_SIGNATURE];
  uint32_t length;  // tokens per sequence
  uint32_t labels;  // logits per sequence
  // In the order of the signature, which may be any; `place` says where input_ids, attention_mask and
  // token_type_ids are in it.
  LiteRtTensorBuffer inputs[MODEL_INPUTS];
  size_t place[MODEL_INPUTS];
  LiteRtTensorBuffer output;
  char sha256[SHA256_TEXT];
  int64_t load_ns;
  bool fully_accelerated;
};

// Opens and compiles. `sha256` and `signature` may be NULL: then any file will do, and the signature is the only
// one for sequences of `length` tokens. Ends the program with FAILED_MODEL, FAILED_SEQUENCES (no signature has
// that length) or FAILED_INFERENCE (compiling failed).
void model_open(struct model *model, const struct litert *litert, const char *path, const char *sha256,
                const char *signature, uint32_t length, int threads);

// Copies `length` values in. `input`: 0 input_ids, 1 attention_mask, 2 token_type_ids.
void model_set_input(struct model *model, int input, const int32_t *values);

// Runs the model once: a LiteRT status. This call, and nothing else, is what is timed.
int model_run(struct model *model);

// Copies `labels` logits out.
void model_logits(struct model *model, float *logits);

void model_close(struct model *model);

#endif
