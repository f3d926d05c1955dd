// On which cores this process may run, and on which its threads were seen.
#ifndef PLACEMENT_H
#define PLACEMENT_H

#include <stdbool.h>

enum { MOST_CORES = 1024, MOST_THREADS = 256, CORES_TEXT = 6144 };

struct cores {
  int count;
  int core[MOST_CORES];
};

// Reads "4,5,6,7". False unless every entry is a number below MOST_CORES, once.
bool cores_parse(struct cores *cores, const char *text);

// Writes "4,5,6,7".
void cores_text(const struct cores *cores, char text[CORES_TEXT]);

// Restricts this process to `wanted` (not at all when its count is 0). To be called while there is one thread,
// because threads inherit the mask of who starts them. Ends the program with FAILED_PLACEMENT when the
// system does not grant exactly these cores, or when there are more threads than cores.
void placement_take(const struct cores *wanted, int threads);

// Ends the program with FAILED_PLACEMENT when the mask is no longer `wanted`: a power daemon moved the process.
void placement_check_kept(const struct cores *wanted);

// The core on which each thread of this process was last seen, main thread first; none where
// /proc does not say.
void placement_seen(struct cores *cores);

#endif
