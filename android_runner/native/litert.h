// LiteRT's C API as far as this program uses it, bound by dlopen.
//
// The declarations are our own. They follow the public headers litert/c/*.h of ai-edge-litert 2.3: LiteRT's
// wheels hold no headers, and the API moves between versions, so a bundle ties this program to one library.
#ifndef LITERT_H
#define LITERT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct LiteRtEnvironmentT *LiteRtEnvironment;
typedef struct LiteRtModelT *LiteRtModel;
typedef struct LiteRtOptionsT *LiteRtOptions;
typedef struct LiteRtOpaqueOptionsT *LiteRtOpaqueOptions;
typedef struct LiteRtCompiledModelT *LiteRtCompiledModel;
typedef struct LiteRtSignatureT *LiteRtSignature;
typedef struct LiteRtTensorT *LiteRtTensor;
typedef struct LiteRtTensorBufferRequirementsT *LiteRtTensorBufferRequirements;
typedef struct LiteRtTensorBufferT *LiteRtTensorBuffer;

enum { LITERT_OK = 0, LITERT_CPU = 1, LITERT_READ = 0, LITERT_WRITE = 1 };
enum { LITERT_FLOAT32 = 1, LITERT_INT32 = 2 };
enum { LITERT_MOST_DIMENSIONS = 8 };

// Declared ABI-stable by its header: the one structure whose layout is shared.
typedef struct {
  int32_t element_type;
  unsigned int rank : 7;
  unsigned int has_strides : 1;
  int32_t dimensions[LITERT_MOST_DIMENSIONS];
  uint32_t strides[LITERT_MOST_DIMENSIONS];
} LiteRtRankedTensorType;
_Static_assert(sizeof(LiteRtRankedTensorType) == 72, "LiteRT's own assertion on its layout");

// Every function returns a status, LITERT_OK or an error number, unless it destroys something.
#define LITERT_FUNCTIONS(X)                                                                                         \
  X(int, LiteRtCreateEnvironment, (int options, const void *option, LiteRtEnvironment *))                           \
  X(void, LiteRtDestroyEnvironment, (LiteRtEnvironment))                                                            \
  X(int, LiteRtCreateModelFromFile, (LiteRtEnvironment, const char *path, LiteRtModel *))                           \
  X(void, LiteRtDestroyModel, (LiteRtModel))                                                                        \
  X(int, LiteRtCreateOptions, (LiteRtOptions *))                                                                    \
  X(void, LiteRtDestroyOptions, (LiteRtOptions))                                                                    \
  X(int, LiteRtSetOptionsHardwareAccelerators, (LiteRtOptions, int accelerators))                                   \
  X(int, LiteRtCreateOpaqueOptions, (const char *name, void *, void (*destroy)(void *), LiteRtOpaqueOptions *))     \
  X(int, LiteRtAddOpaqueOptions, (LiteRtOptions, LiteRtOpaqueOptions))                                              \
  X(int, LiteRtCreateCompiledModel, (LiteRtEnvironment, LiteRtModel, LiteRtOptions, LiteRtCompiledModel *))         \
  X(void, LiteRtDestroyCompiledModel, (LiteRtCompiledModel))                                                        \
  X(int, LiteRtCompiledModelIsFullyAccelerated, (LiteRtCompiledModel, bool *))                                      \
  X(int, LiteRtGetNumModelSignatures, (LiteRtModel, size_t *))                                                      \
  X(int, LiteRtGetModelSignature, (LiteRtModel, size_t index, LiteRtSignature *))                                   \
  X(int, LiteRtGetSignatureKey, (LiteRtSignature, const char **))                                                   \
  X(int, LiteRtGetNumSignatureInputs, (LiteRtSignature, size_t *))                                                  \
  X(int, LiteRtGetNumSignatureOutputs, (LiteRtSignature, size_t *))                                                 \
  X(int, LiteRtGetSignatureInputName, (LiteRtSignature, size_t index, const char **))                               \
  X(int, LiteRtGetSignatureOutputName, (LiteRtSignature, size_t index, const char **))                              \
  X(int, LiteRtGetSignatureInputTensorByIndex, (LiteRtSignature, size_t index, LiteRtTensor *))                     \
  X(int, LiteRtGetSignatureOutputTensorByIndex, (LiteRtSignature, size_t index, LiteRtTensor *))                    \
  X(int, LiteRtGetRankedTensorType, (LiteRtTensor, LiteRtRankedTensorType *))                                       \
  X(int, LiteRtGetCompiledModelInputBufferRequirements,                                                             \
    (LiteRtCompiledModel, size_t signature, size_t input, LiteRtTensorBufferRequirements *))                        \
  X(int, LiteRtGetCompiledModelOutputBufferRequirements,                                                            \
    (LiteRtCompiledModel, size_t signature, size_t output, LiteRtTensorBufferRequirements *))                       \
  X(int, LiteRtCreateManagedTensorBufferFromRequirements,                                                           \
    (LiteRtEnvironment, const LiteRtRankedTensorType *, LiteRtTensorBufferRequirements, LiteRtTensorBuffer *))      \
  X(void, LiteRtDestroyTensorBuffer, (LiteRtTensorBuffer))                                                          \
  X(int, LiteRtGetTensorBufferSize, (LiteRtTensorBuffer, size_t *))                                                 \
  X(int, LiteRtLockTensorBuffer, (LiteRtTensorBuffer, void **memory, int mode))                                     \
  X(int, LiteRtUnlockTensorBuffer, (LiteRtTensorBuffer))                                                            \
  X(int, LiteRtRunCompiledModel,                                                                                    \
    (LiteRtCompiledModel, size_t signature, size_t inputs, LiteRtTensorBuffer *, size_t outputs, LiteRtTensorBuffer *))

// The bound functions, under their own names.
struct litert {
#define LITERT_MEMBER(result, name, parameters) result(*name) parameters;
  LITERT_FUNCTIONS(LITERT_MEMBER)
#undef LITERT_MEMBER
  char path[4096];  // of the library that was really loaded
};

// Loads the library at `path` and binds every function, or ends the program with FAILED_RUNTIME.
void litert_load(struct litert *litert, const char *path);

#endif
