// How this program ends when it cannot go on: one line on stderr, one exit code per class of cause.
#ifndef FAILURE_H
#define FAILURE_H

#include <stddef.h>

// The codes are the contract of docs/formats.md; the host tells causes apart by nothing else.
enum failure {
  FAILED_ARGUMENTS = 2,
  FAILED_MODEL = 3,
  FAILED_SEQUENCES = 4,
  FAILED_RUNTIME = 5,
  FAILED_INFERENCE = 6,
  FAILED_OUTPUT = 7,
  FAILED_PLACEMENT = 8,
};

// Prints "error: CLASS: text" and exits with the class's code. Functions registered with atexit still run.
_Noreturn void fail(enum failure failure, const char *format, ...) __attribute__((format(printf, 2, 3)));

// "model", "sequences", ...: the CLASS of such a line.
const char *failure_name(enum failure failure);

// count x size bytes, zeroed and touched; without memory, the end of the program for the class that wanted it.
void *allocate(enum failure wanted_for, size_t count, size_t size);

#endif
