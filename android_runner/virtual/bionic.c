/* adbd ends the thread of a USB cable that was pulled by signals until pthread_kill says that there is no such
 * thread. Android's C library says so once the thread has ended; glibc (>= 2.34) never does, and adbd would
 * wait for ever instead of looking at the cable again. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>

int pthread_kill(pthread_t thread, int number) {
    int (*glibc)(pthread_t, int) = (int (*)(pthread_t, int))dlsym(RTLD_NEXT, "pthread_kill");
    clockid_t clock;
    if (pthread_getcpuclockid(thread, &clock) == ESRCH) return ESRCH;
    return glibc(thread, number);
}
