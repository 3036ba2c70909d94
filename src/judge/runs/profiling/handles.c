/* What MPI's handles stand for: see handles.h. */
#include "handles.h"

#include <pthread.h>
#include <string.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* --- Communicators --- */

/* One that is freed may still have messages on their way, so it is known until another has its handle. */
struct communicator {
    MPI_Comm comm;
    uint32_t number, children;
    int size, *ranks;
    enum { UNUSED, USED, FREED } state;
};

enum { MOST_COMMUNICATORS = 256 };
static struct communicator communicators[MOST_COMMUNICATORS];
static uint32_t children_of_world, children_of_self;

static struct communicator *with_handle(MPI_Comm comm) {
    for (int i = 0; i < MOST_COMMUNICATORS; i++) {
        if (communicators[i].state != UNUSED && communicators[i].comm == comm) {
            return &communicators[i];
        }
    }
    return NULL;
}

static struct communicator *known(MPI_Comm comm) {
    static uint32_t unknown;
    struct communicator *it = with_handle(comm);
    if (it == NULL) {
        not_followed(&unknown, "a communicator of unknown origin");
    }
    return it;
}

/* The first place that is in this state. */
static struct communicator *in_state(int state) {
    for (int i = 0; i < MOST_COMMUNICATORS; i++) {
        if ((int)communicators[i].state == state) {
            return &communicators[i];
        }
    }
    return NULL;
}

uint32_t number_of(MPI_Comm comm) {
    if (comm == MPI_COMM_WORLD || comm == MPI_COMM_SELF) {
        return comm == MPI_COMM_SELF;
    }
    pthread_mutex_lock(&lock);
    struct communicator *it = known(comm);
    uint32_t number = it ? it->number : UINT32_MAX;
    pthread_mutex_unlock(&lock);
    return number;
}

int rank_in_world(MPI_Comm comm, int rank) {
    if (rank == MPI_ANY_SOURCE || rank == MPI_PROC_NULL || rank < 0) {
        return rank == MPI_ANY_SOURCE ? ANY : NONE;
    }
    if (comm == MPI_COMM_WORLD) {
        return rank;
    }
    if (comm == MPI_COMM_SELF) {
        return launched_rank();
    }
    pthread_mutex_lock(&lock);
    struct communicator *it = known(comm);
    int in_world = it && rank < it->size ? it->ranks[rank] : NONE;
    pthread_mutex_unlock(&lock);
    return in_world;
}

int tag_of(int tag) {
    return tag == MPI_ANY_TAG ? ANY : tag;
}

static uint32_t mixed(uint32_t number, uint32_t part) {
    return (number ^ part) * 16777619u;
}

uint32_t next_of(MPI_Comm parent) {
    uint32_t above = number_of(parent);
    pthread_mutex_lock(&lock);
    struct communicator *it = parent == MPI_COMM_WORLD || parent == MPI_COMM_SELF ? NULL : known(parent);
    uint32_t *children = parent == MPI_COMM_SELF ? &children_of_self : &children_of_world;
    uint32_t nth = it ? ++it->children : ++*children;
    pthread_mutex_unlock(&lock);
    return mixed(mixed(2166136261u, above), nth);
}

uint32_t apart_of(MPI_Comm parent, int tag) {
    return mixed(mixed(2166136261u, number_of(parent)), ~(uint32_t)tag);
}

