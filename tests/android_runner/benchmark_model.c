// Stands for Google's benchmark_model in the tests, which cannot have the real one: its flags, its two
// dialects, and the ways in which it ends well without having done what it was told. It is no runtime: the
// "model" says how to behave, as words such as run_us=500. Written from what the real one prints; see
// android_runner/benchmark_model_text.py for the sources.
#define _GNU_SOURCE
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MOST_FLAGS = 64, MOST_RUNS = 100000 };

static const char *const flags_of[] = {
    "graph", "num_runs", "num_threads", "warmup_runs", "warmup_min_secs", "min_secs", "max_secs", "run_delay",
    "run_frequency", "use_caching", "dry_run", "report_peak_memory_footprint", "verbose",
    "require_full_delegation", "signature_to_run_for", "use_gpu",
#ifdef LITERT
    "use_cpu", "use_npu", "use_profiler", "gpu-precision", "input_layer_value_range",
#else
    "use_xnnpack", "use_nnapi", "disable_nnapi_cpu", "nnapi_allow_fp16", "gpu_precision_loss_allowed",
    "enable_op_profiling", "allow_fp16", "input_layer", "input_layer_shape", "input_layer_value_files",
#endif
};

static char behaviour[4096];
static char *given[MOST_FLAGS];
static int givens;
static int64_t times[MOST_RUNS];

static const char *flag(const char *name, const char *otherwise) {
  size_t length = strlen(name);
  for (int i = 0; i < givens; i++)
    if (!strncmp(given[i], name, length) && given[i][length] == '=') return given[i] + length + 1;
  return otherwise;
}

static double number(const char *name) { return atof(flag(name, "0")); }

static int is_true(const char *name) { return !strcmp(flag(name, "false"), "true"); }

// A word of the "model": its value, or NULL.
static const char *word(const char *name) {
  static char value[256];
  char key[64];
  snprintf(key, sizeof key, " %s=", name);
  const char *at = strstr(behaviour, key);
  if (!at) return NULL;
  snprintf(value, sizeof value, "%.*s", (int)strcspn(at + strlen(key), " \n"), at + strlen(key));
  return value;
}

static void say(const char *level, const char *format, ...) {
  va_list rest;
  va_start(rest, format);
  printf("%s: ", level);
  vprintf(format, rest);
  putchar('\n');
  fflush(stdout);
  va_end(rest);
}

#ifdef LITERT
static void note(const char *format, ...) {
  va_list rest;
  va_start(rest, format);
  fprintf(stderr, "INFO: [benchmark_litert_model.h:99] ");
  vfprintf(stderr, format, rest);
  fputc('\n', stderr);
  va_end(rest);
}
#endif

// Why, where there is more to say than that it failed.
static int fail(const char *format, const char *detail) {
  if (*format) {
    fprintf(stderr, "ERROR: ");
    fprintf(stderr, format, detail);
    fputc('\n', stderr);
  }
  fprintf(stderr, "ERROR: Benchmarking failed.\n");
  return 1;
}

static int64_t now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

static int ascending(const void *a, const void *b) {
  return (*(const int64_t *)a > *(const int64_t *)b) - (*(const int64_t *)a < *(const int64_t *)b);
}

struct stats {
  int count;
  int64_t first, low, high;
  double mean, deviation;
};

static int failed;

