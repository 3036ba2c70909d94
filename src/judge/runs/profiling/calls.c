/* The functions that stand before the MPI library's own, and before those that make and join threads. */
#define _GNU_SOURCE
#include "handles.h"

#include <dlfcn.h>
#include <pthread.h>

/* Threads that are made inside MPI are the library's. */
static __thread int is_inside;

/* What the call comes to. */
#define INSIDE(call)                                                                                               \
    ({                                                                                                             \
        is_inside++;                                                                                               \
        int result_of_call = (call);                                                                               \
        is_inside--;                                                                                               \
        result_of_call;                                                                                            \
    })

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
    if (call != NULL) {
        set_finalize();
    }
    return returned(call, INSIDE(PMPI_Finalize()));
}

int MPI_Abort(MPI_Comm comm, int code) {
    if (begin(ABORT, NONE, NONE, number_of(comm)) != NULL) {
        set_aborted();
    }
    return PMPI_Abort(comm, code);
}

/* --- Threads --- */

struct task {
    void *(*function)(void *);
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
    value = task.function(task.argument);
    pthread_cleanup_pop(1);
    return value;
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*function)(void *), void *argument) {
    static int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    real = real ? real : (__typeof__(real))dlsym(RTLD_NEXT, "pthread_create");
    struct task *task = is_inside ? NULL : malloc(sizeof *task);
    if (task == NULL) {
        return real(thread, attributes, function, argument);
    }
    int number = number_of_new_thread();
    *task = (struct task){function, argument, number};
    int problem = real(thread, attributes, run, task);
    if (problem != 0) {
        free(task);
        return problem;
    }
    pthread_mutex_lock(&lock);
    joined[joinable % MOST_JOINED].thread = *thread;
    joined[joinable++ % MOST_JOINED].number = number;
    pthread_mutex_unlock(&lock);
    return 0;
}

int pthread_join(pthread_t thread, void **value) {
    static int (*real)(pthread_t, void **);
    real = real ? real : (__typeof__(real))dlsym(RTLD_NEXT, "pthread_join");
    int number = NONE;
    if (is_inside) {
        return real(thread, value);
    }
    pthread_mutex_lock(&lock);
    for (int i = 0; i < joinable && i < MOST_JOINED; i++) {
        if (pthread_equal(joined[i].thread, thread)) {
            number = joined[i].number;
        }
    }
    pthread_mutex_unlock(&lock);
    struct call *call = begin(JOIN, number, NONE, 0);
    return returned(call, real(thread, value));
}

/* --- Sends --- */

/* A program's own types may lie anywhere in memory: what they describe is not looked into, but for the
 * bytes from the first to the last. */
