#define _GNU_SOURCE
#include "litert.h"

#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <string.h>

#include "failure.h"

static void *function(void *library, const char *name) {
  void *found = dlsym(library, name);
  if (found == NULL) fail(FAILED_RUNTIME, "the library has no %s: not the version this program was built for", name);
  return found;
}

void litert_load(struct litert *litert, const char *path) {
  char local[sizeof litert->path];
  // dlopen searches for a bare name elsewhere; for this program a path is a path.
  snprintf(local, sizeof local, strchr(path, '/') == NULL ? "./%s" : "%s", path);
  void *library = dlopen(local, RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) fail(FAILED_RUNTIME, "%s", dlerror());
  struct link_map *loaded;
  if (dlinfo(library, RTLD_DI_LINKMAP, &loaded) != 0) fail(FAILED_RUNTIME, "%s", dlerror());
  snprintf(litert->path, sizeof litert->path, "%s", loaded->l_name);
  // POSIX's way to make a function pointer out of what dlsym gives.
#define LITERT_BIND(result, name, parameters) *(void **)&litert->name = function(library, #name);
  LITERT_FUNCTIONS(LITERT_BIND)
#undef LITERT_BIND
}
