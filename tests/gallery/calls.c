/* swarm.c with other calls of MPI in the place of MPI_Send, MPI_Recv and MPI_Probe. What it does is the same, and right,
 * whichever of the macros below is set. */
#define _GNU_SOURCE
#include <mpi.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

/* The tags of swarm.c: its readers. */
enum { OF_TRACKER = 1, OF_DOWNLOAD, OF_UPLOAD, OF_NOBODY };

#ifdef FORTRAN /* As a program in Fortran names it, if it should come to that. */
void mpi_init_(int *error) __attribute__((weak));
#endif

#ifdef LATE
#include <semaphore.h>
#include <signal.h>
#include <time.h>

static sem_t is_time;

/* The system makes a thread for it. */
static void time_is_up(union sigval unused) {
    (void)unused;
    sem_post(&is_time);
}
#endif

#ifdef C11 /* Threads as the C standard has them. */
#include <pthread.h>
#include <threads.h>

static int c11_create(pthread_t *thread, void *unused, void *(*function)(void *), void *argument);
static int c11_join(pthread_t thread, void **value);
#define pthread_create c11_create
#define pthread_join c11_join
#endif

/* What a call is given besides the bytes. */
#define MESSAGE int count, MPI_Datatype type, int other, int tag, MPI_Comm comm

/* --- Sends and receives --- */

static int other_send(const void *bytes, MESSAGE);
static int other_recv(void *bytes, MESSAGE, MPI_Status *status);
static int other_probe(int from, int tag, MPI_Comm comm, MPI_Status *status);

/* --- What is done besides, where it begins and where it ends --- */

static void at_start(void);
static void at_end(void);

static int other_init(int *argc, char ***argv, int level, int *given) {
    int result = MPI_Init_thread(argc, argv, level, given);
    at_start();
    return result;
}

static int other_finalize(void) {
    at_end();
    return MPI_Finalize();
}

#define MPI_Send other_send
#define MPI_Recv other_recv
#define MPI_Probe other_probe
#define MPI_Init_thread other_init
#define MPI_Finalize other_finalize
#include "swarm.c"
#undef MPI_Send
#undef MPI_Recv
#undef MPI_Probe
#undef MPI_Init_thread
#undef MPI_Finalize

#ifdef RELAYED /* A client tells the one before it what it owns, and so what the one behind it has told. Only the first
                * client tells the tracker. Whose files they are stands behind the text. */
static void pass_on(const char *text, int count) {
    MPI_Send(text, count, MPI_CHAR, rank - 1, rank == 1 ? OF_TRACKER : OF_NOBODY, MPI_COMM_WORLD);
}

static int tell_own(const void *bytes, int count) {
    char *text = malloc(count + sizeof rank);
    memcpy(text, bytes, count);
    memcpy(text + count, &rank, sizeof rank);
    pass_on(text, count + sizeof rank);
    for (int i = rank + 1; i < ranks; i++) {
        MPI_Status status;
        MPI_Probe(rank + 1, OF_NOBODY, MPI_COMM_WORLD, &status);
        MPI_Get_count(&status, MPI_CHAR, &count);
        text = realloc(text, count);
        MPI_Recv(text, count, MPI_CHAR, rank + 1, OF_NOBODY, MPI_COMM_WORLD, &status);
        pass_on(text, count);
    }
    free(text);
    return MPI_SUCCESS;
}

static int recv_of_any(char *bytes, MESSAGE, MPI_Status *status) {
    int result = MPI_Recv(bytes, count, type, other, tag, comm, status);
    if (tag == OF_TRACKER && strncmp(bytes, "init", 4) == 0) {
        memcpy(&status->MPI_SOURCE, bytes + strlen(bytes) + 1, sizeof rank);
    }
    return result;
}
#endif

static int other_send(const void *bytes, MESSAGE) {
#ifdef RELAYED
    if (strncmp(bytes, "init", 4) == 0) {
        return tell_own(bytes, count);
    }
#endif
#if defined IBSEND /* The bytes are copied at once. */
    MPI_Request request;
    MPI_Ibsend(bytes, count, type, other, tag, comm, &request);
    return MPI_Wait(&request, MPI_STATUS_IGNORE);
#elif defined PERSISTENT
    MPI_Request request;
    MPI_Send_init(bytes, count, type, other, tag, comm, &request);
    MPI_Start(&request);
    MPI_Wait(&request, MPI_STATUS_IGNORE);
    return MPI_Request_free(&request);
#elif defined GAPS /* Every other byte of the room is sent. */
    MPI_Datatype with_gaps;
    const char *text = bytes;
    char *room = malloc(2 * count + 1);
    for (int i = 0; i < count; i++) {
        room[2 * i] = text[i];
        room[2 * i + 1] = '-';
    }
    MPI_Type_vector(count, 1, 2, type, &with_gaps);
    MPI_Type_commit(&with_gaps);
    int result = MPI_Send(room, 1, with_gaps, other, tag, comm);
    MPI_Type_free(&with_gaps);
    free(room);
    return result;
#else
    return MPI_Send(bytes, count, type, other, tag, comm);
#endif
}

static int other_recv(void *bytes, MESSAGE, MPI_Status *status) {
#if defined PAST /* By the name that only those use who stand before the library. */
    return PMPI_Recv(bytes, count, type, other, tag, comm, status);
#elif defined RELAYED
    return recv_of_any(bytes, count, type, other, tag, comm, status);
#elif defined PERSISTENT
    MPI_Request request;
    MPI_Recv_init(bytes, count, type, other, tag, comm, &request);
    MPI_Startall(1, &request);
    MPI_Wait(&request, status);
    return MPI_Request_free(&request);
#else
    return MPI_Recv(bytes, count, type, other, tag, comm, status);
#endif
}

