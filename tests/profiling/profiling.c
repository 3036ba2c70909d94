/* Stands between a program and its MPI library, by MPI's own profiling interface, and shows what the
 * program takes for granted that MPI does not promise. Preloaded into a rank, it does what PROFILING
 * in the environment says:
 *
 *   synchronous   a standard send waits until its receive has begun, whatever its size
 *   noise:SEED    sends, receives and looks for messages take their time, up to some milliseconds
 *   stop:RANK:N   this rank stops itself, by SIGSTOP, when it has posted its Nth message; before it
 *                 starts MPI if N is 0, and before it ends MPI if N is -1
 *
 * C, and built by the library's own mpicc, because handles and prototypes are what its mpi.h says. */
#include <mpi.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static enum { NOTHING, SYNCHRONOUS, NOISE, STOP } mode;
static unsigned long long seed;
static int rank, stopping_rank, stops_at, posted, threads;
static __thread uint64_t state;

/* Stops this rank if it is to stop now. */
static void stop_at(int number) {
    if (mode == STOP && rank == stopping_rank && number == stops_at) {
        raise(SIGSTOP);
    }
}

/* Finds out what to do, before there is MPI. Launchers say which rank this is. */
static void prepare(void) {
    const char *text = getenv("PROFILING");
    const char *number = getenv("OMPI_COMM_WORLD_RANK");
    number = number ? number : getenv("PMI_RANK");
    rank = number ? atoi(number) : -1;
    if (text && strcmp(text, "synchronous") == 0) {
        mode = SYNCHRONOUS;
    } else if (text && sscanf(text, "noise:%llu", &seed) == 1) {
        mode = NOISE;
    } else if (text && sscanf(text, "stop:%d:%d", &stopping_rank, &stops_at) == 2) {
        mode = STOP;
    } else {
        fprintf(stderr, "profiling: PROFILING is none of: synchronous, noise:SEED, stop:RANK:N\n");
        exit(99);
    }
    stop_at(0);
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

/* One time in so many, waits for up to two milliseconds. */
static void wait_one_in(unsigned times) {
    if (mode == NOISE && next() % times == 0) {
        struct timespec time = {0, (long)(next() % 2000) * 1000};
        nanosleep(&time, NULL);
    }
}

static int with_noise(unsigned times, int result) {
    wait_one_in(times);
    return result;
}

/* A message was posted. */
static int after_post(int result) {
    stop_at(__atomic_add_fetch(&posted, 1, __ATOMIC_RELAXED));
    return with_noise(4, result);
}

/* A program waits for messages by many looks: these are delayed less often. */
#define POST(call) (wait_one_in(4), after_post(call))
#define TAKE(call) (wait_one_in(4), with_noise(4, call))
#define LOOK(call) (wait_one_in(32), with_noise(32, call))

int MPI_Init(int *argc, char ***argv) {
    prepare();
    return PMPI_Init(argc, argv);
}

int MPI_Init_thread(int *argc, char ***argv, int required, int *provided) {
    prepare();
    return PMPI_Init_thread(argc, argv, required, provided);
}

int MPI_Finalize(void) {
    stop_at(-1);
    return PMPI_Finalize();
}

int MPI_Send(const void *bytes, int count, MPI_Datatype type, int to, int tag, MPI_Comm comm) {
    return mode == SYNCHRONOUS ? PMPI_Ssend(bytes, count, type, to, tag, comm)
                               : POST(PMPI_Send(bytes, count, type, to, tag, comm));
}

int MPI_Isend(const void *bytes, int count, MPI_Datatype type, int to, int tag, MPI_Comm comm,
              MPI_Request *request) {
    return mode == SYNCHRONOUS ? PMPI_Issend(bytes, count, type, to, tag, comm, request)
                               : POST(PMPI_Isend(bytes, count, type, to, tag, comm, request));
}

int MPI_Recv(void *bytes, int count, MPI_Datatype type, int from, int tag, MPI_Comm comm,
             MPI_Status *status) {
    return TAKE(PMPI_Recv(bytes, count, type, from, tag, comm, status));
}

int MPI_Irecv(void *bytes, int count, MPI_Datatype type, int from, int tag, MPI_Comm comm,
              MPI_Request *request) {
    return TAKE(PMPI_Irecv(bytes, count, type, from, tag, comm, request));
}

int MPI_Wait(MPI_Request *request, MPI_Status *status) {
    return TAKE(PMPI_Wait(request, status));
}

int MPI_Test(MPI_Request *request, int *flag, MPI_Status *status) {
    return LOOK(PMPI_Test(request, flag, status));
}

int MPI_Iprobe(int from, int tag, MPI_Comm comm, int *flag, MPI_Status *status) {
    return LOOK(PMPI_Iprobe(from, tag, comm, flag, status));
}
