/* The record of a rank's calls: a file in memory, so that it survives whatever happens to the rank. */
#define _GNU_SOURCE
#include "profiling.h"
#include "ranks.h" /* written when this is built: the variables by which libraries tell a rank */

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { MAGIC = 0x32524742, MOST_THREADS = 256, MOST_SEGMENTS = 1 << 16, MOST_NAMES = 128, LONGEST_NAME = 48 };
enum { MOST_OF_MPI = 64 };

struct header {
    uint32_t magic, call_size;
    int32_t pid, asked, given; /* levels: 0 for none yet, else 1 and up */
    uint32_t is_aborted, is_cut, has_lied;
    int32_t lied_to;
    uint32_t lied_segment;
    uint64_t finalize, used;
    uint32_t threads, names;
    struct thread thread[MOST_THREADS];
    char name[MOST_NAMES][LONGEST_NAME]; /* of what is not followed; each ends with a 0 */
    uint32_t of_mpi[MOST_OF_MPI]; /* the numbers that the system knows the library's own threads by */
};

/* Until MPI begins, threads are counted here. */
static struct header before = {.threads = 1};
static struct header *header = &before;
static uint64_t size;
static int is_recording;
static __thread int self = -1;
static __thread struct call *current;

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

int launched_rank(void) {
    static const char *const variables[] = {RANK_VARIABLES NULL};
    const char *const *variable = variables;
    while (*variable != NULL && getenv(*variable) == NULL) {
        variable++;
    }
    return *variable != NULL ? atoi(getenv(*variable)) : -1;
}

/* Only the first process of a rank that comes to MPI is recorded; its file is there already, and as
 * large as it may become. */
