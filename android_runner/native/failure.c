#include "failure.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *failure_name(enum failure failure) {
  switch (failure) {
    case FAILED_ARGUMENTS: return "arguments";
    case FAILED_MODEL: return "model";
    case FAILED_SEQUENCES: return "sequences";
    case FAILED_RUNTIME: return "runtime";
    case FAILED_INFERENCE: return "inference";
    case FAILED_OUTPUT: return "output";
    case FAILED_PLACEMENT: return "placement";
  }
  return "unknown";
}

void fail(enum failure failure, const char *format, ...) {
  char text[1024];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  // A file name may hold a line break; the promise is one line.
  for (char *at = text; *at != '\0'; at++) {
    if (*at == '\n' || *at == '\r') *at = ' ';
  }
  fprintf(stderr, "error: %s: %s\n", failure_name(failure), text);
  exit(failure);
}

void *allocate(enum failure wanted_for, size_t count, size_t size) {
  size_t bytes;
  if (__builtin_mul_overflow(count, size, &bytes)) fail(wanted_for, "%zu times %zu bytes of memory", count, size);
  void *memory = malloc(bytes == 0 ? 1 : bytes);
  if (memory == NULL) fail(wanted_for, "no memory for %zu bytes", bytes);
  // Written to now, so that no page fault waits for the timed part.
  memset(memory, 0, bytes);
  return memory;
}