/* Those that were made at once, such as by a split, differ in their first members. */
void made(uint32_t number, MPI_Comm comm) {
    static uint32_t alike;
    MPI_Group group, world;
    int size;
    if (comm == MPI_COMM_NULL) {
        return;
    }
    PMPI_Comm_size(comm, &size);
    int *here = malloc(size * sizeof *here), *ranks = malloc(size * sizeof *ranks);
    if (here == NULL || ranks == NULL) {
        cut();
        free(here);
        free(ranks);
        return;
    }
    for (int i = 0; i < size; i++) {
        here[i] = i;
    }
    PMPI_Comm_group(comm, &group);
    PMPI_Comm_group(MPI_COMM_WORLD, &world);
    PMPI_Group_translate_ranks(group, size, here, world, ranks);
    PMPI_Group_free(&group);
    PMPI_Group_free(&world);
    free(here);
    number = mixed(number, ranks[0]);
    number = number < 2 ? number + 2 : number;
    pthread_mutex_lock(&lock);
    for (int i = 0; i < MOST_COMMUNICATORS; i++) {
        if (communicators[i].state == USED && communicators[i].number == number) {
            not_followed(&alike, "two communicators that look the same");
        }
    }
    struct communicator *place = with_handle(comm);
    place = place ? place : in_state(UNUSED);
    place = place ? place : in_state(FREED);
    if (place != NULL) {
        free(place->ranks);
        *place = (struct communicator){comm, number, 0, size, ranks, USED};
    } else {
        free(ranks);
        cut();
    }
    pthread_mutex_unlock(&lock);
}

void freed(MPI_Comm comm) {
    pthread_mutex_lock(&lock);
    struct communicator *it = known(comm);
    if (it != NULL) {
        it->state = FREED;
    }
    pthread_mutex_unlock(&lock);
}

/* --- Data --- */

uint64_t length_of(int count, MPI_Datatype type) {
    int size = 0;
    PMPI_Type_size(type, &size);
    return count < 0 || size < 0 ? 0 : (uint64_t)count * size;
}

/* In the order of DATATYPES in recording.rs, from 1; 0 is the program's own. */
uint32_t number_of_type(MPI_Datatype type) {
    const MPI_Datatype types[] = {
        MPI_BYTE, MPI_PACKED, MPI_CHAR, MPI_SIGNED_CHAR, MPI_UNSIGNED_CHAR, MPI_SHORT, MPI_UNSIGNED_SHORT, MPI_INT,
        MPI_UNSIGNED, MPI_LONG, MPI_UNSIGNED_LONG, MPI_LONG_LONG, MPI_UNSIGNED_LONG_LONG, MPI_FLOAT, MPI_DOUBLE,
        MPI_C_BOOL, MPI_INT8_T, MPI_UINT8_T, MPI_INT16_T, MPI_UINT16_T, MPI_INT32_T, MPI_UINT32_T, MPI_INT64_T,
        MPI_UINT64_T,
    };
    for (uint32_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (types[i] == type) {
            return i + 1;
        }
    }
    return 0;
}

void completed_by(struct call *call, MPI_Comm comm, MPI_Status *status) {
    int length = 0;
    if (status->MPI_SOURCE == MPI_PROC_NULL) {
        complete(call, NONE, 0, 0);
        return;
    }
    PMPI_Get_count(status, MPI_BYTE, &length);
    complete(call, rank_in_world(comm, status->MPI_SOURCE), status->MPI_TAG, length < 0 ? 0 : length);
}

/* --- Requests --- */

struct request {
    struct request *next;
    MPI_Request handle;
    struct call *call;
    MPI_Comm comm;
    int is_cancelled;
    MPI_Comm *new; /* that it makes, and its number */
    uint32_t number;
};

enum { BUCKETS = 4096 };
static struct request *buckets[BUCKETS];

static struct request **bucket(MPI_Request request) {
    uint64_t bits = 0;
    memcpy(&bits, &request, sizeof request);
    return &buckets[bits * 0x9E3779B97F4A7C15 >> 52];
}

static void begun(struct request request) {
    struct request *new = malloc(sizeof *new);
    if (new == NULL) {
        cut();
    }
    if (request.handle == MPI_REQUEST_NULL) { /* It is done already. */
        complete(request.call, NONE, 0, 0);
    }
    if (request.call == NULL || new == NULL || request.handle == MPI_REQUEST_NULL) {
        free(new);
        return;
    }
    *new = request;
    pthread_mutex_lock(&lock);
    struct request **at = bucket(request.handle);
    while (*at != NULL) {
        at = &(*at)->next;
    }
    *at = new;
    pthread_mutex_unlock(&lock);
}

void goes_on(MPI_Request request, struct call *call, MPI_Comm comm) {
    begun((struct request){.handle = request, .call = call, .comm = comm});
}

