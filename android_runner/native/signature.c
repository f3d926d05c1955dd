#include "signature.h"

#include <stdio.h>
#include <string.h>

#include "failure.h"

static const char *const INPUT_NAMES[MODEL_INPUTS] = {"input_ids", "attention_mask", "token_type_ids"};
static const char OUTPUT_NAME[] = "logits";
enum { MOST_LABELS = 1024 };

static void need(int status, const char *what) {
  if (status != LITERT_OK) fail(FAILED_MODEL, "%s cannot be read from the model: status %d", what, status);
}

static void read_key(struct signature *signature, const struct litert *litert, LiteRtSignature handle) {
  const char *key;
  need(litert->LiteRtGetSignatureKey(handle, &key), "a signature's key");
  // The key is a field of the samples file, where blanks part the fields.
  if (key[0] == '\0' || strlen(key) >= sizeof signature->key || key[strcspn(key, " \t\r\n")] != '\0') {
    fail(FAILED_MODEL, "the signature's key \"%.200s\" is empty, too long, or has a blank", key);
  }
  snprintf(signature->key, sizeof signature->key, "%s", key);
}

// The second dimension of a (1, n) tensor of this element type.
static uint32_t width(const struct signature *signature, const char *name, const LiteRtRankedTensorType *type,
                      int element_type) {
  if (type->element_type != element_type || type->rank != 2 || type->dimensions[0] != 1 || type->dimensions[1] < 1) {
    fail(FAILED_MODEL, "%s of signature %s is not %s of shape (1, n), n known", name, signature->key,
         element_type == LITERT_INT32 ? "int32" : "float32");
  }
  return (uint32_t)type->dimensions[1];
}

static void read_inputs(struct signature *signature, const struct litert *litert, LiteRtSignature handle) {
  size_t count;
  need(litert->LiteRtGetNumSignatureInputs(handle, &count), "the number of inputs");
  if (count != MODEL_INPUTS) fail(FAILED_MODEL, "signature %s has %zu inputs, not 3", signature->key, count);
  for (int name = 0; name < MODEL_INPUTS; name++) {
    size_t at = 0;
    for (; at < MODEL_INPUTS; at++) {
      const char *found;
      need(litert->LiteRtGetSignatureInputName(handle, at, &found), "an input's name");
      if (strcmp(found, INPUT_NAMES[name]) == 0) break;
    }
    if (at == MODEL_INPUTS) fail(FAILED_MODEL, "signature %s has no input %s", signature->key, INPUT_NAMES[name]);
    LiteRtTensor tensor;
    need(litert->LiteRtGetSignatureInputTensorByIndex(handle, at, &tensor), INPUT_NAMES[name]);
    need(litert->LiteRtGetRankedTensorType(tensor, &signature->input_types[at]), INPUT_NAMES[name]);
    uint32_t length = width(signature, INPUT_NAMES[name], &signature->input_types[at], LITERT_INT32);
    if (name > 0 && length != signature->length) {
      fail(FAILED_MODEL, "inputs of signature %s have %u and %u tokens", signature->key, signature->length, length);
    }
    signature->length = length;
    signature->place[name] = at;
  }
}

static void read_output(struct signature *signature, const struct litert *litert, LiteRtSignature handle) {
  size_t count;
  const char *name;
  LiteRtTensor tensor;
  need(litert->LiteRtGetNumSignatureOutputs(handle, &count), "the number of outputs");
  if (count != 1) fail(FAILED_MODEL, "signature %s has %zu outputs, not 1", signature->key, count);
  need(litert->LiteRtGetSignatureOutputName(handle, 0, &name), "an output's name");
  if (strcmp(name, OUTPUT_NAME) != 0) fail(FAILED_MODEL, "signature %s has no output logits", signature->key);
  need(litert->LiteRtGetSignatureOutputTensorByIndex(handle, 0, &tensor), OUTPUT_NAME);
  need(litert->LiteRtGetRankedTensorType(tensor, &signature->output_type), OUTPUT_NAME);
  signature->labels = width(signature, OUTPUT_NAME, &signature->output_type, LITERT_FLOAT32);
  if (signature->labels > MOST_LABELS) fail(FAILED_MODEL, "%u logits per sequence", signature->labels);
}

static void read_signature(struct signature *signature, const struct litert *litert, LiteRtModel model, size_t index) {
  LiteRtSignature handle;
  *signature = (struct signature){.index = index};
  need(litert->LiteRtGetModelSignature(model, index, &handle), "a signature");
  read_key(signature, litert, handle);
  read_inputs(signature, litert, handle);
  read_output(signature, litert, handle);
}

static bool has_key(const struct litert *litert, LiteRtModel model, size_t index, const char *wanted) {
  LiteRtSignature handle;
  const char *key;
  need(litert->LiteRtGetModelSignature(model, index, &handle), "a signature");
  need(litert->LiteRtGetSignatureKey(handle, &key), "a signature's key");
  return wanted == NULL || strcmp(key, wanted) == 0;
}

// Keeps `chosen` in order of length.
static void insert(struct signature *chosen, size_t count, const struct signature *candidate) {
  if (count == MOST_SIGNATURES) fail(FAILED_MODEL, "more than %d signatures", MOST_SIGNATURES);
  for (; count > 0 && chosen[count - 1].length > candidate->length; count--) chosen[count] = chosen[count - 1];
  chosen[count] = *candidate;
}

static void check_several(const struct signature *chosen, size_t count) {
  for (size_t i = 1; i < count; i++) {
    const struct signature *one = &chosen[i - 1], *next = &chosen[i];
    if (next->length == one->length) {
      fail(FAILED_MODEL, "signatures %s and %s both take %u tokens", one->key, next->key, one->length);
    }
    if (next->labels != one->labels) {
      fail(FAILED_MODEL, "signatures %s and %s have %u and %u logits", one->key, next->key, one->labels, next->labels);
    }
  }
}

size_t signatures_choose(struct signature *chosen, const struct litert *litert, LiteRtModel model,
                         const struct signature_choice *choice) {
  struct signature candidate = {0};
  const uint32_t length = choice->length;
  size_t count, named = 0, fitting = 0;
  need(litert->LiteRtGetNumModelSignatures(model, &count), "the number of signatures");
  for (size_t index = 0; index < count; index++) {
    // With a key given, what other signatures look like is none of our business.
    if (!has_key(litert, model, index, choice->key)) continue;
    named++;
    read_signature(&candidate, litert, model, index);
    if (choice->shortest ? candidate.length > length : candidate.length != length) continue;
    insert(chosen, fitting++, &candidate);
  }
  if (named == 0 && choice->key != NULL) fail(FAILED_MODEL, "no signature %s among %zu", choice->key, count);
  if (named == 0) fail(FAILED_MODEL, "no signature");
  bool none = fitting == 0 || chosen[fitting - 1].length != length;
  if (none && named == 1) {
    fail(FAILED_SEQUENCES, "%u tokens per row, signature %s takes %u", length, candidate.key, candidate.length);
  }
  if (none) fail(FAILED_SEQUENCES, "%u tokens per row, which none of %zu signatures takes", length, named);
  if (choice->shortest) {
    check_several(chosen, fitting);
  } else if (fitting > 1) {
    fail(FAILED_MODEL, "%zu signatures take %u tokens; name one", fitting, length);
  }
  return fitting;
}
