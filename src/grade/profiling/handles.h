/* What MPI's handles stand for: communicators, requests and found messages, each known from the call
 * that made it. */
#include "profiling.h"

/* A communicator by a number that all its members know it by: 0 is the world, 1 is self. */
HIDDEN uint32_t number_of(MPI_Comm comm);
/* A rank of the communicator as the world's; ANY and NONE for MPI's own values. */
HIDDEN int rank_in_world(MPI_Comm comm, int rank);
HIDDEN int tag_of(int tag);
HIDDEN void made(MPI_Comm parent, MPI_Comm comm);
HIDDEN void freed(MPI_Comm comm);

/* Data as the program describes it: its length in bytes, and the kind of its elements. */
HIDDEN uint64_t length_of(int count, MPI_Datatype type);
HIDDEN uint32_t number_of_type(MPI_Datatype type);

/* What a status says. */
HIDDEN void completed_by(struct call *call, MPI_Comm comm, MPI_Status *status);

/* A request that goes on, and its end. Handles are used again, and may even be shared. */
HIDDEN void goes_on(MPI_Request request, struct call *call, MPI_Comm comm);
HIDDEN void ends(MPI_Request request, MPI_Status *status);
/* What it waits for, or NULL. */
HIDDEN struct call *pending(MPI_Request request);

/* A message that was found and is to be received by its handle. */
HIDDEN void was_found(MPI_Message message, MPI_Comm comm);
HIDDEN MPI_Comm found_on(MPI_Message message);
