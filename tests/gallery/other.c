/* The assignment "Protocolul BitTorrent" once more, and right as well, but as little like swarm.c as
 * can be: nothing blocks, messages are bytes of structs on communicators of their own, a download has
 * several requests on their way, and a segment is known by its file's number and its place. So there
 * is no hash in any message but in those that the tracker gets and gives, and a hash cannot come back
 * wrong. */
#include <mpi.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TRACKER = 0, HASH = 32, NAME = 256, WINDOW = 4, SEGMENTS_TO_AN_UPDATE = 10 };

/* The tags of messages to the tracker. All others are told apart by their communicators. */
enum kind { OWN, OWN_NO_MORE, WANT, UPDATE, COMPLETE, DONE };

/* A file as all ranks know it after the start. Its number is its place among them. */
struct entry {
    char name[NAME];
    int segments;
};

/* What a rank knows besides: a client which segments it holds, the tracker who is in the swarm. */
struct file {
    char *hashes;
    atomic_bool *held;
    bool *is_member;
};

struct request {
    int file; /* -1: there are no more requests. */
    int segment;
};

struct answer {
    int segment;
    bool is_there;
};

/* A message on its way, and its bytes until MPI is done with them. */
struct post {
    MPI_Request request;
    struct post *next;
    char bytes[];
};

/* A message that has come. The reader frees its bytes. */
struct parcel {
    int from;
    enum kind kind;
    int length;
    char *bytes;
};

static int rank, ranks, entry_count;
static struct entry *entries;
static struct file *files;

/* One for each kind of reader: the tracker and its answers, the upload and the download threads. */
static MPI_Comm tracking, asking, answering;

static _Thread_local struct post *posts; /* A thread sees to its own messages. */

static void fail(const char *what) {
    fprintf(stderr, "rank %d: %s\n", rank, what);
    MPI_Abort(MPI_COMM_WORLD, 1);
}

static void *allocate(void *old, size_t size) {
    void *memory = realloc(old, size + 1);
    if (memory == NULL) {
        fail("no memory");
    }
    return memory;
}

/* Messages */

static void post(MPI_Comm comm, int to, enum kind kind, const void *bytes, int length) {
    struct post *new = allocate(NULL, sizeof *new + length);
    memcpy(new->bytes, bytes, length);
    new->next = posts;
    posts = new;
    MPI_Isend(new->bytes, length, MPI_BYTE, to, kind, comm, &new->request);
}

/* Frees those of this thread's messages that have gone. */
static void sweep(void) {
    for (struct post **place = &posts; *place != NULL;) {
        struct post *first = *place;
        int is_gone;
        MPI_Test(&first->request, &is_gone, MPI_STATUS_IGNORE);
        if (is_gone) {
            *place = first->next;
            free(first);
        } else {
            place = &first->next;
        }
    }
}

/* Lets others have the core. */
static void rest(void) {
    nanosleep(&(struct timespec){0, 100000}, NULL);
}

/* Waits until all of this thread's messages have gone. */
static void finish(void) {
    while (sweep(), posts != NULL) {
        rest();
    }
}

static struct parcel take(MPI_Comm comm, int from) {
    int is_there;
    MPI_Message message;
    MPI_Status status;
    while (MPI_Improbe(from, MPI_ANY_TAG, comm, &is_there, &message, &status), !is_there) {
        sweep();
        rest();
    }
    struct parcel parcel = {.from = status.MPI_SOURCE, .kind = status.MPI_TAG};
    MPI_Get_count(&status, MPI_BYTE, &parcel.length);
    parcel.bytes = allocate(NULL, parcel.length);
    MPI_Mrecv(parcel.bytes, parcel.length, MPI_BYTE, &message, MPI_STATUS_IGNORE);
    return parcel;
}

/* The files that all ranks know */

static int number_of(const char *name) {
    int number = 0;
    while (number < entry_count && strcmp(entries[number].name, name) != 0) {
        number++;
    }
    return number < entry_count ? number : -1;
}

/* Adds a file, unless it is known, and returns its number. */
static int add(const struct entry *entry, const char *hashes) {
    int number = number_of(entry->name);
    if (number < 0) {
        number = entry_count++;
        entries = allocate(entries, entry_count * sizeof *entries);
        entries[number] = *entry;
        files = allocate(files, entry_count * sizeof *files);
        files[number] = (struct file){
            .hashes = allocate(NULL, entry->segments * HASH),
            .held = calloc(entry->segments + 1, sizeof(atomic_bool)),
            .is_member = calloc(ranks, sizeof(bool)),
        };
        if (hashes != NULL) {
            memcpy(files[number].hashes, hashes, entry->segments * HASH);
        }
    }
    return number;
}

