/* Memory that the program has not written yet is full of a pattern: stacks, and what realloc adds. What malloc gives
 * is filled by the C library (GLIBC_TUNABLES). */
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

/* How much of the stack below is to be filled. How much there is of it is found out once, and a part of it is left for
 * those that this one calls. */
static size_t room_below(char *here) {
    enum { MOST = 1 << 18, LEFT = 1 << 14 };
    static __thread char *lowest, *highest;
    if (lowest == NULL) {
        pthread_attr_t attributes;
        void *bottom;
        size_t size, guard = 0;
        if (pthread_getattr_np(pthread_self(), &attributes) != 0) {
            return 0;
        }
        pthread_attr_getstack(&attributes, &bottom, &size);
        pthread_attr_getguardsize(&attributes, &guard);
        pthread_attr_destroy(&attributes);
        lowest = (char *)bottom + guard + LEFT;
        highest = (char *)bottom + size;
    }
    /* A program can be on a stack of its own. */
    size_t left = here > lowest + LEFT && here < highest ? here - lowest - LEFT : 0;
    return left < MOST ? left : MOST;
}

/* Fills so much of the stack, from the frame of its caller down, and returns `result`. */
#ifdef __x86_64__
/* It has no frame of its own, for what lies there would not be filled. */
HIDDEN int fill_below(int result, int byte, size_t room);
__asm__(".text\n"
        ".hidden fill_below\n"
        ".globl fill_below\n"
        ".type fill_below, @function\n"
        "fill_below:\n"
        "    mov %edi, %r8d\n"
        "    mov %esi, %eax\n"
        "    mov %rsp, %rdi\n"
        "    sub %rdx, %rdi\n"
        "    mov %rdx, %rcx\n"
        "    rep stosb\n"
        "    mov %r8d, %eax\n"
        "    ret\n"
        ".size fill_below, . - fill_below\n");
#else
static int fill_below(int result, int byte, size_t room) {
    char *below = alloca(room);
    memset(below, byte, room);
    __asm__ volatile("" : : "r"(below) : "memory");
    return result;
}
#endif

int dirty_stack(int result) {
    if (!__atomic_load_n(&is_dirty, __ATOMIC_ACQUIRE)) {
        return result;
    }
    size_t room = room_below(__builtin_frame_address(0));
    return fill_below(result, pattern, room);
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
