/* What MPI's handles stand for: see handles.h. */
#include "handles.h"

#include <pthread.h>
#include <string.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* --- Communicators --- */

struct communicator {
    MPI_Comm comm;
    uint32_t number, children;
    int size, *ranks, is_used;
};

enum { MOST_COMMUNICATORS = 64 };
static struct communicator communicators[MOST_COMMUNICATORS];
static uint32_t children_of_world;

static struct communicator *known(MPI_Comm comm) {
    static uint32_t unknown;
    for (int i = 0; i < MOST_COMMUNICATORS; i++) {
        if (communicators[i].is_used && communicators[i].comm == comm) {
            return &communicators[i];
        }
    }
    not_followed(&unknown, "a communicator of unknown origin");
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

/* Its members make it together, so each comes to the same number: from its parent's, how many that one
 * has made before, and its first member. */
void made(MPI_Comm parent, MPI_Comm comm) {
    MPI_Group group, world;
    int size;
    uint32_t above = number_of(parent);
    pthread_mutex_lock(&lock);
    struct communicator *it = parent == MPI_COMM_WORLD || parent == MPI_COMM_SELF ? NULL : known(parent);
    uint32_t nth = it ? ++it->children : ++children_of_world;
    pthread_mutex_unlock(&lock);
    if (comm == MPI_COMM_NULL) {
        return;
    }
    PMPI_Comm_size(comm, &size);
    int *here = malloc(size * sizeof *here), *ranks = malloc(size * sizeof *ranks);
    if (here == NULL || ranks == NULL) {
        cut();
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
    uint32_t number = 2166136261u;
    uint32_t parts[3] = {above, nth, ranks[0]};
    for (int i = 0; i < 3; i++) {
        number = (number ^ parts[i]) * 16777619u;
    }
    struct communicator new = {comm, number < 2 ? number + 2 : number, 0, size, ranks, 1};
    pthread_mutex_lock(&lock);
    for (int i = 0; i < MOST_COMMUNICATORS; i++) {
        if (!communicators[i].is_used) {
            communicators[i] = new;
            ranks = NULL;
            break;
        }
    }
    pthread_mutex_unlock(&lock);
    if (ranks != NULL) {
        free(ranks);
        cut();
    }
}

void freed(MPI_Comm comm) {
    pthread_mutex_lock(&lock);
    struct communicator *it = known(comm);
    if (it != NULL) {
        free(it->ranks);
        it->is_used = 0;
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
};

enum { BUCKETS = 4096 };
static struct request *buckets[BUCKETS];

static struct request **bucket(MPI_Request request) {
    uint64_t bits = 0;
    memcpy(&bits, &request, sizeof request);
    return &buckets[bits * 0x9E3779B97F4A7C15 >> 52];
}

void goes_on(MPI_Request request, struct call *call, MPI_Comm comm) {
    struct request *new = malloc(sizeof *new);
    if (call == NULL || new == NULL || request == MPI_REQUEST_NULL) {
        free(new);
        return;
    }
    *new = (struct request){NULL, request, call, comm};
    pthread_mutex_lock(&lock);
    struct request **at = bucket(request);
    while (*at != NULL) {
        at = &(*at)->next;
    }
    *at = new;
    pthread_mutex_unlock(&lock);
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

void ends(struct request *request, MPI_Status *status) {
    if (request == NULL) {
        return;
    }
    if (request->call->kind != IRECV && request->call->kind != IMRECV) {
        complete(request->call, NONE, 0, 0);
    } else if (status == NULL) {
        cut();
    } else {
        completed_by(request->call, request->comm, status);
    }
    free(request);
}

struct call *call_of(const struct request *request) {
    return request ? request->call : NULL;
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