/* PEEK: a thread looks at all that comes, and leaves to the others what is not for it. */
static int other_probe(int from, int tag, MPI_Comm comm, MPI_Status *status) {
#ifdef PEEK
    if (tag == OF_UPLOAD) {
        while (MPI_Probe(MPI_ANY_SOURCE, MPI_ANY_TAG, comm, status), status->MPI_TAG != tag) {
            sched_yield();
        }
        return MPI_SUCCESS;
    }
#endif
    return MPI_Probe(from, tag, comm, status);
}

#ifdef C11
static int c11_create(pthread_t *thread, void *unused, void *(*function)(void *), void *argument) {
    (void)unused;
    return thrd_create((thrd_t *)thread, (thrd_start_t)(void (*)(void))function, argument) != thrd_success;
}

static int c11_join(pthread_t thread, void **value) {
    (void)value;
    return thrd_join((thrd_t)thread, NULL) != thrd_success;
}
#endif

/* The others of a ring. */
static int next(void) {
    return (rank + 1) % ranks;
}

static int previous(void) {
    return (rank + ranks - 1) % ranks;
}

static void at_start(void) {
#ifdef FORTRAN
    if (mpi_init_ != NULL) {
        int error;
        mpi_init_(&error);
    }
#endif
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
#ifdef IBSEND
    static char buffer[1 << 24];
    MPI_Buffer_attach(buffer, sizeof buffer);
#endif
#ifdef LATE /* Longer than one has patience with a run that stands still. */
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_THREAD};
    event.sigev_notify_function = time_is_up;
    sem_init(&is_time, 0, 0);
    timer_create(CLOCK_MONOTONIC, &event, &timer);
    timer_settime(timer, 0, &(struct itimerspec){.it_value = {8, 0}}, NULL);
    sem_wait(&is_time);
#endif
#ifdef WINDOW /* Each tells its neighbour something, and nobody receives it. */
    MPI_Win window;
    int *told, mine = rank;
    MPI_Win_allocate(sizeof *told, sizeof *told, MPI_INFO_NULL, MPI_COMM_WORLD, &told, &window);
    MPI_Win_fence(0, window);
    MPI_Put(&mine, 1, MPI_INT, next(), 0, 1, MPI_INT, window);
    MPI_Win_fence(0, window);
    MPI_Win_free(&window);
#endif
#ifdef IBARRIER /* All wait for all, and are told who the tracker is, without waiting in the call itself. */
    MPI_Request requests[2];
    MPI_Status statuses[2];
    int tracker = rank == TRACKER ? TRACKER : -1;
    MPI_Ibarrier(MPI_COMM_WORLD, &requests[0]);
    MPI_Ibcast(&tracker, 1, MPI_INT, TRACKER, MPI_COMM_WORLD, &requests[1]);
    MPI_Waitall(2, requests, statuses);
#endif
}

#ifdef COMMUNICATORS /* A message on each, to the next of a ring; the last communicator counts backwards. */
static void exchange(MPI_Comm comm) {
    int mine, all, got = -1;
    MPI_Request requests[2];
    MPI_Status statuses[2];
    MPI_Comm_rank(comm, &mine);
    MPI_Comm_size(comm, &all);
    MPI_Irecv(&got, 1, MPI_INT, (mine + all - 1) % all, OF_NOBODY, comm, &requests[0]);
    MPI_Isend(&mine, 1, MPI_INT, (mine + 1) % all, OF_NOBODY, comm, &requests[1]);
    MPI_Comm_free(&comm); /* as soon as it is not needed any more */
    MPI_Waitall(2, requests, statuses);
    if (got != (mine + all - 1) % all) {
        fail("the neighbour is another");
    }
}
#endif

static void at_end(void) {
#ifdef IBSEND
    void *buffer;
    int size;
    MPI_Buffer_detach(&buffer, &size);
#endif
#ifdef REPLACE
    int told = rank;
    MPI_Sendrecv_replace(&told, 1, MPI_INT, next(), OF_NOBODY, previous(), OF_NOBODY, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
#endif
#ifdef CANCEL /* It waits for what nobody sends, until all is done; and once more without a look at what came of it. */
    char nothing;
    MPI_Request request;
    for (int times = 0; times < 2; times++) {
        MPI_Irecv(&nothing, 1, MPI_CHAR, MPI_ANY_SOURCE, OF_NOBODY, MPI_COMM_WORLD, &request);
        MPI_Cancel(&request);
        if (times == 0) {
            MPI_Wait(&request, MPI_STATUS_IGNORE);
        } else {
            MPI_Request_free(&request);
        }
    }
#endif
#ifdef COMMUNICATORS
    MPI_Comm own, copy, later, backwards;
    MPI_Request duplicated;
    if (rank == TRACKER) {
        MPI_Comm_dup(MPI_COMM_SELF, &own); /* which the others have no part in */
        MPI_Comm_free(&own);
    }
    MPI_Comm_idup(MPI_COMM_WORLD, &later, &duplicated);
    MPI_Comm_dup(MPI_COMM_WORLD, &copy);
    MPI_Wait(&duplicated, MPI_STATUS_IGNORE);
    MPI_Comm_split(copy, rank == TRACKER, -rank, &backwards);
    exchange(copy);
    exchange(later);
    exchange(backwards);
#endif
#ifdef FULL /* There is no room for so many calls in a record, but there is an end. */
    for (int i = 0; rank == TRACKER && i < 1000000; i++) {
        MPI_Send(NULL, 0, MPI_CHAR, MPI_PROC_NULL, OF_NOBODY, MPI_COMM_WORLD);
    }
#endif
    (void)next, (void)previous;
}
