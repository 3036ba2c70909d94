/* What MPI's handles stand for: communicators, requests and found messages, each known from the call
 * that made it. */
#include "profiling.h"

/* Whether this thread is inside MPI. Threads that are made there are the library's. */
HIDDEN extern __thread int is_inside;

/* What the call comes to. */
#define INSIDE(call)                                                                                               \
    ({                                                                                                             \
        is_inside++;                                                                                               \
        int result_of_call = (call);                                                                               \
        is_inside--;                                                                                               \
        result_of_call;                                                                                            \
    })

/* A function that is not followed. It is weak: another of its name counts instead. What MPI itself calls is not the
 * program's. The brackets keep macros of the same name away. */
#define NOT_FOLLOWED(name, parameters, arguments)                                                                  \
    __attribute__((weak)) int(name) parameters {                                                                   \
        static uint32_t number;                                                                                    \
        if (is_inside) {                                                                                           \
            return (P##name)arguments;                                                                             \
        }                                                                                                          \
        struct call *call = begin_not_followed(&number, #name);                                                    \
        return returned(call, INSIDE((P##name)arguments));                                                         \
    }

/* A communicator by a number that all its members know it by: 0 is the world, 1 is self. */
HIDDEN uint32_t number_of(MPI_Comm comm);
/* A rank of the communicator as the world's; ANY and NONE for MPI's own values. */
HIDDEN int rank_in_world(MPI_Comm comm, int rank);
HIDDEN int tag_of(int tag);
/* Its members make a communicator from another together, so each comes to the same number for it: from the parent's
 * and how many that one has made before; where only some of the parent's members take part, from the tag that they
 * agree on. Then it is known by its handle. */
HIDDEN uint32_t next_of(MPI_Comm parent);
HIDDEN uint32_t apart_of(MPI_Comm parent, int tag);
HIDDEN void made(uint32_t number, MPI_Comm comm);
HIDDEN void freed(MPI_Comm comm);

/* Data as the program describes it: its length in bytes, and the kind of its elements. */
HIDDEN uint64_t length_of(int count, MPI_Datatype type);
HIDDEN uint32_t number_of_type(MPI_Datatype type);

/* What a status says. */
HIDDEN void completed_by(struct call *call, MPI_Comm comm, MPI_Status *status);

/* A request that goes on. Its handle may be another request's as soon as MPI is done with it, so it is
 * taken out before MPI is asked whether it is, and put back if it is not. Handles may even be shared. */
struct request;
HIDDEN void goes_on(MPI_Request request, struct call *call, MPI_Comm comm);
/* The same where it makes a communicator. */
HIDDEN void goes_on_to_make(MPI_Request request, struct call *call, MPI_Comm *new, uint32_t number);
HIDDEN struct request *take_out(MPI_Request request);
HIDDEN void put_back(struct request *request);
HIDDEN void ends(struct request *request, MPI_Status *status);
/* From now on it may have been cancelled. */
HIDDEN void cancels(struct request *request);
HIDDEN int is_cancelled(const struct request *request);
/* The call that began it; NULL for none. */
HIDDEN struct call *call_of(const struct request *request);

/* What a request was made for that can be started many times; bytes are NULL where they cannot be looked into. */
struct persistent {
    enum kind kind;
    int peer, tag;
    uint32_t number, datatype;
    MPI_Comm comm;
    const void *bytes;
    uint64_t length;
};
HIDDEN void can_start(MPI_Request request, const struct persistent *what);
/* Whether it is one, and what it starts. */
HIDDEN int starts(MPI_Request request, struct persistent *what);
HIDDEN void starts_no_more(MPI_Request request);

/* A message that was found and is to be received by its handle. */
HIDDEN void was_found(MPI_Message message, MPI_Comm comm);
HIDDEN MPI_Comm found_on(MPI_Message message);
