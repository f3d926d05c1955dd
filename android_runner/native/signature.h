// Which signatures of a model are run, and where their named inputs are.
#ifndef SIGNATURE_H
#define SIGNATURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "litert.h"

enum { MODEL_INPUTS = 3, SIGNATURE_KEY = 128, MOST_SIGNATURES = 32 };

struct signature {
  size_t index;
  char key[SIGNATURE_KEY];
  uint32_t length;  // tokens per sequence
  uint32_t labels;  // logits per sequence
  // Where input_ids, attention_mask and token_type_ids are in the signature's own order, which may be any.
  size_t place[MODEL_INPUTS];
  LiteRtRankedTensorType input_types[MODEL_INPUTS];  // in the signature's order
  LiteRtRankedTensorType output_type;
};

struct signature_choice {
  const char *key;  // NULL: any that fits
  bool shortest;    // every length up to `length`, for each sequence the shortest that holds it
  uint32_t length;  // tokens per row of the sequences file, padding included
};

// Fills `chosen` (MOST_SIGNATURES long), shortest first, and returns how many they are: the one named `key`, or the
// only one for `length` tokens, or with `shortest` all of at most `length`, the longest of which has exactly that.
// Ends the program with FAILED_MODEL when there is none, or it has not exactly the inputs input_ids, attention_mask
// and token_type_ids, int32 of shape (1, length), and the output logits, float32 of shape (1, labels); with
// FAILED_SEQUENCES when only the length differs.
size_t signatures_choose(struct signature *chosen, const struct litert *litert, LiteRtModel model,
                         const struct signature_choice *choice);

#endif