/* The tracker */

/* Takes what all clients own, and tells all of them what there is. */
static void register_all(void) {
    for (int registered = 0; registered < ranks - 1;) {
        struct parcel parcel = take(tracking, MPI_ANY_SOURCE);
        if (parcel.kind == OWN_NO_MORE) {
            registered++;
        } else {
            struct entry entry;
            memcpy(&entry, parcel.bytes, sizeof entry);
            int number = add(&entry, parcel.bytes + sizeof entry);
            files[number].is_member[parcel.from] = true;
        }
        free(parcel.bytes);
    }
    MPI_Bcast(&entry_count, 1, MPI_INT, TRACKER, MPI_COMM_WORLD);
    MPI_Bcast(entries, entry_count * sizeof *entries, MPI_BYTE, TRACKER, MPI_COMM_WORLD);
}

/* Tells a client whom it can ask; at first, of the hashes, too. */
static void tell(int client, int number, bool is_first) {
    int members[ranks], count = 0;
    for (int i = 1; i < ranks; i++) {
        if (i != client && files[number].is_member[i]) {
            members[count++] = i;
        }
    }
    post(tracking, client, UPDATE, members, count * sizeof *members);
    if (is_first) {
        post(tracking, client, WANT, files[number].hashes, entries[number].segments * HASH);
    }
    files[number].is_member[client] = true;
}

static void track(void) {
    register_all();
    for (int done = 0; done < ranks - 1;) {
        struct parcel parcel = take(tracking, MPI_ANY_SOURCE);
        if (parcel.kind == DONE) {
            done++;
        } else if (parcel.kind != COMPLETE) { /* Who is complete is a member already. */
            int number;
            memcpy(&number, parcel.bytes, sizeof number);
            tell(parcel.from, number, parcel.kind == WANT);
        }
        free(parcel.bytes);
    }
    for (int i = 1; i < ranks; i++) {
        post(asking, i, 0, &(struct request){-1, 0}, sizeof(struct request));
    }
    finish();
}

/* A client's upload thread */

static void *upload(void *argument) {
    while (true) {
        struct parcel parcel = take(asking, MPI_ANY_SOURCE);
        struct request request;
        memcpy(&request, parcel.bytes, sizeof request);
        free(parcel.bytes);
        if (request.file < 0) {
            finish();
            return argument;
        }
        struct answer answer;
        memset(&answer, 0, sizeof answer); /* Its padding goes on its way, too. */
        answer.segment = request.segment;
        answer.is_there = files[request.file].held[request.segment];
        post(answering, parcel.from, 0, &answer, sizeof answer);
    }
}

/* A client's download thread */

static int ask_for_members(enum kind kind, int number, int **members) {
    post(tracking, TRACKER, kind, &number, sizeof number);
    struct parcel parcel = take(tracking, TRACKER);
    free(*members);
    *members = (int *)parcel.bytes;
    return parcel.length / sizeof(int);
}

static void save(int number) {
    char path[NAME + 32];
    snprintf(path, sizeof path, "client%d_%s", rank, entries[number].name);
    FILE *out = fopen(path, "w");
    if (out == NULL) {
        fail("cannot write an output");
    }
    for (int i = 0; i < entries[number].segments; i++) {
        fprintf(out, "%.*s\n", HASH, files[number].hashes + i * HASH);
    }
    fclose(out);
}

static void download_file(int number) {
    int segments = entries[number].segments, *members = NULL;
    struct file *file = &files[number];
    int count = ask_for_members(WANT, number, &members);
    struct parcel hashes = take(tracking, TRACKER);
    memcpy(file->hashes, hashes.bytes, segments * HASH);
    free(hashes.bytes);

    /* The segments nobody is asked for, in any order: so clients soon have different ones. */
    int *lacking = allocate(NULL, (segments + 1) * sizeof *lacking);
    int lacks = 0, asked = 0, held = 0;
    for (int i = 0; i < segments; i++) {
        int place = rand() % (i + 1);
        lacking[lacks++] = lacking[place];
        lacking[place] = i;
    }
    while (held < segments) {
        for (; asked < WINDOW && lacks > 0; asked++) {
            struct request request = {number, lacking[--lacks]};
            post(asking, members[rand() % count], 0, &request, sizeof request);
        }
        struct parcel parcel = take(answering, MPI_ANY_SOURCE);
        struct answer answer;
        memcpy(&answer, parcel.bytes, sizeof answer);
        free(parcel.bytes);
        asked--;
        if (!answer.is_there) {
            lacking[lacks++] = answer.segment;
            continue;
        }
        file->held[answer.segment] = true;
        held++;
        if (held % SEGMENTS_TO_AN_UPDATE == 0 && held < segments) {
            count = ask_for_members(UPDATE, number, &members);
        }
    }
    free(lacking);
    free(members);
    post(tracking, TRACKER, COMPLETE, &number, sizeof number);
}

