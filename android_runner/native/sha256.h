// SHA-256 of a file (FIPS 180-4).
#ifndef SHA256_H
#define SHA256_H

#include <stdbool.h>

enum { SHA256_TEXT = 65 };

// Writes 64 lower-case hexadecimal digits and a zero byte. False, with errno set, when the file cannot be
// read. Reads through a small buffer: a mapped file would count into the peak memory that is reported.
bool sha256_of_file(const char *path, char text[SHA256_TEXT]);

#endif
