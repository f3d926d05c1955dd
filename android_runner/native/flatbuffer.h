// Whether a .tflite is all there. LiteRT does not ask: it reads past the end of a file that was cut short.
#ifndef FLATBUFFER_H
#define FLATBUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// True when the bytes are a TFL3 flatbuffer whose tables and vectors, followed from the root down to tensors,
// operators, weights and signatures, all lie inside. Says nothing of what is in them.
bool flatbuffer_is_whole(const uint8_t *bytes, size_t size);

#endif
