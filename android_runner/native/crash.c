#define _GNU_SOURCE
#include "crash.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const int SIGNALS[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL};
static volatile sig_atomic_t code;
static char text[256];

// In a signal handler: only write and _exit, which POSIX lists as safe there.
static void on_crash(int signal) {
  (void)signal;
  ssize_t ignored = write(STDERR_FILENO, text, strlen(text));
  (void)ignored;
  _exit(code);
}

static void handle(void (*handler)(int)) {
  // SA_RESETHAND: a crash inside the handler is the end.
  struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESETHAND};
  for (size_t i = 0; i < sizeof SIGNALS / sizeof *SIGNALS; i++) sigaction(SIGNALS[i], &action, NULL);
}

void crash_means(enum failure failure, const char *doing) {
  snprintf(text, sizeof text, "error: %s: LiteRT crashed while %s\n", failure_name(failure), doing);
  code = failure;
  handle(on_crash);
}

void crash_means_nothing(void) { handle(SIG_DFL); }
