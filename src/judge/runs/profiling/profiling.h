/* A library between a program and its MPI library, by MPI's own profiling interface. It does two
 * things, each as the environment says:
 *
 *   PROFILING, what it does to the program (disturb.c):
 *     nothing       nothing; so does an empty value or none
 *     synchronous   a standard send waits until its receive has begun, whatever its size
 *     noise:SEED    sends, receives and looks for messages take their time, up to some milliseconds
 *     dirty:BYTE    memory that was not written yet is full of this byte (dirty.c)
 *     stop:RANK:N   this rank stops itself, by SIGSTOP, when it has posted its Nth message; before it
 *                   starts MPI if N is 0, and before it ends MPI if N is -1
 *     lie:RANK:TO   the first segment that this rank owns, and whose hash it sends to rank TO, has
 *                   another hash
 *   RECORDING, a folder: what the program calls goes into its file rank<R> (record.c), and the hashes
 *     in its file `hashes` are recognised in what is sent (recognise.c).
 *
 * C, and built by the library's own mpicc, because handles and prototypes are what its mpi.h says. */
#include <mpi.h>
#include <stdint.h>
#include <stdlib.h>

#define HIDDEN __attribute__((visibility("hidden")))

/* --- disturb.c --- */

/* Finds out what to do, before there is MPI. */
HIDDEN void prepare_disturbance(int rank);
/* This rank stops now, if it is to stop when it has posted `posted` messages. */
HIDDEN void stop_at(int posted);
/* A message was posted. */
HIDDEN void posted(void);
HIDDEN int sends_are_synchronous(void);
/* If there is to be noise, one call in `times` waits, for up to two milliseconds. */
HIDDEN void wait_one_in(unsigned times);
/* What is to be sent instead of these bytes: themselves, or a copy with a wrong hash. */
HIDDEN const void *lied(const void *bytes, uint64_t length, int to);

/* --- dirty.c --- */

/* From now on fresh memory is full of this byte. */
HIDDEN void make_memory_dirty(int byte);
/* Fills the stack below its caller, if memory is to be dirty: what the next functions find in their variables. Returns
 * `result`. A function that ends with it is filled over, too, for nothing of its frame is left by then. */
HIDDEN int dirty_stack(int result);

/* --- recognise.c --- */

struct segment {
    char hash[32];
    uint64_t owners; /* a bit for each rank up to 63 */
};

/* Reads the hashes, one and its owners a line. */
HIDDEN void read_hashes(const char *folder);
HIDDEN const struct segment *segment(uint32_t number);
/* Finds the segments whose hashes are in these bytes, as text or as 16 bytes: at most `most`. Returns how many
 * it found, and says in `first` where the first one is. */
HIDDEN uint32_t recognise(const void *bytes, uint64_t length, uint32_t *found, uint32_t most, uint64_t *first);

/* --- record.c --- */

#include "kinds.h" /* written when this is built: `enum kind` and GOES_ON(kind), from calls.rs */

enum { ANY = -1, NONE = -2, CANCELLED = -3 };

/* A call in the file; as many numbers of segments follow it as it says. */
struct call {
    uint32_t size; /* of it and its segments; 0 where no more calls are */
    uint16_t kind, thread;
    int32_t peer, tag;
    uint32_t comm;
    int32_t error; /* 0, 1 for a message that was cut off, or 2 and more: 2 + the class */
    uint64_t start, end, complete; /* nanoseconds of the host's clock; 0 for not yet */
    uint64_t bytes;
    int32_t from, taken_tag; /* from is NONE if nothing was taken, and CANCELLED if nothing will be */
    uint64_t taken;
    uint32_t datatype, segments; /* the datatype of OTHER is the place of its name */
};

/* A thread in the file. */
struct thread {
    uint32_t is_over, kind;
    int32_t peer, tag;
    uint32_t comm, task; /* the number that the system knows it by */
    uint64_t times, since;
    uint64_t ended; /* 0 for not yet */
    uint64_t reserved[2];
};

/* The number of the rank, before there is MPI: launchers say it. */
HIDDEN int launched_rank(void);
/* The recording begins: MPI is about to be. */
HIDDEN void begin_recording(void);
HIDDEN void set_levels(int asked, int given);
HIDDEN void set_finalize(void);
HIDDEN void set_aborted(void);
HIDDEN void set_lie(int to, uint32_t segment);
/* There was no room for something that happened. */
HIDDEN void cut(void);
/* Something happened that cannot be followed: what, and a place for its number, which is 0 before. */
HIDDEN void not_followed(uint32_t *number, const char *what);

/* A thread of the program begins or ends; a library's own threads are none. */
HIDDEN int number_of_new_thread(void);
HIDDEN void this_thread_is(int number);
HIDDEN void this_thread_is_over(void);
/* This thread was made inside MPI. */
HIDDEN void this_thread_is_of_mpi(void);

/* A call begins; ranks are those of the world. NULL if nothing is recorded. */
HIDDEN struct call *begin(enum kind kind, int peer, int tag, uint32_t comm);
/* The same with data: `sent` is NULL for a receive. */
HIDDEN struct call *begin_data(enum kind kind, int peer, int tag, uint32_t comm, const void *sent, uint64_t bytes,
                               uint32_t datatype);
/* The same with a function that is not followed, of this name. */
HIDDEN struct call *begin_not_followed(uint32_t *number, const char *name);
/* It returned with this result, which is returned; what it began goes on. */
HIDDEN int returned(struct call *call, int result);
/* What it began is complete. */
HIDDEN void complete(struct call *call, int from, int tag, uint64_t bytes);
HIDDEN void failed(struct call *call, int result);
/* A look that found nothing. */
HIDDEN void looked(enum kind kind, int peer, int tag, uint32_t comm);
/* The call that this thread is in has failed. */
HIDDEN void this_call_failed(int result);
