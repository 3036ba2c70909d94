/* Memory that the program has not written yet is full of a pattern: stacks, and what realloc adds. What malloc gives
 * is filled by the C library (MALLOC_PERTURB_). */
#define _GNU_SOURCE
#include "profiling.h"

#include <alloca.h>
#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <string.h>

static int is_dirty, pattern;

void make_memory_dirty(int byte) {
    pattern = byte;
    __atomic_store_n(&is_dirty, 1, __ATOMIC_RELEASE);
}

/* The stack below is what the next functions find in their variables. How much there is of it is found out once,
 * and a part of it is left for those that this one calls. */
void dirty_stack(void) {
    enum { MOST = 1 << 18, LEFT = 1 << 14 };
    static __thread char *lowest;
    char here;
    if (!__atomic_load_n(&is_dirty, __ATOMIC_ACQUIRE)) {
        return;
    }
    if (lowest == NULL) {
        pthread_attr_t attributes;
        void *bottom;
        size_t size, guard = 0;
        if (pthread_getattr_np(pthread_self(), &attributes) != 0) {
            return;
        }
        pthread_attr_getstack(&attributes, &bottom, &size);
        pthread_attr_getguardsize(&attributes, &guard);
        pthread_attr_destroy(&attributes);
        lowest = (char *)bottom + guard + LEFT;
    }
    if (&here > lowest + LEFT) {
        size_t left = &here - lowest - LEFT;
        size_t room = left < MOST ? left : MOST;
        char *below = alloca(room);
        memset(below, pattern, room);
        __asm__ volatile("" : : "r"(below) : "memory");
    }
}

void *realloc(void *old, size_t size) {
    static void *(*real)(void *, size_t);
    real = real ? real : (__typeof__(real))dlsym(RTLD_NEXT, "realloc");
    int fills = old != NULL && __atomic_load_n(&is_dirty, __ATOMIC_ACQUIRE);
    size_t before = fills ? malloc_usable_size(old) : size;
    char *new = real(old, size);
    if (new != NULL && size > before) {
        memset(new + before, pattern, size - before);
    }
    return new;
}
