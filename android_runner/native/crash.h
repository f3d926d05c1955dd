// A crash inside LiteRT, told like any other failure: what was going on decides the class.
#ifndef CRASH_H
#define CRASH_H

#include "failure.h"

// From now on a crash ends the program with `failure` and "error: CLASS: LiteRT crashed while DOING". `doing` is
// kept, not copied. Samples are never written after a crash; FILE.part may stay behind.
void crash_means(enum failure failure, const char *doing);

// From now on a crash is a crash again.
void crash_means_nothing(void);

#endif
