/* What the library does to the program: see profiling.h. */
#include "profiling.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static enum { NOTHING, SYNCHRONOUS, NOISE, STOP, LIE } mode;
static unsigned long long seed;
static int rank, chosen_rank, stops_at, told_rank, posts, threads;
static __thread uint64_t state;

void prepare_disturbance(int this_rank) {
    const char *text = getenv("PROFILING");
    int pattern;
    rank = this_rank;
    if (text == NULL || *text == 0 || strcmp(text, "nothing") == 0) {
        mode = NOTHING;
    } else if (strcmp(text, "synchronous") == 0) {
        mode = SYNCHRONOUS;
    } else if (sscanf(text, "noise:%llu", &seed) == 1) {
        mode = NOISE;
    } else if (sscanf(text, "dirty:%d", &pattern) == 1) {
        make_memory_dirty(pattern);
    } else if (sscanf(text, "stop:%d:%d", &chosen_rank, &stops_at) == 2) {
        mode = STOP;
    } else if (sscanf(text, "lie:%d:%d", &chosen_rank, &told_rank) == 2) {
        mode = LIE;
    } else {
        fprintf(stderr, "profiling: PROFILING is none of: nothing, synchronous, noise:SEED, "
                        "dirty:BYTE, stop:RANK:N, lie:RANK:TO\n");
        exit(99);
    }
    stop_at(0);
}

void stop_at(int number) {
    if (mode == STOP && rank == chosen_rank && number == stops_at) {
        raise(SIGSTOP);
    }
}

void posted(void) {
    stop_at(__atomic_add_fetch(&posts, 1, __ATOMIC_RELAXED));
}

int sends_are_synchronous(void) {
    return mode == SYNCHRONOUS;
}

/* The next random number of this thread: xorshift64*, from the seed, the rank and the thread. */
static uint64_t next(void) {
    if (state == 0) {
        int thread = __atomic_add_fetch(&threads, 1, __ATOMIC_RELAXED);
        state = (seed * 1000003 + rank) * 1000003 + thread;
        state = state * 0x9E3779B97F4A7C15 | 1;
    }
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * 0x2545F4914F6CDD1D >> 32;
}

void wait_one_in(unsigned times) {
    if (mode == NOISE && next() % times == 0) {
        struct timespec time = {0, (long)(next() % 2000) * 1000};
        nanosleep(&time, NULL);
    }
}

/* Only an answer has a hash that its sender owns and its receiver is to get; and one that comes alone. */
const void *lied(const void *bytes, uint64_t length, int to) {
    static int is_done;
    uint32_t found[2];
    uint64_t first;
    if (mode != LIE || rank != chosen_rank || to != told_rank || recognise(bytes, length, found, 2, &first) != 1) {
        return bytes;
    }
    uint64_t owners = segment(found[0])->owners;
    if (!(owners >> rank & 1) || owners >> to & 1 || __atomic_exchange_n(&is_done, 1, __ATOMIC_RELAXED)) {
        return bytes;
    }
    char *copy = malloc(length); /* kept: the send may go on for as long as the program */
    if (copy == NULL) {
        return bytes;
    }
    memcpy(copy, bytes, length);
    copy[first] = copy[first] == 'a' ? 'b' : 'a';
    set_lie(to, found[0]);
    return copy;
}
