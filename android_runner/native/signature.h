// Which signature of a model is run, and where its named inputs are.
#ifndef SIGNATURE_H
#define SIGNATURE_H

#include "litert.h"
#include "model.h"

struct signature {
  size_t index;
  char key[MODEL_SIGNATURE];
  uint32_t length, labels;
  size_t place[MODEL_INPUTS];
  LiteRtRankedTensorType input_types[MODEL_INPUTS];  // in the signature's order
  LiteRtRankedTensorType output_type;
};

// The signature named `wanted`, or with NULL the only one for `length` tokens. Ends the program with FAILED_MODEL
// when there is none, or it has not exactly the inputs input_ids, attention_mask and token_type_ids, int32 of
// shape (1, length), and the output logits, float32 of shape (1, labels); with FAILED_SEQUENCES when only the
// length differs.
void signature_choose(struct signature *signature, const struct litert *litert, LiteRtModel model, const char *wanted,
                      uint32_t length);

#endif