static void *download(void *input) {
    int wanted;
    char name[NAME];
    if (fscanf(input, "%d", &wanted) != 1) {
        fail("the number of wanted files is missing");
    }
    for (int i = 0; i < wanted && fscanf(input, "%255s", name) == 1; i++) {
        int number = number_of(name);
        if (number >= 0) {
            if (!files[number].is_member[rank]) {
                download_file(number);
                files[number].is_member[rank] = true;
            }
            save(number);
        }
    }
    post(tracking, TRACKER, DONE, NULL, 0);
    finish();
    return NULL;
}

/* A client */

/* Tells the tracker of the files that this client owns, and keeps them. */
static void tell_own(FILE *input) {
    int owned;
    if (input == NULL || fscanf(input, "%d", &owned) != 1) {
        fail("there is no input");
    }
    for (int i = 0; i < owned; i++) {
        struct entry entry;
        memset(&entry, 0, sizeof entry);
        if (fscanf(input, "%255s %d", entry.name, &entry.segments) != 2) {
            fail("a file is missing in the input");
        }
        int length = sizeof entry + entry.segments * HASH;
        char *bytes = allocate(NULL, length);
        memcpy(bytes, &entry, sizeof entry);
        for (int j = 0; j < entry.segments; j++) {
            if (fscanf(input, "%32s", bytes + sizeof entry + j * HASH) != 1) {
                fail("a hash is missing in the input");
            }
        }
        post(tracking, TRACKER, OWN, bytes, length);
        int number = add(&entry, bytes + sizeof entry);
        files[number].is_member[rank] = true;
        free(bytes);
    }
    post(tracking, TRACKER, OWN_NO_MORE, NULL, 0);
}

/* Learns which files there are, under the tracker's numbers. */
static void learn_all(void) {
    struct entry *own = entries;
    struct file *own_files = files;
    int own_count = entry_count, count;
    MPI_Bcast(&count, 1, MPI_INT, TRACKER, MPI_COMM_WORLD);
    struct entry *all = allocate(NULL, count * sizeof *all);
    MPI_Bcast(all, count * sizeof *all, MPI_BYTE, TRACKER, MPI_COMM_WORLD);
    entries = NULL, files = NULL, entry_count = 0;
    for (int i = 0; i < count; i++) {
        add(&all[i], NULL);
    }
    for (int i = 0; i < own_count; i++) {
        int number = number_of(own[i].name);
        files[number] = own_files[i];
        for (int j = 0; j < own[i].segments; j++) {
            files[number].held[j] = true;
        }
    }
    free(all);
    free(own);
    free(own_files);
}

static void work(void) {
    char path[32];
    pthread_t downloading, uploading;
    snprintf(path, sizeof path, "in%d.txt", rank);
    FILE *input = fopen(path, "r");
    tell_own(input);
    finish();
    learn_all();
    srand(rank);
    if (pthread_create(&uploading, NULL, upload, NULL) != 0 ||
        pthread_create(&downloading, NULL, download, input) != 0) {
        fail("there can be no more threads");
    }
    pthread_join(downloading, NULL);
    pthread_join(uploading, NULL);
    fclose(input);
}

int main(int argc, char **argv) {
    int given;
    MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &given);
    if (given < MPI_THREAD_MULTIPLE) {
        fail("this MPI library does not allow threads to call it at once");
    }
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    MPI_Comm *all[] = {&tracking, &asking, &answering};
    for (int i = 0; i < 3; i++) {
        MPI_Comm_dup(MPI_COMM_WORLD, all[i]);
    }
    if (rank == TRACKER) {
        track();
    } else {
        work();
    }
    for (int i = 0; i < 3; i++) {
        MPI_Comm_free(all[i]);
    }
    MPI_Finalize();
    return 0;
}
