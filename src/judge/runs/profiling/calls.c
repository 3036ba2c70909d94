/* The functions that stand before the MPI library's own, and before those that make and join threads. */
#define _GNU_SOURCE
#include "handles.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

__thread int is_inside;

/* The beginning of a function of which nothing is left on the stack when it fills that: its work is done by another one.
 * So what is called next finds nothing in its variables but what they are filled with. */
#define CLEAN(name, parameters, arguments)                                                                         \
    static int name##_itself parameters;                                                                           \
    int name parameters {                                                                                          \
        return dirty_stack(name##_itself arguments);                                                               \
    }                                                                                                              \
    static __attribute__((noinline)) int name##_itself parameters

/* --- Start and end --- */

/* MPI's own way with an error, but for a note of it first. */
static void note_error(MPI_Comm *comm, int *code, ...) {
    this_call_failed(*code);
    PMPI_Comm_set_errhandler(*comm, MPI_ERRORS_ARE_FATAL);
    PMPI_Comm_call_errhandler(*comm, *code);
}

static void before_start(void) {
    prepare_disturbance(launched_rank());
    begin_recording();
}

static int started(struct call *call, int asked, int given, int result) {
    MPI_Errhandler handler;
    if (result == MPI_SUCCESS) {
        set_levels(asked, given);
        if (call != NULL && PMPI_Comm_create_errhandler(note_error, &handler) == MPI_SUCCESS) {
            PMPI_Comm_set_errhandler(MPI_COMM_WORLD, handler);
        }
    }
    return returned(call, result);
}

/* Levels in their order, from 0. */
static int level(int level) {
    return level == MPI_THREAD_SINGLE ? 0 : level == MPI_THREAD_FUNNELED ? 1 : level == MPI_THREAD_SERIALIZED ? 2 : 3;
}

int MPI_Init(int *argc, char ***argv) {
    int given = MPI_THREAD_SINGLE;
    before_start();
    struct call *call = begin(INIT, NONE, NONE, 0);
    int result = INSIDE(PMPI_Init(argc, argv));
    PMPI_Query_thread(&given);
    return started(call, 0, level(given), result);
}

int MPI_Init_thread(int *argc, char ***argv, int required, int *provided) {
    before_start();
    struct call *call = begin(INIT_THREAD, NONE, NONE, 0);
    int result = INSIDE(PMPI_Init_thread(argc, argv, required, provided));
    return started(call, level(required), level(*provided), result);
}

int MPI_Finalize(void) {
    stop_at(-1);
    struct call *call = begin(FINALIZE, NONE, NONE, 0);
    set_finalize();
    return returned(call, INSIDE(PMPI_Finalize()));
}

int MPI_Abort(MPI_Comm comm, int code) {
    begin(ABORT, NONE, NONE, number_of(comm));
    set_aborted();
    return PMPI_Abort(comm, code);
}

/* --- Threads --- */

#if __has_include(<threads.h>)
#include <threads.h>
#define HAS_C11_THREADS
#endif

/* What a thread is to do: the function of POSIX or of C11. */
struct task {
    void *(*function)(void *);
    int (*c11)(void *);
    void *argument;
    int number;
};

enum { MOST_JOINED = 256 };
static struct {
    pthread_t thread;
    int number;
} joined[MOST_JOINED];
static int joinable;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void over(void *unused) {
    (void)unused;
    this_thread_is_over();
}

static void *run(void *given) {
    struct task task = *(struct task *)given;
    void *value;
    free(given);
    this_thread_is(task.number);
    pthread_cleanup_push(over, NULL);
    dirty_stack(0);
    value = task.c11 != NULL ? (void *)(intptr_t)task.c11(task.argument) : task.function(task.argument);
    pthread_cleanup_pop(1);
    return value;
}

static int run_c11(void *given) {
    return (int)(intptr_t)run(given);
}

/* A thread that was made inside MPI. */
static void *run_for_mpi(void *given) {
    struct task task = *(struct task *)given;
    free(given);
    is_inside++;
    this_thread_is_of_mpi();
    return task.function(task.argument);
}

/* NULL if there is no memory for it. */
static struct task *begin_task(void *(*function)(void *), int (*c11)(void *), void *argument) {
    struct task *task = malloc(sizeof *task);
    if (task != NULL) {
        *task = (struct task){function, c11, argument, is_inside ? NONE : number_of_new_thread()};
    }
    return task;
}

static void can_be_joined(pthread_t thread, int number) {
    pthread_mutex_lock(&lock);
    joined[joinable % MOST_JOINED].thread = thread;
    joined[joinable++ % MOST_JOINED].number = number;
    pthread_mutex_unlock(&lock);
}

/* A call that waits for this thread begins. */
static struct call *begin_join(pthread_t thread) {
    int number = NONE;
    pthread_mutex_lock(&lock);
    for (int i = 0; i < joinable && i < MOST_JOINED; i++) {
        if (pthread_equal(joined[i].thread, thread)) {
            number = joined[i].number;
        }
    }
    pthread_mutex_unlock(&lock);
    return begin(JOIN, number, NONE, 0);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*function)(void *), void *argument) {
    static int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    real = real ? real : (__typeof__(real))dlsym(RTLD_NEXT, "pthread_create");
    struct task *task = begin_task(function, NULL, argument);
    if (task == NULL) {
        return real(thread, attributes, function, argument);
    }
    int number = task->number;
    int problem = real(thread, attributes, number == NONE ? run_for_mpi : run, task);
    if (problem != 0) {
        free(task);
    } else if (number != NONE) {
        can_be_joined(*thread, number);
    }
    return problem;
}