void goes_on_to_make(MPI_Request request, struct call *call, MPI_Comm *new, uint32_t number) {
    begun((struct request){.handle = request, .call = call, .new = new, .number = number});
}

/* The oldest of this handle. */
struct request *take_out(MPI_Request request) {
    pthread_mutex_lock(&lock);
    struct request **at = bucket(request);
    while (*at != NULL && (*at)->handle != request) {
        at = &(*at)->next;
    }
    struct request *it = *at;
    if (it != NULL) {
        *at = it->next;
    }
    pthread_mutex_unlock(&lock);
    return it;
}

/* In front of all others, so that it is the oldest again. */
void put_back(struct request *request) {
    if (request != NULL) {
        pthread_mutex_lock(&lock);
        struct request **first = bucket(request->handle);
        request->next = *first;
        *first = request;
        pthread_mutex_unlock(&lock);
    }
}

/* Without a status, nobody knows what has become of it. */
void ends(struct request *request, MPI_Status *status) {
    int is_cancelled = 0;
    if (request == NULL) {
        return;
    }
    struct call *call = request->call;
    if (request->new != NULL) {
        made(request->number, *request->new);
    }
    if (request->is_cancelled && status != NULL) {
        PMPI_Test_cancelled(status, &is_cancelled);
    }
    if (is_cancelled) {
        complete(call, CANCELLED, 0, 0);
    } else if (call->kind == IRECV || call->kind == IMRECV || call->kind == START_RECEIVE) {
        if (status != NULL) {
            completed_by(call, request->comm, status);
        }
    } else if (status != NULL || !request->is_cancelled) {
        complete(call, NONE, 0, 0);
    }
    free(request);
}

void cancels(struct request *request) {
    if (request != NULL) {
        request->is_cancelled = 1;
    }
}

int is_cancelled(const struct request *request) {
    return request != NULL && request->is_cancelled;
}

struct call *call_of(const struct request *request) {
    return request ? request->call : NULL;
}

/* --- Requests that can be started many times --- */

struct startable {
    struct startable *next;
    MPI_Request handle;
    struct persistent what;
};

static struct startable *startable;

static struct startable **place_of(MPI_Request request) {
    struct startable **at = &startable;
    while (*at != NULL && (*at)->handle != request) {
        at = &(*at)->next;
    }
    return at;
}

void can_start(MPI_Request request, const struct persistent *what) {
    struct startable *new = malloc(sizeof *new);
    if (new == NULL) {
        cut();
        return;
    }
    pthread_mutex_lock(&lock);
    *new = (struct startable){startable, request, *what};
    startable = new;
    pthread_mutex_unlock(&lock);
}

int starts(MPI_Request request, struct persistent *what) {
    pthread_mutex_lock(&lock);
    struct startable *it = *place_of(request);
    if (it != NULL) {
        *what = it->what;
    }
    pthread_mutex_unlock(&lock);
    return it != NULL;
}

void starts_no_more(MPI_Request request) {
    pthread_mutex_lock(&lock);
    struct startable **at = place_of(request), *it = *at;
    if (it != NULL) {
        *at = it->next;
        free(it);
    }
    pthread_mutex_unlock(&lock);
}

/* --- Found messages --- */

struct message {
    MPI_Message handle;
    MPI_Comm comm;
};

enum { MOST_MESSAGES = 1024 };
static struct message messages[MOST_MESSAGES];
static int found_messages;

void was_found(MPI_Message message, MPI_Comm comm) {
    pthread_mutex_lock(&lock);
    if (message == MPI_MESSAGE_NULL || message == MPI_MESSAGE_NO_PROC) {
    } else if (found_messages < MOST_MESSAGES) {
        messages[found_messages++] = (struct message){message, comm};
    } else {
        cut();
    }
    pthread_mutex_unlock(&lock);
}

MPI_Comm found_on(MPI_Message message) {
    MPI_Comm comm = MPI_COMM_WORLD;
    pthread_mutex_lock(&lock);
    for (int i = 0; i < found_messages; i++) {
        if (messages[i].handle == message) {
            comm = messages[i].comm;
            messages[i] = messages[--found_messages];
            break;
        }
    }
    pthread_mutex_unlock(&lock);
    return comm;
}
