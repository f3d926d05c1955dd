#include "arguments.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "failure.h"

enum { MOST_INFERENCES = 10000000, MOST_WARMUP_SECONDS = 3600 };

static uint64_t number(const char *name, const char *text, uint64_t least, uint64_t most) {
  char *end;
  errno = 0;
  unsigned long long value = strtoull(text, &end, 10);
  if (*text < '0' || *text > '9' || *end != '\0' || errno != 0 || value < least || value > most) {
    fail(FAILED_ARGUMENTS, "%s %s is not a number from %llu to %llu", name, text, (unsigned long long)least,
         (unsigned long long)most);
  }
  return value;
}

static double seconds(const char *name, const char *text) {
  char *end;
  double value = strtod(text, &end);
  bool plain = text[0] != '\0' && text[strspn(text, "0123456789.")] == '\0';
  if (!plain || *end != '\0' || !(value >= 0) || value > MOST_WARMUP_SECONDS) {
    fail(FAILED_ARGUMENTS, "%s %s is not a number of seconds from 0 to %d", name, text, MOST_WARMUP_SECONDS);
  }
  return value;
}

static const char *sha256_text(const char *name, const char *text) {
  if (strlen(text) != 64 || strspn(text, "0123456789abcdef") != 64) {
    fail(FAILED_ARGUMENTS, "%s %s is not 64 lower-case hexadecimal digits", name, text);
  }
  return text;
}

static bool is_shortest(const char *name, const char *text) {
  if (strcmp(text, "shortest") == 0) return true;
  if (strcmp(text, "fixed") != 0) fail(FAILED_ARGUMENTS, "%s %s is neither fixed nor shortest", name, text);
  return false;
}

static void set(struct arguments *arguments, const char *name, const char *text) {
  if (strcmp(name, "--runtime") == 0) {
    arguments->runtime = text;
  } else if (strcmp(name, "--model") == 0) {
    arguments->model = text;
  } else if (strcmp(name, "--sequences") == 0) {
    arguments->sequences = text;
  } else if (strcmp(name, "--out") == 0) {
    arguments->out = text;
  } else if (strcmp(name, "--model-sha256") == 0) {
    arguments->model_sha256 = sha256_text(name, text);
  } else if (strcmp(name, "--signature") == 0) {
    arguments->signature = text;
  } else if (strcmp(name, "--length-policy") == 0) {
    arguments->shortest = is_shortest(name, text);
  } else if (strcmp(name, "--threads") == 0) {
    arguments->threads = (int)number(name, text, 1, MOST_THREADS);
  } else if (strcmp(name, "--seed") == 0) {
    arguments->seed = number(name, text, 0, UINT64_MAX);
  } else if (strcmp(name, "--inferences") == 0) {
    arguments->inferences = (uint32_t)number(name, text, 1, MOST_INFERENCES);
  } else if (strcmp(name, "--warmup-inferences") == 0) {
    arguments->warmup_inferences = (uint32_t)number(name, text, 0, MOST_INFERENCES);
  } else if (strcmp(name, "--warmup-seconds") == 0) {
    arguments->warmup_seconds = seconds(name, text);
  } else if (strcmp(name, "--cores") == 0) {
    if (!cores_parse(&arguments->cores, text)) fail(FAILED_ARGUMENTS, "--cores %s is not a list like 4,5,6,7", text);
  } else {
    fail(FAILED_ARGUMENTS, "unknown argument %s", name);
  }
}

void arguments_parse(struct arguments *arguments, int count, char **words) {
  *arguments = (struct arguments){.inferences = 200, .warmup_inferences = 20, .warmup_seconds = 2};
  // The only one without a value; whoever asks for it wants nothing else, but for the runtime's loading.
  if (count > 1 && strcmp(words[count - 1], "--version") == 0) {
    arguments->version = true;
    if (count == 4 && strcmp(words[1], "--runtime") == 0) arguments->runtime = words[2];
    return;
  }
  for (int i = 1; i < count; i += 2) {
    if (i + 1 == count) fail(FAILED_ARGUMENTS, "%s has no value", words[i]);
    for (int before = 1; before < i; before += 2) {
      if (strcmp(words[before], words[i]) == 0) fail(FAILED_ARGUMENTS, "%s is there twice", words[i]);
    }
    set(arguments, words[i], words[i + 1]);
  }
  if (arguments->runtime == NULL) fail(FAILED_ARGUMENTS, "--runtime is missing");
  if (arguments->model == NULL) fail(FAILED_ARGUMENTS, "--model is missing");
  if (arguments->sequences == NULL) fail(FAILED_ARGUMENTS, "--sequences is missing");
  if (arguments->out == NULL) fail(FAILED_ARGUMENTS, "--out is missing");
  if (arguments->threads == 0) fail(FAILED_ARGUMENTS, "--threads is missing");
  if (arguments->shortest && arguments->signature != NULL) {
    fail(FAILED_ARGUMENTS, "--signature %s leaves nothing to choose by --length-policy shortest", arguments->signature);
  }
}