void begin_recording(void) {
    const char *folder = getenv("RECORDING");
    char path[4096];
    struct stat status;
    self = self < 0 ? 0 : self;
    if (folder == NULL || *folder == 0 || is_recording) {
        return;
    }
    snprintf(path, sizeof path, "%s/rank%d", folder, launched_rank());
    int file = open(path, O_RDWR);
    if (file < 0 || fstat(file, &status) != 0 || (size_t)status.st_size <= sizeof before) {
        return;
    }
    struct header *mapped = mmap(NULL, status.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (mapped == MAP_FAILED || mapped->pid != 0) {
        return;
    }
    memcpy(mapped, &before, sizeof before);
    mapped->pid = getpid();
    mapped->thread[0].task = getpid(); /* the main thread has the number of its process */
    mapped->call_size = sizeof(struct call);
    mapped->used = sizeof before;
    mapped->magic = MAGIC;
    size = status.st_size;
    read_hashes(folder);
    header = mapped;
    __atomic_store_n(&is_recording, 1, __ATOMIC_RELEASE);
}

/* A process that this one has forked has its memory, and is another. */
static int records(void) {
    return __atomic_load_n(&is_recording, __ATOMIC_ACQUIRE) && header->pid == getpid();
}

/* What the header has is known even where there is no room for one more call. */

void set_levels(int asked, int given) {
    header->asked = asked + 1;
    header->given = given + 1;
}

void set_finalize(void) {
    if (records()) {
        header->finalize = now();
    }
}

void set_aborted(void) {
    if (records()) {
        header->is_aborted = 1;
    }
}

void set_lie(int to, uint32_t segment) {
    header->lied_to = to;
    header->lied_segment = segment;
    header->has_lied = 1;
}

void cut(void) {
    header->is_cut = 1;
}

void not_followed(uint32_t *number, const char *what) {
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    if (!records() || __atomic_load_n(number, __ATOMIC_ACQUIRE) != 0) {
        return;
    }
    pthread_mutex_lock(&lock);
    uint32_t at = 0;
    while (at < header->names && strncmp(header->name[at], what, LONGEST_NAME - 1) != 0) {
        at++;
    }
    if (at == MOST_NAMES) {
        cut();
    } else if (at == header->names) {
        strncpy(header->name[at], what, LONGEST_NAME - 1);
        __atomic_store_n(&header->names, at + 1, __ATOMIC_RELEASE);
    }
    __atomic_store_n(number, at + 1, __ATOMIC_RELEASE);
    pthread_mutex_unlock(&lock);
}

int number_of_new_thread(void) {
    int number = __atomic_fetch_add(&header->threads, 1, __ATOMIC_RELAXED);
    if (number >= MOST_THREADS) {
        cut();
        return MOST_THREADS - 1;
    }
    return number;
}

void this_thread_is(int number) {
    self = number;
    header->thread[number].task = gettid();
}

void this_thread_is_over(void) {
    header->thread[self].ended = now();
    header->thread[self].is_over = 1;
}

void this_thread_is_of_mpi(void) {
    static uint32_t number;
    uint32_t place = __atomic_fetch_add(&number, 1, __ATOMIC_RELAXED);
    if (place < MOST_OF_MPI) {
        header->of_mpi[place] = gettid();
    }
}

/* A thread that nobody has seen begin is the main one, or one that was made in an unusual way. */
static int this_thread(void) {
    if (self < 0) {
        this_thread_is(getpid() == gettid() ? 0 : number_of_new_thread());
    }
    return self;
}

struct call *begin_data(enum kind kind, int peer, int tag, uint32_t comm, const void *sent, uint64_t bytes,
                        uint32_t datatype) {
    static __thread uint32_t *found;
    uint32_t segments = 0;
    if (!records()) {
        return NULL;
    }
    if (sent != NULL) {
        found = found ? found : malloc(MOST_SEGMENTS * sizeof *found);
        segments = found ? recognise(sent, bytes, found, MOST_SEGMENTS, NULL) : 0;
    }
    uint64_t needed = (sizeof(struct call) + segments * sizeof(uint32_t) + 7) / 8 * 8;
    uint64_t at = __atomic_fetch_add(&header->used, needed, __ATOMIC_RELAXED);
    struct thread *thread = &header->thread[this_thread()];
    thread->times = 0;
    if (at + needed + sizeof(uint32_t) > size) {
        cut();
        return current = NULL;
    }
    struct call *call = (struct call *)((char *)header + at);
    call->kind = kind;
    call->thread = self;
    call->peer = peer;
    call->tag = tag;
    call->comm = comm;
    call->bytes = bytes;
    call->from = NONE;
    call->datatype = datatype;
    call->segments = segments;
    memcpy(call + 1, found, segments * sizeof *found);
    call->start = now();
    __atomic_store_n(&call->size, needed, __ATOMIC_RELEASE);
    return current = call;
}

struct call *begin(enum kind kind, int peer, int tag, uint32_t comm) {
    return begin_data(kind, peer, tag, comm, NULL, 0, 0);
}

struct call *begin_not_followed(uint32_t *number, const char *name) {
    not_followed(number, name);
    uint32_t place = __atomic_load_n(number, __ATOMIC_ACQUIRE) - 1;
    return place < MOST_NAMES ? begin_data(OTHER, NONE, NONE, 0, NULL, 0, place) : NULL;
}

void failed(struct call *call, int result) {
    int class = 0;
    if (call != NULL && result != MPI_SUCCESS) {
        PMPI_Error_class(result, &class);
        call->error = class == MPI_ERR_TRUNCATE ? 1 : 2 + class;
    }
}

int returned(struct call *call, int result) {
    if (call != NULL) {
        call->end = now();
        if (!GOES_ON(call->kind)) {
            call->complete = call->end;
        }
        if (call->kind != JOIN) {
            failed(call, result);
        }
    }
    current = NULL;
    return dirty_stack(result);
}

void complete(struct call *call, int from, int tag, uint64_t bytes) {
    if (call != NULL) {
        call->from = from;
        call->taken_tag = tag;
        call->taken = bytes;
        __atomic_store_n(&call->complete, now(), __ATOMIC_RELEASE);
    }
}

void this_call_failed(int result) {
    failed(current, result);
    set_aborted();
}

void looked(enum kind kind, int peer, int tag, uint32_t comm) {
    if (!records()) {
        return;
    }
    struct thread *thread = &header->thread[this_thread()];
    if (thread->times == 0) {
        thread->since = now();
    }
    thread->kind = kind;
    thread->peer = peer;
    thread->tag = tag;
    thread->comm = comm;
    thread->times++;
}