int pthread_join(pthread_t thread, void **value) {
    static int (*real)(pthread_t, void **);
    real = real ? real : (__typeof__(real))dlsym(RTLD_NEXT, "pthread_join");
    if (is_inside) {
        return real(thread, value);
    }
    struct call *call = begin_join(thread);
    return returned(call, real(thread, value));
}

#ifdef __GLIBC__
/* The one that is behind this library's. Which versions there are depends on the system. */
static void *(*real_dlsym(void))(void *, const char *) {
    static const char *const versions[] = {"GLIBC_2.34", "GLIBC_2.2.5", "GLIBC_2.17"};
    static void *(*real)(void *, const char *);
    for (int i = 0; real == NULL && i < (int)(sizeof versions / sizeof *versions); i++) {
        real = (__typeof__(real))dlvsym(RTLD_NEXT, "dlsym", versions[i]);
    }
    return real;
}

/* A program may ask for one of MPI's functions by its name: it gets the one of this library, which knows then that it was
 * called. All else is as if it had asked the system: where it looks depends on who asks, so that comes last. */
void *dlsym(void *handle, const char *name) {
    static void *this_library;
    void *(*real)(void *, const char *) = real_dlsym();
    if (strncmp(name, "MPI_", 4) == 0) {
        Dl_info place;
        if (this_library == NULL && dladdr((void *)real_dlsym, &place) != 0) {
            this_library = dlopen(place.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
        }
        void *function = this_library == NULL ? NULL : real(this_library, name);
        if (function != NULL) {
            return function;
        }
    }
    return real(handle, name);
}
#endif

#ifdef HAS_C11_THREADS
/* Those of C11 are made past pthread_create. */
int thrd_create(thrd_t *thread, thrd_start_t function, void *argument) {
    static int (*real)(thrd_t *, thrd_start_t, void *);
    real = real ? real : (__typeof__(real))dlsym(RTLD_NEXT, "thrd_create");
    struct task *task = is_inside ? NULL : begin_task(NULL, function, argument);
    if (task == NULL) {
        return real(thread, function, argument);
    }
    int number = task->number;
    int problem = real(thread, run_c11, task);
    if (problem != thrd_success) {
        free(task);
    } else {
        can_be_joined((pthread_t)*thread, number);
    }
    return problem;
}

int thrd_join(thrd_t thread, int *value) {
    static int (*real)(thrd_t, int *);
    real = real ? real : (__typeof__(real))dlsym(RTLD_NEXT, "thrd_join");
    if (is_inside) {
        return real(thread, value);
    }
    struct call *call = begin_join((pthread_t)thread);
    return returned(call, real(thread, value));
}
#endif

/* --- Sends --- */

/* The bytes of a message as they are sent: what a program's own type picks out is put together first. They stay until
 * this thread asks again. */
static const void *visible(const void *bytes, int count, MPI_Datatype type, uint64_t *length) {
    enum { MOST = 1 << 26 };
    static __thread char *packed;
    static __thread int room;
    int needed = 0, position = 0;
    *length = length_of(count, type);
    if (number_of_type(type) != 0 || *length == 0) {
        return bytes;
    }
    if (*length > MOST || PMPI_Pack_size(count, type, MPI_COMM_WORLD, &needed) != MPI_SUCCESS) {
        return NULL;
    }
    if (needed > room) {
        free(packed);
        packed = malloc(needed);
        room = packed != NULL ? needed : 0;
    }
    if (packed == NULL || PMPI_Pack(bytes, count, type, packed, room, &position, MPI_COMM_WORLD) != MPI_SUCCESS) {
        return NULL;
    }
    return packed;
}

static struct call *begin_send(enum kind kind, const void *bytes, int count, MPI_Datatype type, int to, int tag,
                               MPI_Comm comm) {
    uint64_t length;
    const void *seen = visible(bytes, count, type, &length);
    return begin_data(kind, rank_in_world(comm, to), tag_of(tag), number_of(comm), seen, length, number_of_type(type));
}

/* The bytes, or a lie. */
static const void *to_be_sent(const void *bytes, int count, MPI_Datatype type, int to, MPI_Comm comm) {
    return number_of_type(type) ? lied(bytes, length_of(count, type), rank_in_world(comm, to)) : bytes;
}

/* What every send is called with. */
#define MESSAGE const void *bytes, int count, MPI_Datatype type, int to, int tag, MPI_Comm comm

#define SEND_AS(kind, expression, afterwards)                                                                      \
    wait_one_in(4);                                                                                                \
    const void *sent = to_be_sent(bytes, count, type, to, comm);                                                   \
    struct call *call = begin_send(kind, bytes, count, type, to, tag, comm);                                       \
    int result = returned(call, INSIDE(expression));                                                               \
    afterwards;                                                                                                    \
    posted();                                                                                                      \
    wait_one_in(4);                                                                                                \
    return result

#define SENDS(kind, name, function)                                                                                \
    CLEAN(name, (MESSAGE), (bytes, count, type, to, tag, comm)) {                                                  \
        SEND_AS(kind, (function)(sent, count, type, to, tag, comm), (void)0);                                      \
    }

#define BEGINS_TO_SEND(kind, name, function)                                                                       \
    CLEAN(name, (MESSAGE, MPI_Request *request), (bytes, count, type, to, tag, comm, request)) {                   \
        SEND_AS(kind, (function)(sent, count, type, to, tag, comm, request), goes_on(*request, call, comm));       \
    }

SENDS(SEND, MPI_Send, sends_are_synchronous() ? PMPI_Ssend : PMPI_Send)
SENDS(SSEND, MPI_Ssend, PMPI_Ssend)
SENDS(BSEND, MPI_Bsend, PMPI_Bsend)
SENDS(RSEND, MPI_Rsend, PMPI_Rsend)
BEGINS_TO_SEND(ISEND, MPI_Isend, sends_are_synchronous() ? PMPI_Issend : PMPI_Isend)
BEGINS_TO_SEND(ISSEND, MPI_Issend, PMPI_Issend)
BEGINS_TO_SEND(IBSEND, MPI_Ibsend, PMPI_Ibsend)
BEGINS_TO_SEND(IRSEND, MPI_Irsend, PMPI_Irsend)

/* It waits until all that was kept is sent. */
int MPI_Buffer_detach(void *buffer, int *size) {
    struct call *call = begin(BUFFER_DETACH, NONE, NONE, 0);
    return returned(call, INSIDE(PMPI_Buffer_detach(buffer, size)));
}

/* --- Receives --- */

static struct call *begin_receive(enum kind kind, int count, MPI_Datatype type, int from, int tag, MPI_Comm comm) {
    return begin_data(kind, rank_in_world(comm, from), tag_of(tag), number_of(comm), NULL, length_of(count, type),
                      number_of_type(type));
}

/* The program's status, or a place of ours where it has none. */
#define STATUS(status, mine) ((status) == MPI_STATUS_IGNORE ? (mine) : (status))

/* A message was taken or found. */
static int took(struct call *call, MPI_Comm comm, MPI_Status *status, int result) {
    if (result == MPI_SUCCESS) {
        completed_by(call, comm, status);
    }
    return returned(call, result);
}

/* A call that waits until it has taken or found a message. */
#define TAKES(begun, expression)                                                                                   \
    MPI_Status mine;                                                                                               \
    status = STATUS(status, &mine);                                                                                \
    wait_one_in(4);                                                                                                \
    struct call *call = begun;                                                                                     \
    int result = took(call, comm, status, INSIDE(expression));                                                     \
    wait_one_in(4);                                                                                                \
    return result

CLEAN(MPI_Recv, (void *bytes, int count, MPI_Datatype type, int from, int tag, MPI_Comm comm, MPI_Status *status),
      (bytes, count, type, from, tag, comm, status)) {
    TAKES(begin_receive(RECV, count, type, from, tag, comm), PMPI_Recv(bytes, count, type, from, tag, comm, status));
}

CLEAN(MPI_Irecv, (void *bytes, int count, MPI_Datatype type, int from, int tag, MPI_Comm comm, MPI_Request *request),
      (bytes, count, type, from, tag, comm, request)) {
    wait_one_in(4);
    struct call *call = begin_receive(IRECV, count, type, from, tag, comm);
    int result = returned(call, INSIDE(PMPI_Irecv(bytes, count, type, from, tag, comm, request)));
    goes_on(*request, call, comm);
    wait_one_in(4);
    return result;
}

int MPI_Mrecv(void *bytes, int count, MPI_Datatype type, MPI_Message *message, MPI_Status *status) {
    MPI_Comm comm = found_on(*message);
    TAKES(begin_receive(MRECV, count, type, MPI_ANY_SOURCE, MPI_ANY_TAG, comm),
          PMPI_Mrecv(bytes, count, type, message, status));
}

int MPI_Imrecv(void *bytes, int count, MPI_Datatype type, MPI_Message *message, MPI_Request *request) {
    MPI_Comm comm = found_on(*message);
    wait_one_in(4);
    struct call *call = begin_receive(IMRECV, count, type, MPI_ANY_SOURCE, MPI_ANY_TAG, comm);
    int result = returned(call, INSIDE(PMPI_Imrecv(bytes, count, type, message, request)));
    goes_on(*request, call, comm);
    wait_one_in(4);
    return result;
}

CLEAN(MPI_Sendrecv, (const void *bytes, int count, MPI_Datatype type, int to, int tag, void *room, int places,
                     MPI_Datatype type_of_room, int from, int tag_from, MPI_Comm comm, MPI_Status *status),
      (bytes, count, type, to, tag, room, places, type_of_room, from, tag_from, comm, status)) {
    MPI_Status mine;
    status = STATUS(status, &mine);
    wait_one_in(4);
    const void *sent = to_be_sent(bytes, count, type, to, comm);
    struct call *half = begin_send(SENDRECV_SEND, bytes, count, type, to, tag, comm);
    struct call *call = begin_receive(SENDRECV, places, type_of_room, from, tag_from, comm);
    int result = INSIDE(
        PMPI_Sendrecv(sent, count, type, to, tag, room, places, type_of_room, from, tag_from, comm, status));
    took(call, comm, status, result);
    returned(half, result);
    posted();
    wait_one_in(4);
    return result;
}

/* No lie is told here: the room is the program's. */
int MPI_Sendrecv_replace(void *bytes, int count, MPI_Datatype type, int to, int tag, int from, int tag_from,
                         MPI_Comm comm, MPI_Status *status) {
    MPI_Status mine;
    status = STATUS(status, &mine);
    wait_one_in(4);
    struct call *half = begin_send(SENDRECV_REPLACE_SEND, bytes, count, type, to, tag, comm);
    struct call *call = begin_receive(SENDRECV_REPLACE, count, type, from, tag_from, comm);
    int result = INSIDE(PMPI_Sendrecv_replace(bytes, count, type, to, tag, from, tag_from, comm, status));
    took(call, comm, status, result);
    returned(half, result);
    posted();
    wait_one_in(4);
    return result;
}

/* --- Looks for a message --- */

/* A program looks for messages many times: these are delayed less often. */
#define FEW 32

CLEAN(MPI_Probe, (int from, int tag, MPI_Comm comm, MPI_Status *status), (from, tag, comm, status)) {
    TAKES(begin(PROBE, rank_in_world(comm, from), tag_of(tag), number_of(comm)),
          PMPI_Probe(from, tag, comm, status));
}

int MPI_Mprobe(int from, int tag, MPI_Comm comm, MPI_Message *message, MPI_Status *status) {
    MPI_Status mine;
    status = STATUS(status, &mine);
    wait_one_in(4);
    struct call *call = begin(MPROBE, rank_in_world(comm, from), tag_of(tag), number_of(comm));
    int result = took(call, comm, status, INSIDE(PMPI_Mprobe(from, tag, comm, message, status)));
    was_found(*message, comm);
    wait_one_in(4);
    return result;
}

/* A look is only recorded as a call if it finds something. */
static int has_looked(enum kind kind, int from, int tag, MPI_Comm comm, int flag, MPI_Status *status, int result) {
    int peer = rank_in_world(comm, from);
    if (result == MPI_SUCCESS && flag) {
        took(begin(kind, peer, tag_of(tag), number_of(comm)), comm, status, result);
    } else {
        looked(kind, peer, tag_of(tag), number_of(comm));
    }
    wait_one_in(FEW);
    return result;
}

CLEAN(MPI_Iprobe, (int from, int tag, MPI_Comm comm, int *flag, MPI_Status *status), (from, tag, comm, flag, status)) {
    MPI_Status mine;
    status = STATUS(status, &mine);
    wait_one_in(FEW);
    int result = INSIDE(PMPI_Iprobe(from, tag, comm, flag, status));
    return has_looked(IPROBE, from, tag, comm, *flag, status, result);
}

int MPI_Improbe(int from, int tag, MPI_Comm comm, int *flag, MPI_Message *message, MPI_Status *status) {
    MPI_Status mine;
    status = STATUS(status, &mine);
    wait_one_in(FEW);
    int result = INSIDE(PMPI_Improbe(from, tag, comm, flag, message, status));
    if (result == MPI_SUCCESS && *flag) {
        was_found(*message, comm);
    }
    return has_looked(IMPROBE, from, tag, comm, *flag, status, result);
}

/* --- Waits --- */

/* A wait for what a call has begun, as a call of another kind. */
static struct call *begin_wait(enum kind kind, const struct request *request) {
    struct call *call = call_of(request);
    return call ? begin(kind, call->peer, call->tag, call->comm) : begin(kind, NONE, NONE, 0);
}

static void looked_at(enum kind kind, const struct request *request) {
    struct call *call = call_of(request);
    if (call != NULL) {
        looked(kind, call->peer, call->tag, call->comm);
    } else {
        looked(kind, NONE, NONE, 0);
    }
}

/* A look that finds something done is a call as well. */
static void found_done(enum kind kind, const struct request *request) {
    if (call_of(request) != NULL) {
        returned(begin_wait(kind, request), MPI_SUCCESS);
    }
}

CLEAN(MPI_Wait, (MPI_Request *request, MPI_Status *status), (request, status)) {
    MPI_Status mine;
    struct request *taken = take_out(*request);
    status = STATUS(status, &mine);
    wait_one_in(4);
    struct call *call = begin_wait(WAIT, taken);
    int result = INSIDE(PMPI_Wait(request, status));
    if (result == MPI_SUCCESS) {
        ends(taken, status);
    }
    returned(call, result);
    wait_one_in(4);
    return result;
}

CLEAN(MPI_Test, (MPI_Request *request, int *flag, MPI_Status *status), (request, flag, status)) {
    MPI_Status mine;
    struct request *taken = take_out(*request);
    status = STATUS(status, &mine);
    wait_one_in(FEW);
    int result = INSIDE(PMPI_Test(request, flag, status));
    if (result == MPI_SUCCESS && *flag) {
        found_done(TEST, taken);
        ends(taken, status);
    } else {
        looked_at(TEST, taken);
        put_back(taken);
    }
    wait_one_in(FEW);
    return result;
}

int MPI_Request_get_status(MPI_Request request, int *flag, MPI_Status *status) {
    struct request *taken = take_out(request);
    int result = INSIDE(PMPI_Request_get_status(request, flag, status));
    if (result == MPI_SUCCESS && !*flag) {
        looked_at(REQUEST_GET_STATUS, taken);
    }
    put_back(taken);
    return result;
}

/* Several requests at once, and a place for each status. */
struct several {
    struct request **taken;
    MPI_Status *statuses;
    int count, is_mine;
};

static struct several several(int count, const MPI_Request *requests, MPI_Status *statuses) {
    size_t room = count > 0 ? count : 1;
    struct several all = {malloc(room * sizeof *all.taken), statuses, count, statuses == MPI_STATUSES_IGNORE};
    if (all.is_mine) {
        all.statuses = malloc(room * sizeof *statuses);
    }
    if (all.taken == NULL || all.statuses == NULL) {
        abort();
    }
    for (int i = 0; i < count; i++) {
        all.taken[i] = take_out(requests[i]);
    }
    return all;
}

/* `number` of them are done, each with its status: those at these places, or the first ones. */
static void done(struct several *all, int number, const int *places, MPI_Status *statuses) {
    for (int i = 0; i < number; i++) {
        int place = places != NULL ? places[i] : i;
        ends(all->taken[place], &statuses[i]);
        all->taken[place] = NULL;
    }
}

/* The first that is not done stands for all. */
static struct request *first(const struct several *all) {
    for (int i = 0; i < all->count; i++) {
        if (all->taken[i] != NULL) {
            return all->taken[i];
        }
    }
    return NULL;
}

/* What is not done goes on: the last is put back first, so that the oldest is in front again. */
static void go_on(struct several *all) {
    for (int i = all->count - 1; i >= 0; i--) {
        put_back(all->taken[i]);
    }
    free(all->taken);
    if (all->is_mine) {
        free(all->statuses);
    }
}

#define WAITS_FOR(kind, expression, number, places, statuses)                                                      \
    wait_one_in(4);                                                                                                \
    struct call *call = begin_wait(kind, first(&all));                                                             \
    int result = INSIDE(expression);                                                                               \
    if (result == MPI_SUCCESS) {                                                                                   \
        done(&all, number, places, statuses);                                                                      \
    }                                                                                                              \
    go_on(&all);                                                                                                   \
    returned(call, result);                                                                                        \
    wait_one_in(4);                                                                                                \
    return result

#define LOOKS_AT(kind, expression, found, number, places, statuses)                                                \
    wait_one_in(FEW);                                                                                              \
    int result = INSIDE(expression);                                                                               \
    if (result == MPI_SUCCESS && (found)) {                                                                        \
        found_done(kind, first(&all));                                                                             \
        done(&all, number, places, statuses);                                                                      \
    } else if (result == MPI_SUCCESS) {                                                                            \
        looked_at(kind, first(&all));                                                                              \
    }                                                                                                              \
    go_on(&all);                                                                                                   \
    wait_one_in(FEW);                                                                                              \
    return result

/* A number of requests that are done, or none where MPI has no number for it. */
#define DEFINED(number) ((number) == MPI_UNDEFINED ? 0 : (number))

CLEAN(MPI_Waitall, (int count, MPI_Request *requests, MPI_Status *statuses), (count, requests, statuses)) {
    struct several all = several(count, requests, statuses);
    WAITS_FOR(WAITALL, PMPI_Waitall(count, requests, all.statuses), count, NULL, all.statuses);
}

int MPI_Testall(int count, MPI_Request *requests, int *flag, MPI_Status *statuses) {
    struct several all = several(count, requests, statuses);
    LOOKS_AT(TESTALL, PMPI_Testall(count, requests, flag, all.statuses), *flag, count, NULL, all.statuses);
}

CLEAN(MPI_Waitany, (int count, MPI_Request *requests, int *index, MPI_Status *status),
      (count, requests, index, status)) {
    MPI_Status mine;
    struct several all = several(count, requests, &mine);
    status = STATUS(status, &mine);
    WAITS_FOR(WAITANY, PMPI_Waitany(count, requests, index, status), *index != MPI_UNDEFINED, index, status);
}

int MPI_Testany(int count, MPI_Request *requests, int *index, int *flag, MPI_Status *status) {
    MPI_Status mine;
    struct several all = several(count, requests, &mine);
    status = STATUS(status, &mine);
    LOOKS_AT(TESTANY, PMPI_Testany(count, requests, index, flag, status), *flag, *index != MPI_UNDEFINED, index, status);
}

int MPI_Waitsome(int count, MPI_Request *requests, int *number, int *places, MPI_Status *statuses) {
    struct several all = several(count, requests, statuses);
    WAITS_FOR(WAITSOME, PMPI_Waitsome(count, requests, number, places, all.statuses), DEFINED(*number), places,
              all.statuses);
}

int MPI_Testsome(int count, MPI_Request *requests, int *number, int *places, MPI_Status *statuses) {
    struct several all = several(count, requests, statuses);
    LOOKS_AT(TESTSOME, PMPI_Testsome(count, requests, number, places, all.statuses), *number != 0, DEFINED(*number),
             places, all.statuses);
}

int MPI_Cancel(MPI_Request *request) {
    struct request *taken = take_out(*request);
    struct call *call = begin_wait(CANCEL, taken);
    cancels(taken);
    put_back(taken);
    return returned(call, INSIDE(PMPI_Cancel(request)));
}

/* What a receive has taken whose request is freed, nobody is told. One that was cancelled need not be waited for by
 * others: so it is asked. */
int MPI_Request_free(MPI_Request *request) {
    static uint32_t number;
    struct request *taken = take_out(*request);
    struct call *call = call_of(taken);
    MPI_Request handle = *request;
    MPI_Status status;
    int is_receive = call != NULL && (call->kind == IRECV || call->kind == START_RECEIVE || call->kind == IMRECV);
    int is_known = is_receive && is_cancelled(taken) && INSIDE(PMPI_Wait(request, &status)) == MPI_SUCCESS;
    if (is_receive && !is_known) {
        not_followed(&number, "MPI_Request_free");
    }
    ends(taken, is_known ? &status : NULL);
    starts_no_more(handle);
    return *request == MPI_REQUEST_NULL ? MPI_SUCCESS : INSIDE(PMPI_Request_free(request));
}

/* --- Requests that can be started many times --- */

/* What is sent is looked at when it is, and so only where it lies as it is sent. */
#define INITS(name, function)                                                                                      \
    int name(MESSAGE, MPI_Request *request) {                                                                      \
        struct persistent what = {                                                                                 \
            START_SEND, rank_in_world(comm, to), tag_of(tag), number_of(comm), number_of_type(type), comm, NULL, 0};     \
        what.length = length_of(count, type);                                                                      \
        what.bytes = what.datatype != 0 ? bytes : NULL;                                                            \
        if (what.bytes == NULL && what.length > 0) {                                                               \
            static uint32_t number;                                                                                \
            not_followed(&number, #name);                                                                          \
        }                                                                                                          \
        int result = INSIDE((function)(bytes, count, type, to, tag, comm, request));                               \
        can_start(*request, &what);                                                                                \
        return result;                                                                                             \
    }

INITS(MPI_Send_init, sends_are_synchronous() ? PMPI_Ssend_init : PMPI_Send_init)
INITS(MPI_Ssend_init, PMPI_Ssend_init)
INITS(MPI_Bsend_init, PMPI_Bsend_init)
INITS(MPI_Rsend_init, PMPI_Rsend_init)

int MPI_Recv_init(void *bytes, int count, MPI_Datatype type, int from, int tag, MPI_Comm comm, MPI_Request *request) {
    struct persistent what = {START_RECEIVE, rank_in_world(comm, from), tag_of(tag), number_of(comm),
                              number_of_type(type), comm, NULL, length_of(count, type)};
    int result = INSIDE(PMPI_Recv_init(bytes, count, type, from, tag, comm, request));
    can_start(*request, &what);
    return result;
}

/* One of them begins. Other requests can be started, too, in newer libraries. */
static struct call *begin_start(MPI_Request request, struct persistent *what) {
    static uint32_t number;
    if (!starts(request, what)) {
        return begin_not_followed(&number, "MPI_Start");
    }
    return begin_data(what->kind, what->peer, what->tag, what->number, what->bytes, what->length, what->datatype);
}

static void started_as(MPI_Request request, struct call *call, const struct persistent *what, int result) {
    returned(call, result);
    if (call != NULL && GOES_ON(call->kind)) {
        goes_on(request, call, what->comm);
    }
    if (call == NULL || call->kind == START_SEND) {
        posted();
    }
}

int MPI_Start(MPI_Request *request) {
    struct persistent what;
    wait_one_in(4);
    struct call *call = begin_start(*request, &what);
    int result = INSIDE(PMPI_Start(request));
    started_as(*request, call, &what, result);
    wait_one_in(4);
    return result;
}

int MPI_Startall(int count, MPI_Request *requests) {
    size_t room = count > 0 ? count : 1;
    struct call **calls = malloc(room * sizeof *calls);
    struct persistent *what = malloc(room * sizeof *what);
    if (calls == NULL || what == NULL) {
        abort();
    }
    wait_one_in(4);
    for (int i = 0; i < count; i++) {
        calls[i] = begin_start(requests[i], &what[i]);
    }
    int result = INSIDE(PMPI_Startall(count, requests));
    for (int i = 0; i < count; i++) {
        started_as(requests[i], calls[i], &what[i], result);
    }
    free(calls);
    free(what);
    wait_one_in(4);
    return result;
}

/* --- All together --- */

/* What most of these are called with: what this rank gives, and where it gets something. */
#define GIVEN const void *sent, int count, MPI_Datatype type
#define ROOM void *room, int places, MPI_Datatype type_of_room

/* These bytes are what this rank gives. If they are NULL, it gives nothing, and its type may be none. */
#define GIVES(bytes) ((bytes) ? (datatype = number_of_type(type), visible(bytes, count, type, &length)) : NULL)
/* Not what it says to be in place. */
#define OWN (sent == MPI_IN_PLACE ? NULL : sent)

#define BEGINS_TOGETHER(kind, root, given)                                                                         \
    wait_one_in(4);                                                                                                \
    uint64_t length = 0;                                                                                           \
    uint32_t datatype = 0;                                                                                         \
    const void *seen = given;                                                                                      \
    struct call *call = begin_data(kind, rank_in_world(comm, root), NONE, number_of(comm), seen, seen ? length : 0, \
                                   seen ? datatype : 0);

#define PLAIN(...) __VA_ARGS__

/* A function, and the one that only begins to do the same. */
#define TOGETHER(kind, function, later, root, given, parameters, arguments)                                        \
    int MPI_##function(PLAIN parameters) {                                                                         \
        BEGINS_TOGETHER(kind, root, given)                                                                         \
        int result = returned(call, INSIDE(PMPI_##function(PLAIN arguments)));                                     \
        wait_one_in(4);                                                                                            \
        return result;                                                                                             \
    }                                                                                                              \
    int MPI_##later(PLAIN parameters, MPI_Request *request) {                                                      \
        BEGINS_TOGETHER(I##kind, root, given)                                                                      \
        int result = returned(call, INSIDE(PMPI_##later(PLAIN arguments, request)));                               \
        goes_on(*request, call, comm);                                                                             \
        wait_one_in(4);                                                                                            \
        return result;                                                                                             \
    }

static int is_root(int root, MPI_Comm comm) {
    int rank = -1;
    PMPI_Comm_rank(comm, &rank);
    return rank == root;
}

TOGETHER(BARRIER, Barrier, Ibarrier, MPI_PROC_NULL, NULL, (MPI_Comm comm), (comm))
TOGETHER(BCAST, Bcast, Ibcast, root, GIVES(is_root(root, comm) ? bytes : NULL),
         (void *bytes, int count, MPI_Datatype type, int root, MPI_Comm comm), (bytes, count, type, root, comm))
TOGETHER(GATHER, Gather, Igather, root, GIVES(OWN), (GIVEN, ROOM, int root, MPI_Comm comm),
         (sent, count, type, room, places, type_of_room, root, comm))
TOGETHER(GATHERV, Gatherv, Igatherv, root, GIVES(OWN),
         (GIVEN, void *room, const int *places, const int *offsets, MPI_Datatype type_of_room, int root, MPI_Comm comm),
         (sent, count, type, room, places, offsets, type_of_room, root, comm))
TOGETHER(SCATTER, Scatter, Iscatter, root, NULL, (GIVEN, ROOM, int root, MPI_Comm comm),
         (sent, count, type, room, places, type_of_room, root, comm))
TOGETHER(SCATTERV, Scatterv, Iscatterv, root, NULL,
         (const void *sent, const int *counts, const int *offsets, MPI_Datatype type, ROOM, int root, MPI_Comm comm),
         (sent, counts, offsets, type, room, places, type_of_room, root, comm))
TOGETHER(REDUCE, Reduce, Ireduce, root, GIVES(OWN),
         (const void *sent, void *room, int count, MPI_Datatype type, MPI_Op operation, int root, MPI_Comm comm),
         (sent, room, count, type, operation, root, comm))
TOGETHER(ALLREDUCE, Allreduce, Iallreduce, MPI_PROC_NULL, GIVES(OWN),
         (const void *sent, void *room, int count, MPI_Datatype type, MPI_Op operation, MPI_Comm comm),
         (sent, room, count, type, operation, comm))
TOGETHER(ALLGATHER, Allgather, Iallgather, MPI_PROC_NULL, GIVES(OWN), (GIVEN, ROOM, MPI_Comm comm),
         (sent, count, type, room, places, type_of_room, comm))
TOGETHER(ALLGATHERV, Allgatherv, Iallgatherv, MPI_PROC_NULL, GIVES(OWN),
         (GIVEN, void *room, const int *places, const int *offsets, MPI_Datatype type_of_room, MPI_Comm comm),
         (sent, count, type, room, places, offsets, type_of_room, comm))
TOGETHER(ALLTOALL, Alltoall, Ialltoall, MPI_PROC_NULL, NULL, (GIVEN, ROOM, MPI_Comm comm),
         (sent, count, type, room, places, type_of_room, comm))
TOGETHER(ALLTOALLV, Alltoallv, Ialltoallv, MPI_PROC_NULL, NULL,
         (const void *sent, const int *counts, const int *from, MPI_Datatype type, void *room, const int *places,
          const int *offsets, MPI_Datatype type_of_room, MPI_Comm comm),
         (sent, counts, from, type, room, places, offsets, type_of_room, comm))
TOGETHER(ALLTOALLW, Alltoallw, Ialltoallw, MPI_PROC_NULL, NULL,
         (const void *sent, const int *counts, const int *from, const MPI_Datatype *types, void *room,
          const int *places, const int *offsets, const MPI_Datatype *types_of_room, MPI_Comm comm),
         (sent, counts, from, types, room, places, offsets, types_of_room, comm))
TOGETHER(SCAN, Scan, Iscan, MPI_PROC_NULL, GIVES(OWN),
         (const void *sent, void *room, int count, MPI_Datatype type, MPI_Op operation, MPI_Comm comm),
         (sent, room, count, type, operation, comm))
TOGETHER(EXSCAN, Exscan, Iexscan, MPI_PROC_NULL, GIVES(OWN),
         (const void *sent, void *room, int count, MPI_Datatype type, MPI_Op operation, MPI_Comm comm),
         (sent, room, count, type, operation, comm))
TOGETHER(REDUCE_SCATTER, Reduce_scatter, Ireduce_scatter, MPI_PROC_NULL, NULL,
         (const void *sent, void *room, const int *counts, MPI_Datatype type, MPI_Op operation, MPI_Comm comm),
         (sent, room, counts, type, operation, comm))
TOGETHER(REDUCE_SCATTER_BLOCK, Reduce_scatter_block, Ireduce_scatter_block, MPI_PROC_NULL, NULL,
         (const void *sent, void *room, int count, MPI_Datatype type, MPI_Op operation, MPI_Comm comm),
         (sent, room, count, type, operation, comm))

/* --- Communicators --- */

#define MAKES(kind, function, number, parameters, arguments)                                                       \
    int MPI_##function parameters {                                                                                \
        struct call *call = begin(kind, NONE, NONE, number_of(comm));                                              \
        uint32_t its_number = number;                                                                              \
        int result = INSIDE(PMPI_##function arguments);                                                            \
        if (result == MPI_SUCCESS) {                                                                               \
            made(its_number, *new);                                                                                \
        }                                                                                                          \
        return returned(call, result);                                                                             \
    }

MAKES(COMM_DUP, Comm_dup, next_of(comm), (MPI_Comm comm, MPI_Comm *new), (comm, new))
MAKES(COMM_DUP_WITH_INFO, Comm_dup_with_info, next_of(comm), (MPI_Comm comm, MPI_Info info, MPI_Comm *new),
      (comm, info, new))
MAKES(COMM_SPLIT, Comm_split, next_of(comm), (MPI_Comm comm, int colour, int key, MPI_Comm *new),
      (comm, colour, key, new))
MAKES(COMM_SPLIT_TYPE, Comm_split_type, next_of(comm), (MPI_Comm comm, int type, int key, MPI_Info info, MPI_Comm *new),
      (comm, type, key, info, new))
MAKES(COMM_CREATE, Comm_create, next_of(comm), (MPI_Comm comm, MPI_Group group, MPI_Comm *new), (comm, group, new))
MAKES(COMM_CREATE_GROUP, Comm_create_group, apart_of(comm, tag),
      (MPI_Comm comm, MPI_Group group, int tag, MPI_Comm *new), (comm, group, tag, new))
MAKES(CART_CREATE, Cart_create, next_of(comm),
      (MPI_Comm comm, int count, const int *sizes, const int *rings, int reorder, MPI_Comm *new),
      (comm, count, sizes, rings, reorder, new))
MAKES(CART_SUB, Cart_sub, next_of(comm), (MPI_Comm comm, const int *remain, MPI_Comm *new), (comm, remain, new))

int MPI_Comm_idup(MPI_Comm comm, MPI_Comm *new, MPI_Request *request) {
    struct call *call = begin(COMM_IDUP, NONE, NONE, number_of(comm));
    uint32_t number = next_of(comm);
    int result = returned(call, INSIDE(PMPI_Comm_idup(comm, new, request)));
    goes_on_to_make(*request, call, new, number);
    return result;
}

int MPI_Comm_free(MPI_Comm *comm) {
    freed(*comm);
    return INSIDE(PMPI_Comm_free(comm));
}

int MPI_Comm_disconnect(MPI_Comm *comm) {
    freed(*comm);
    return INSIDE(PMPI_Comm_disconnect(comm));
}