static struct stats run(int runs, double least_s, double most_s, int timed) {
  say("INFO", "Running benchmark for at least %d iterations and at least %g seconds but terminate if exceeding %g seconds.",
      runs, least_s, most_s);
  struct stats found = {0};
  int64_t now = now_us(), least = now + (int64_t)(least_s * 1e6), most = now + (int64_t)(most_s * 1e6), last = 0;
  double sum = 0, squares = 0;
  for (int i = 0; (i < runs || now < least) && now <= most && i < MOST_RUNS; i++) {
    int64_t begin = now_us();
    usleep(word("run_us") ? (useconds_t)atoi(word("run_us")) : 200);
    if (timed && word("kill_at") && atoi(word("kill_at")) == i) raise(SIGKILL);
    if (timed && word("fail_at") && atoi(word("fail_at")) == i) {
      fprintf(stderr, "ERROR: Node number 3 (GATHER) failed to invoke.\n");
      failed = 1;
    }
    now = now_us();
    last = times[i] = word("same") ? 700 : now - begin;
    sum += (double)last, squares += (double)last * (double)last, found.count = i + 1;
    if (timed && word("tear_at") && atoi(word("tear_at")) == i) {
      printf("INFO: count=%d first=1", i);
      exit(0);
    }
  }
  if (!found.count) {
    say("INFO", "count=0 p5=0 median=0 p95=0\n");
    return found;
  }
  found.first = times[0];
  qsort(times, (size_t)found.count, sizeof *times, ascending);
  found.low = times[0], found.high = times[found.count - 1], found.mean = sum / found.count;
  found.deviation = floor(sqrt(fmax(0, floor(squares / found.count - found.mean * found.mean))));
  char quantiles[128] = "";
  if (!word("old"))
    snprintf(quantiles, sizeof quantiles, " p5=%lld median=%lld p95=%lld", (long long)times[found.count * 5 / 100],
             (long long)times[found.count * 50 / 100], (long long)times[found.count * 95 / 100]);
  if (found.low == found.high)
    say("INFO", "count=%d curr=%lld%s%s\n", found.count, (long long)last, found.count > 1 ? "(all same)" : "", quantiles);
  else
    say("INFO", "count=%d first=%lld curr=%lld min=%lld max=%lld avg=%g std=%.0f%s\n", found.count,
        (long long)found.first, (long long)last, (long long)found.low, (long long)found.high, found.mean,
        found.deviation, quantiles);
  return found;
}

// How a delegate takes the graph, by the model's word for it: full (if there is none), part or none.
static int apply(const char *name, const char *kernel, const char *how) {
  int taken = !how || !strcmp(how, "full") ? 263 : !strcmp(how, "part") ? 250 : 0;
  if (taken)
    fprintf(stderr, "VERBOSE: Replacing %d out of 263 node(s) with delegate (%s) node, yielding %d partitions for subgraph 0 (main).\n",
            taken, kernel, taken == 263 ? 1 : 7);
  if (taken != 263 && is_true("require_full_delegation")) return fail("%s", "Disallowed CPU fallback detected.");
#ifndef LITERT
  if (taken == 263)
    say("INFO", "Explicitly applied %s delegate, and the model graph will be completely executed by the delegate.", name);
  else if (taken)
    say("INFO", "Explicitly applied %s delegate, and the model graph will be partially executed by the delegate w/ 3 delegate kernels.", name);
  else
    say("INFO", "Though %s delegate is explicitly applied, the model graph will not be executed by the delegate.", name);
#else
  (void)name;
#endif
  return 0;
}

// Each value file has to hold as many numbers as --input_layer_shape says, all of them tokens: of the 50 of the
// tests' own small model, whose rows have 8, or of BERT's.
static int feed(void) {
  char list[4096];
  const char *shape = strchr(flag("input_layer_shape", ""), ',');
  const size_t length = shape ? strtoul(shape + 1, NULL, 10) : 0;
  const int32_t tokens = length == 8 ? 50 : 30522;
  snprintf(list, sizeof list, "%s", flag("input_layer_value_files", ""));
  for (char *item = strtok(list, ","); item; item = strtok(NULL, ",")) {
    // A colon parts name and file; two are one within a name.
    char *cut = NULL;
    for (char *at = item; *at; at++) {
      if (*at != ':') continue;
      if (at[1] == ':') {
        at++;
        continue;
      }
      if (cut) return fail("%s contains more than one delimiter.", item);
      cut = at;
    }
    if (!cut) return fail("%s doesn't contain any delimiter.", item);
    FILE *file = fopen(cut + 1, "rb");
    int32_t values[513];
    if (!file) return fail("Failed to read the input_layer_value_file:%s", item);
    if (fread(values, 4, 513, file) != length) return fail("The size of %s is not that of its input.", item);
    for (size_t i = 0; i < length; i++)
      if (values[i] < 0 || values[i] >= tokens) return fail("gather index out of bounds in %s", item);
    fclose(file);
  }
  return 0;
}

