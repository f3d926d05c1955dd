// The samples file (docs/formats.md): written once, as FILE.part, and renamed when it is whole.
#ifndef SAMPLES_H
#define SAMPLES_H

#include "arguments.h"
#include "measure.h"
#include "model.h"
#include "sequences.h"

struct samples_header {
  const struct arguments *arguments;
  const struct sequences *sequences;
  const struct model *model;
  const char *runtime_sha256;
  struct cores worker_cores;
  int64_t peak_rss_bytes;
};

// Opens FILE.part, before anything is measured: what cannot be written is said at once. A file of an earlier
// launch under this name is removed, and FILE.part with this process if it ends early.
void samples_begin(const char *path);

// Writes everything and renames. Ends the program with FAILED_OUTPUT, and without a file, on any error.
void samples_write(const struct samples_header *header, const struct measurement *measurement);

// Removes the finished file again: nobody was told of it.
void samples_take_back(void);

#endif