static const void *visible(const void *bytes, int count, MPI_Datatype type, uint64_t *length) {
    MPI_Aint low = 0, extent = 0;
    *length = length_of(count, type);
    if (number_of_type(type) != 0 || *length == 0) {
        return bytes;
    }
    PMPI_Type_get_extent(type, &low, &extent);
    if (bytes == NULL || low != 0 || extent <= 0 || (uint64_t)extent * count > 1 << 26) {
        return NULL;
    }
    return bytes;
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

#define SEND_AS(kind, function)                                                                                    \
    wait_one_in(4);                                                                                                \
    const void *sent = to_be_sent(bytes, count, type, to, comm);                                                   \
    struct call *call = begin_send(kind, bytes, count, type, to, tag, comm);                                       \
    int result = returned(call, INSIDE(function(sent, count, type, to, tag, comm)));                               \
    posted();                                                                                                      \
    wait_one_in(4);                                                                                                \
    return result

int MPI_Send(const void *bytes, int count, MPI_Datatype type, int to, int tag, MPI_Comm comm) {
    int (*function)(const void *, int, MPI_Datatype, int, int, MPI_Comm) =
        sends_are_synchronous() ? PMPI_Ssend : PMPI_Send;
    SEND_AS(SEND, function);
}

int MPI_Ssend(const void *bytes, int count, MPI_Datatype type, int to, int tag, MPI_Comm comm) {
    SEND_AS(SSEND, PMPI_Ssend);
}

int MPI_Bsend(const void *bytes, int count, MPI_Datatype type, int to, int tag, MPI_Comm comm) {
    SEND_AS(BSEND, PMPI_Bsend);
}

int MPI_Rsend(const void *bytes, int count, MPI_Datatype type, int to, int tag, MPI_Comm comm) {
    SEND_AS(RSEND, PMPI_Rsend);
}

#define ISEND_AS(kind, function)                                                                                   \
    wait_one_in(4);                                                                                                \
    const void *sent = to_be_sent(bytes, count, type, to, comm);                                                   \
    struct call *call = begin_send(kind, bytes, count, type, to, tag, comm);                                       \
    int result = returned(call, INSIDE(function(sent, count, type, to, tag, comm, request)));                      \
    goes_on(*request, call, comm);                                                                                 \
    posted();                                                                                                      \
    wait_one_in(4);                                                                                                \
    return result

int MPI_Isend(const void *bytes, int count, MPI_Datatype type, int to, int tag, MPI_Comm comm, MPI_Request *request) {
    int (*function)(const void *, int, MPI_Datatype, int, int, MPI_Comm, MPI_Request *) =
        sends_are_synchronous() ? PMPI_Issend : PMPI_Isend;
    ISEND_AS(ISEND, function);
}

int MPI_Issend(const void *bytes, int count, MPI_Datatype type, int to, int tag, MPI_Comm comm, MPI_Request *request) {
    ISEND_AS(ISSEND, PMPI_Issend);
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

int MPI_Recv(void *bytes, int count, MPI_Datatype type, int from, int tag, MPI_Comm comm, MPI_Status *status) {
    MPI_Status mine;
    status = STATUS(status, &mine);
    wait_one_in(4);
    struct call *call = begin_receive(RECV, count, type, from, tag, comm);
    int result = took(call, comm, status, INSIDE(PMPI_Recv(bytes, count, type, from, tag, comm, status)));
    wait_one_in(4);
    return result;
}

int MPI_Irecv(void *bytes, int count, MPI_Datatype type, int from, int tag, MPI_Comm comm, MPI_Request *request) {
    wait_one_in(4);
    struct call *call = begin_receive(IRECV, count, type, from, tag, comm);
    int result = returned(call, INSIDE(PMPI_Irecv(bytes, count, type, from, tag, comm, request)));
    goes_on(*request, call, comm);
    wait_one_in(4);
    return result;
}

int MPI_Mrecv(void *bytes, int count, MPI_Datatype type, MPI_Message *message, MPI_Status *status) {
    MPI_Status mine;
    MPI_Comm comm = found_on(*message);
    status = STATUS(status, &mine);
    wait_one_in(4);
    struct call *call = begin_receive(MRECV, count, type, MPI_ANY_SOURCE, MPI_ANY_TAG, comm);
    int result = took(call, comm, status, INSIDE(PMPI_Mrecv(bytes, count, type, message, status)));
    wait_one_in(4);
    return result;
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

int MPI_Sendrecv(const void *bytes, int count, MPI_Datatype type, int to, int tag, void *room, int places,
                 MPI_Datatype type_of_room, int from, int tag_from, MPI_Comm comm, MPI_Status *status) {
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

/* --- Looks for a message --- */

/* A program looks for messages many times: these are delayed less often. */
#define FEW 32

int MPI_Probe(int from, int tag, MPI_Comm comm, MPI_Status *status) {
    MPI_Status mine;
    status = STATUS(status, &mine);
    wait_one_in(4);
    struct call *call = begin(PROBE, rank_in_world(comm, from), tag_of(tag), number_of(comm));
    int result = took(call, comm, status, INSIDE(PMPI_Probe(from, tag, comm, status)));
    wait_one_in(4);
    return result;
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

int MPI_Iprobe(int from, int tag, MPI_Comm comm, int *flag, MPI_Status *status) {
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

int MPI_Wait(MPI_Request *request, MPI_Status *status) {
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

int MPI_Test(MPI_Request *request, int *flag, MPI_Status *status) {
    MPI_Status mine;
    struct request *taken = take_out(*request);
    status = STATUS(status, &mine);
    wait_one_in(FEW);
    int result = INSIDE(PMPI_Test(request, flag, status));
    if (result == MPI_SUCCESS && *flag) {
        ends(taken, status);
    } else {
        looked_at(TEST, taken);
        put_back(taken);
    }
    wait_one_in(FEW);
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

/* One of them is done. */
static void one_ends(struct several *all, int which, MPI_Status *status) {
    ends(all->taken[which], status);
    all->taken[which] = NULL;
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

int MPI_Waitall(int count, MPI_Request *requests, MPI_Status *statuses) {
    struct several all = several(count, requests, statuses);
    wait_one_in(4);
    struct call *call = begin_wait(WAITALL, first(&all));
    int result = INSIDE(PMPI_Waitall(count, requests, all.statuses));
    for (int i = 0; result == MPI_SUCCESS && i < count; i++) {
        one_ends(&all, i, &all.statuses[i]);
    }
    go_on(&all);
    returned(call, result);
    wait_one_in(4);
    return result;
}

int MPI_Testall(int count, MPI_Request *requests, int *flag, MPI_Status *statuses) {
    struct several all = several(count, requests, statuses);
    wait_one_in(FEW);
    int result = INSIDE(PMPI_Testall(count, requests, flag, all.statuses));
    for (int i = 0; result == MPI_SUCCESS && *flag && i < count; i++) {
        one_ends(&all, i, &all.statuses[i]);
    }
    if (result == MPI_SUCCESS && !*flag) {
        looked_at(TESTALL, first(&all));
    }
    go_on(&all);
    wait_one_in(FEW);
    return result;
}

int MPI_Waitany(int count, MPI_Request *requests, int *index, MPI_Status *status) {
    MPI_Status mine;
    struct several all = several(count, requests, &mine);
    status = STATUS(status, &mine);
    wait_one_in(4);
    struct call *call = begin_wait(WAITANY, first(&all));
    int result = INSIDE(PMPI_Waitany(count, requests, index, status));
    if (result == MPI_SUCCESS && *index != MPI_UNDEFINED) {
        one_ends(&all, *index, status);
    }
    go_on(&all);
    returned(call, result);
    wait_one_in(4);
    return result;
}

int MPI_Testany(int count, MPI_Request *requests, int *index, int *flag, MPI_Status *status) {
    MPI_Status mine;
    struct several all = several(count, requests, &mine);
    status = STATUS(status, &mine);
    wait_one_in(FEW);
    int result = INSIDE(PMPI_Testany(count, requests, index, flag, status));
    if (result == MPI_SUCCESS && *flag && *index != MPI_UNDEFINED) {
        one_ends(&all, *index, status);
    } else if (result == MPI_SUCCESS && !*flag) {
        looked_at(TESTANY, first(&all));
    }
    go_on(&all);
    wait_one_in(FEW);
    return result;
}

int MPI_Waitsome(int count, MPI_Request *requests, int *done, int *indices, MPI_Status *statuses) {
    struct several all = several(count, requests, statuses);
    wait_one_in(4);
    struct call *call = begin_wait(WAITSOME, first(&all));
    int result = INSIDE(PMPI_Waitsome(count, requests, done, indices, all.statuses));
    for (int i = 0; result == MPI_SUCCESS && *done != MPI_UNDEFINED && i < *done; i++) {
        one_ends(&all, indices[i], &all.statuses[i]);
    }
    go_on(&all);
    returned(call, result);
    wait_one_in(4);
    return result;
}

int MPI_Testsome(int count, MPI_Request *requests, int *done, int *indices, MPI_Status *statuses) {
    struct several all = several(count, requests, statuses);
    wait_one_in(FEW);
    int result = INSIDE(PMPI_Testsome(count, requests, done, indices, all.statuses));
    for (int i = 0; result == MPI_SUCCESS && *done != MPI_UNDEFINED && i < *done; i++) {
        one_ends(&all, indices[i], &all.statuses[i]);
    }
    if (result == MPI_SUCCESS && *done == 0) {
        looked_at(TESTSOME, first(&all));
    }
    go_on(&all);
    wait_one_in(FEW);
    return result;
}

/* A request that is cancelled or freed is no message that was forgotten: who uses this is not judged by
 * what is left. */
int MPI_Cancel(MPI_Request *request) {
    cut();
    struct call *call = begin(CANCEL, NONE, NONE, 0);
    return returned(call, INSIDE(PMPI_Cancel(request)));
}

int MPI_Request_free(MPI_Request *request) {
    ends(take_out(*request), NULL);
    return INSIDE(PMPI_Request_free(request));
}

/* --- All together --- */

#define TOGETHER(kind, root, comm, sent, count, type, expression)                                                  \
    wait_one_in(4);                                                                                                \
    uint64_t length;                                                                                               \
    const void *seen = (sent) == NULL ? NULL : visible(sent, count, type, &length);                                \
    struct call *call = begin_data(kind, rank_in_world(comm, root), NONE, number_of(comm), seen,                   \
                                   seen ? length : 0, seen ? number_of_type(type) : 0);                            \
    int result = returned(call, INSIDE(expression));                                                               \
    wait_one_in(4);                                                                                                \
    return result

/* What this rank sends, and not what it says to be in place. */
#define OWN(bytes) ((bytes) == MPI_IN_PLACE ? NULL : (bytes))

static int is_root(int root, MPI_Comm comm) {
    int rank = -1;
    PMPI_Comm_rank(comm, &rank);
    return rank == root;
}

int MPI_Barrier(MPI_Comm comm) {
    TOGETHER(BARRIER, MPI_PROC_NULL, comm, NULL, 0, MPI_BYTE, PMPI_Barrier(comm));
}

int MPI_Bcast(void *bytes, int count, MPI_Datatype type, int root, MPI_Comm comm) {
    const void *own = is_root(root, comm) ? bytes : NULL;
    TOGETHER(BCAST, root, comm, own, count, type, PMPI_Bcast(bytes, count, type, root, comm));
}

int MPI_Gather(const void *sent, int count, MPI_Datatype type, void *room, int places, MPI_Datatype type_of_room,
               int root, MPI_Comm comm) {
    TOGETHER(GATHER, root, comm, OWN(sent), count, type,
             PMPI_Gather(sent, count, type, room, places, type_of_room, root, comm));
}

int MPI_Gatherv(const void *sent, int count, MPI_Datatype type, void *room, const int *places, const int *offsets,
                MPI_Datatype type_of_room, int root, MPI_Comm comm) {
    TOGETHER(GATHERV, root, comm, OWN(sent), count, type,
             PMPI_Gatherv(sent, count, type, room, places, offsets, type_of_room, root, comm));
}

int MPI_Scatter(const void *sent, int count, MPI_Datatype type, void *room, int places, MPI_Datatype type_of_room,
                int root, MPI_Comm comm) {
    TOGETHER(SCATTER, root, comm, NULL, 0, MPI_BYTE,
             PMPI_Scatter(sent, count, type, room, places, type_of_room, root, comm));
}

int MPI_Scatterv(const void *sent, const int *counts, const int *offsets, MPI_Datatype type, void *room, int places,
                 MPI_Datatype type_of_room, int root, MPI_Comm comm) {
    TOGETHER(SCATTERV, root, comm, NULL, 0, MPI_BYTE,
             PMPI_Scatterv(sent, counts, offsets, type, room, places, type_of_room, root, comm));
}

int MPI_Reduce(const void *sent, void *room, int count, MPI_Datatype type, MPI_Op operation, int root, MPI_Comm comm) {
    TOGETHER(REDUCE, root, comm, OWN(sent), count, type, PMPI_Reduce(sent, room, count, type, operation, root, comm));
}

int MPI_Allreduce(const void *sent, void *room, int count, MPI_Datatype type, MPI_Op operation, MPI_Comm comm) {
    TOGETHER(ALLREDUCE, MPI_PROC_NULL, comm, OWN(sent), count, type,
             PMPI_Allreduce(sent, room, count, type, operation, comm));
}

int MPI_Allgather(const void *sent, int count, MPI_Datatype type, void *room, int places, MPI_Datatype type_of_room,
                  MPI_Comm comm) {
    TOGETHER(ALLGATHER, MPI_PROC_NULL, comm, OWN(sent), count, type,
             PMPI_Allgather(sent, count, type, room, places, type_of_room, comm));
}

int MPI_Allgatherv(const void *sent, int count, MPI_Datatype type, void *room, const int *places, const int *offsets,
                   MPI_Datatype type_of_room, MPI_Comm comm) {
    TOGETHER(ALLGATHERV, MPI_PROC_NULL, comm, OWN(sent), count, type,
             PMPI_Allgatherv(sent, count, type, room, places, offsets, type_of_room, comm));
}

int MPI_Alltoall(const void *sent, int count, MPI_Datatype type, void *room, int places, MPI_Datatype type_of_room,
                 MPI_Comm comm) {
    TOGETHER(ALLTOALL, MPI_PROC_NULL, comm, NULL, 0, MPI_BYTE,
             PMPI_Alltoall(sent, count, type, room, places, type_of_room, comm));
}

/* --- Communicators --- */

int MPI_Comm_dup(MPI_Comm comm, MPI_Comm *new) {
    struct call *call = begin(COMM_DUP, NONE, NONE, number_of(comm));
    int result = INSIDE(PMPI_Comm_dup(comm, new));
    made(comm, *new);
    return returned(call, result);
}

int MPI_Comm_split(MPI_Comm comm, int colour, int key, MPI_Comm *new) {
    struct call *call = begin(COMM_SPLIT, NONE, NONE, number_of(comm));
    int result = INSIDE(PMPI_Comm_split(comm, colour, key, new));
    made(comm, *new);
    return returned(call, result);
}

int MPI_Comm_create(MPI_Comm comm, MPI_Group group, MPI_Comm *new) {
    struct call *call = begin(COMM_CREATE, NONE, NONE, number_of(comm));
    int result = INSIDE(PMPI_Comm_create(comm, group, new));
    made(comm, *new);
    return returned(call, result);
}

int MPI_Comm_free(MPI_Comm *comm) {
    freed(*comm);
    return INSIDE(PMPI_Comm_free(comm));
}

/* --- What is not recorded, and says so --- */

int MPI_Sendrecv_replace(void *bytes, int count, MPI_Datatype type, int to, int tag, int from, int tag_from,
                         MPI_Comm comm, MPI_Status *status) {
    cut();
    return INSIDE(PMPI_Sendrecv_replace(bytes, count, type, to, tag, from, tag_from, comm, status));
}

int MPI_Start(MPI_Request *request) {
    cut();
    return INSIDE(PMPI_Start(request));
}

int MPI_Startall(int count, MPI_Request *requests) {
    cut();
    return INSIDE(PMPI_Startall(count, requests));
}

int MPI_Put(const void *bytes, int count, MPI_Datatype type, int to, MPI_Aint place, int places, MPI_Datatype there,
            MPI_Win window) {
    cut();
    return INSIDE(PMPI_Put(bytes, count, type, to, place, places, there, window));
}

int MPI_Get(void *bytes, int count, MPI_Datatype type, int from, MPI_Aint place, int places, MPI_Datatype there,
            MPI_Win window) {
    cut();
    return INSIDE(PMPI_Get(bytes, count, type, from, place, places, there, window));
}
