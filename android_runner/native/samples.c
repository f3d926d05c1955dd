#define _GNU_SOURCE
#include "samples.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crc32.h"
#include "failure.h"

#if defined(__aarch64__)
static const char ABI[] = "aarch64";
#elif defined(__x86_64__)
static const char ABI[] = "x86_64";
#endif

static char path[4096], part[4096];
static FILE *part_file;

static void remove_part(void) {
  if (part_file != NULL) unlink(part);
}

static _Noreturn void fail_writing(void) { fail(FAILED_OUTPUT, "%s: %s", part, strerror(errno)); }

void samples_begin(const char *wanted) {
  int size = snprintf(part, sizeof part, "%s.part", wanted);
  if (size < 0 || (size_t)size >= sizeof part) fail(FAILED_OUTPUT, "the name of the samples file is too long");
  snprintf(path, sizeof path, "%s", wanted);
  if (unlink(path) != 0 && errno != ENOENT) fail(FAILED_OUTPUT, "%s: %s", path, strerror(errno));
  part_file = fopen(part, "wb");
  if (part_file == NULL) fail_writing();
  atexit(remove_part);
}

static void write_header(FILE *file, const struct samples_header *header) {
  const struct arguments *arguments = header->arguments;
  char cores[CORES_TEXT], worker_cores[CORES_TEXT];
  cores_text(&arguments->cores, cores);
  cores_text(&header->worker_cores, worker_cores);
  fprintf(file, "mobilebert-samples 1\nprogram %d\n", PROGRAM_VERSION);
  fprintf(file, "runtime_sha256 %s\nmodel_sha256 %s\n", header->runtime_sha256, header->model->sha256);
  fprintf(file, "sequences_crc32 %08x\nabi %s\nthreads %d\n", header->sequences->crc32, ABI, arguments->threads);
  fprintf(file, "cores %s\n", arguments->cores.count == 0 ? "-" : cores);
  fprintf(file, "worker_cores %s\n", header->worker_cores.count == 0 ? "-" : worker_cores);
  fprintf(file, "seed %llu\n", (unsigned long long)arguments->seed);
  fprintf(file, "fully_accelerated %d\n", header->model->fully_accelerated);
  fprintf(file, "load_ns %lld\n", (long long)header->model->load_ns);
}

static void write_inferences(FILE *file, const struct samples_header *header,
                             const struct measurement *measurement) {
  const struct sample *first = measurement->samples;
  for (uint32_t i = 0; i < measurement->warmup + measurement->timed; i++) {
    const struct sample *sample = &measurement->samples[i];
    fprintf(file, "inference %u %c %d %s %lld %lld %d\n", i, i < measurement->warmup ? 'w' : 't',
            sequences_row_id(header->sequences, sample->row), measurement->entries[sample->row]->signature.key,
            (long long)(sample->start_ns - first->start_ns), (long long)sample->duration_ns, sample->core);
  }
}

static uint32_t write_logits(FILE *file, const struct samples_header *header,
                             const struct measurement *measurement) {
  uint32_t written = 0, labels = header->model->labels;
  for (uint32_t row = 0; row < header->sequences->rows; row++) {
    if (!measurement->reached[row]) continue;
    written++;
    fprintf(file, "logits %d", sequences_row_id(header->sequences, row));
    for (uint32_t label = 0; label < labels; label++) {
      float logit = measurement->logits[(size_t)row * labels + label];
      // NaN has a sign in C's text; the format has one NaN.
      if (isnan(logit)) {
        fputs(" nan", file);
      } else {
        fprintf(file, " %.9g", (double)logit);
      }
    }
    fputc('\n', file);
  }
  return written;
}

void samples_write(const struct samples_header *header, const struct measurement *measurement) {
  // Put together in memory, because a checksum of all of it goes before its last line.
  char *text;
  size_t size;
  FILE *file = open_memstream(&text, &size);
  if (file == NULL) fail_writing();
  write_header(file, header);
  fprintf(file, "first_inference_ns %lld\n", (long long)measurement->samples[0].duration_ns);
  fprintf(file, "peak_rss_bytes %lld\nrows %u\n", (long long)header->peak_rss_bytes, header->sequences->rows);
  write_inferences(file, header, measurement);
  uint32_t logits = write_logits(file, header, measurement);
  if (fflush(file) != 0) fail_writing();
  fprintf(file, "crc32 %08x\n", crc32_of((const uint8_t *)text, size));
  fprintf(file, "end warmup=%u timed=%u logits=%u\n", measurement->warmup, measurement->timed, logits);
  if (fclose(file) != 0) fail_writing();
  // fsync tells what the file system had put off.
  if (fwrite(text, 1, size, part_file) != size || fflush(part_file) != 0 || fsync(fileno(part_file)) != 0) {
    fail_writing();
  }
  if (fclose(part_file) != 0 || rename(part, path) != 0) fail_writing();
  part_file = NULL;
  free(text);
}

void samples_take_back(void) { unlink(path); }
