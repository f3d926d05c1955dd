#define _GNU_SOURCE
#include "placement.h"

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "failure.h"

bool cores_parse(struct cores *cores, const char *text) {
  bool seen[MOST_CORES] = {false};
  cores->count = 0;
  do {
    char *end;
    if (*text < '0' || *text > '9') return false;
    unsigned long core = strtoul(text, &end, 10);
    if (core >= MOST_CORES || seen[core]) return false;
    seen[core] = true;
    cores->core[cores->count++] = (int)core;
    text = end;
  } while (*text++ == ',');
  return text[-1] == '\0';
}

void cores_text(const struct cores *cores, char text[CORES_TEXT]) {
  size_t used = 0;
  text[0] = '\0';
  for (int i = 0; i < cores->count; i++) {
    used += (size_t)snprintf(text + used, CORES_TEXT - used, i == 0 ? "%d" : ",%d", cores->core[i]);
  }
}

// Adds "0-3,7" to the set. False where the text is no such list.
static bool add_list(cpu_set_t *set, const char *text) {
  do {
    char *end;
    unsigned long first = strtoul(text, &end, 10), last = first;
    if (end == text) return false;
    if (*end == '-') {
      text = end + 1;
      last = strtoul(text, &end, 10);
      if (end == text) return false;
    }
    for (unsigned long core = first; core <= last && core < CPU_SETSIZE; core++) CPU_SET((int)core, set);
    text = end;
  } while (*text++ == ',');
  return true;
}

// The list in the line of a /proc or /sys file that begins with `name`; no core where there is none.
static void list_in_file(cpu_set_t *set, const char *path, const char *name) {
  char line[CORES_TEXT];
  CPU_ZERO(set);
  FILE *file = fopen(path, "r");
  if (file == NULL) return;
  while (fgets(line, sizeof line, file) != NULL) {
    if (strncmp(line, name, strlen(name)) == 0 && !add_list(set, line + strlen(name))) CPU_ZERO(set);
  }
  fclose(file);
}

// Qualcomm's 4.14 kernels leave idle cores that core_ctl isolated out of what sched_getaffinity tells, although
// the process may use them and they come back under load. Cpus_allowed_list has them, and those that are off.
static void mask_now(struct cores *cores) {
  cpu_set_t mask, allowed, online;
  if (sched_getaffinity(0, sizeof mask, &mask) != 0) {
    fail(FAILED_PLACEMENT, "the allowed cores cannot be read: %s", strerror(errno));
  }
  list_in_file(&allowed, "/proc/self/status", "Cpus_allowed_list:");
  list_in_file(&online, "/sys/devices/system/cpu/online", "");
  CPU_AND(&allowed, &allowed, &online);
  CPU_OR(&mask, &mask, &allowed);
  cores->count = 0;
  for (int core = 0; core < MOST_CORES && core < CPU_SETSIZE; core++) {
    if (CPU_ISSET(core, &mask)) cores->core[cores->count++] = core;
  }
}

static bool same_cores(const struct cores *left, const struct cores *right) {
  bool in_left[MOST_CORES] = {false};
  for (int i = 0; i < left->count; i++) in_left[left->core[i]] = true;
  for (int i = 0; i < right->count; i++) {
    if (!in_left[right->core[i]]) return false;
  }
  return left->count == right->count;
}

// The kernel cuts the mask down to the cores that are on and in the process's cpuset, without a word.
void placement_check_kept(const struct cores *wanted) {
  struct cores granted;
  char wanted_text[CORES_TEXT], granted_text[CORES_TEXT];
  if (wanted->count == 0) return;
  mask_now(&granted);
  if (same_cores(wanted, &granted)) return;
  cores_text(wanted, wanted_text);
  cores_text(&granted, granted_text);
  fail(FAILED_PLACEMENT, "cores %s asked for, %s granted", wanted_text, granted_text);
}

void placement_take(const struct cores *wanted, int threads) {
  struct cores granted;
  if (wanted->count > 0) {
    cpu_set_t mask;
    CPU_ZERO(&mask);
    for (int i = 0; i < wanted->count; i++) CPU_SET(wanted->core[i], &mask);
    if (sched_setaffinity(0, sizeof mask, &mask) != 0) {
      char text[CORES_TEXT];
      cores_text(wanted, text);
      fail(FAILED_PLACEMENT, "cores %s cannot be had: %s", text, strerror(errno));
    }
    placement_check_kept(wanted);
  }
  mask_now(&granted);
  if (threads > granted.count) fail(FAILED_PLACEMENT, "%d threads on %d cores", threads, granted.count);
}

// Field 39 of /proc/PID/task/TID/stat; the second field is a name in brackets that may hold anything.
static int core_of_thread(const char *thread) {
  char path[300], line[2048];
  snprintf(path, sizeof path, "/proc/self/task/%s/stat", thread);
  FILE *file = fopen(path, "r");
  if (file == NULL) return -1;
  size_t size = fread(line, 1, sizeof line - 1, file);
  fclose(file);
  line[size] = '\0';
  char *at = strrchr(line, ')');
  for (int field = 2; at != NULL && field < 39; field++) at = strchr(at + 1, ' ');
  return at == NULL ? -1 : atoi(at + 1);
}

void placement_seen(struct cores *cores) {
  char main_thread[16];
  snprintf(main_thread, sizeof main_thread, "%d", (int)getpid());
  cores->count = 0;
  int core = core_of_thread(main_thread);
  if (core < 0 || core >= MOST_CORES) return;  // /proc does not say
  cores->core[cores->count++] = core;
  DIR *folder = opendir("/proc/self/task");
  if (folder == NULL) return;
  for (struct dirent *entry; (entry = readdir(folder)) != NULL && cores->count < MOST_CORES;) {
    if (entry->d_name[0] == '.' || strcmp(entry->d_name, main_thread) == 0) continue;
    core = core_of_thread(entry->d_name);
    if (core >= 0 && core < MOST_CORES) cores->core[cores->count++] = core;
  }
  closedir(folder);
}