int main(int argc, char **argv) {
  char unconsumed[4096] = "";
  setvbuf(stderr, NULL, _IONBF, 0);
  say("INFO", "STARTING!");
  for (int i = 1; i < argc; i++)
    if (!strncmp(argv[i], "--graph=", 8)) {
      FILE *model = fopen(argv[i] + 8, "rb");
      if (!model) return fail("Failed to load model %s", argv[i] + 8);
      behaviour[0] = ' ';
      fread(behaviour + 1, 1, sizeof behaviour - 2, model);
      fclose(model);
    }
  for (int i = 1; i < argc && givens < MOST_FLAGS; i++) {
    int known = 0;
    size_t length = strcspn(argv[i] + 2, "=");
    for (size_t k = 0; k < sizeof flags_of / sizeof *flags_of; k++)
      known |= strlen(flags_of[k]) == length && !strncmp(argv[i] + 2, flags_of[k], length);
    const char *unknown = word("unknown");
    if (unknown && strlen(unknown) == length && !strncmp(argv[i] + 2, unknown, length)) known = 0;
    const char *deaf = word("deaf");
    if (deaf && strlen(deaf) == length && !strncmp(argv[i] + 2, deaf, length)) continue;
    if (known)
      given[givens++] = argv[i] + 2;
    else
      snprintf(unconsumed + strlen(unconsumed), sizeof unconsumed - strlen(unconsumed), "%s%s", *unconsumed ? " " : "", argv[i]);
  }
  if (*unconsumed) say("WARN", "Unconsumed cmdline flags: %s", unconsumed);
  say("INFO", "Log parameter values verbosely: [0]");
  if (*flag("num_runs", "")) say("INFO", "Min num runs: [%s]", flag("num_runs", ""));
  if (*flag("num_threads", "")) say("INFO", "Num threads: [%s]", flag("num_threads", ""));
  say("INFO", "Graph: [%s]", flag("graph", ""));
  if (word("hang")) sleep(3600);
  if (feed()) return 1;
  const char *how = word("delegate");
#ifdef LITERT
  char library[4096];
  snprintf(library, sizeof library, "%s/libLiteRtOpenClAccelerator.so", getenv("LD_LIBRARY_PATH") ? getenv("LD_LIBRARY_PATH") : "");
  if (is_true("use_gpu") && access(library, R_OK)) return fail("%s", "No GPU accelerator was registered.");
  if (is_true("use_gpu") ? apply("GPU", "LITERT_CL", how) : apply("", "TfLiteXNNPackDelegate", how)) return 1;
  if (is_true("use_cpu") && (!how || strcmp(how, "none"))) fprintf(stderr, "INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\n");
#else
  if (is_true("use_xnnpack")) fprintf(stderr, "INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\n");
  if (is_true("use_xnnpack") && apply("XNNPACK", "TfLiteXNNPackDelegate", how)) return 1;
  if (is_true("use_gpu") && apply("GPU", "TfLiteGpuDelegateV2", how)) return 1;
  if (is_true("use_nnapi") && apply("NNAPI", "TfLiteNnapiDelegate", how)) return 1;
#endif
  say("INFO", "The input model file size (MB): 0.01");
  say("INFO", "Initialized session in 1.234ms.");
  double most_s = word("max_secs") ? atof(word("max_secs")) : number("max_secs");
  struct stats warmup = run((int)number("warmup_runs"), number("warmup_min_secs"), most_s, 0);
  struct stats timed = run((int)number("num_runs"), number("min_secs"), most_s, 1);
#ifdef LITERT
  note("\n========== BENCHMARK RESULTS ==========");
  note("Signature name:       %s", flag("signature_to_run_for", ""));
  note("Model initialization: %.2f ms", 1.234);
  note("Warmup (first):       %.2f ms", (double)warmup.first / 1e3);
  note("Warmup (avg):         %.2f ms (%d runs)", warmup.mean / 1e3, warmup.count);
  note("Inference (avg):      %.2f ms (%d runs)", timed.mean / 1e3, timed.count);
  note("Inference (min):      %.2f ms", (double)timed.low / 1e3);
  note("Inference (max):      %.2f ms", (double)timed.high / 1e3);
  note("Inference (std):      %.2f", timed.deviation / 1e3);
  note("Throughput:           %.2f MB/s", 1.5);
  note("======================================\n");
#else
  say("INFO", "Inference timings in us: Init: %d, First inference: %lld, Warmup (avg): %g, Inference (avg): %g", 1234,
      (long long)warmup.first, warmup.mean, timed.mean);
  say("INFO", "Note: as the benchmark tool itself affects memory footprint, the following is only APPROXIMATE.");
#endif
  return failed && !word("forgiving") ? fail("", "") : 0;
}
