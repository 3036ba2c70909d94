/* The assignment "Protocolul BitTorrent", as a course teaches it: threads that block in MPI_Send and
 * MPI_Recv. Rank 0 is the tracker; every other rank is a client with a download and an upload thread.
 *
 * A message is a line of words. Its tag says which thread is to read it, and nothing else does, so no
 * two threads ever wait for the same message:
 *
 *   to the tracker        init FILES | swarm NAME | update NAME | complete NAME | done
 *   to a download thread  start | MEMBERS [FILE] | HASH | no
 *   to an upload thread   segment NAME PLACE HASH | stop
 *
 * Who sends, sends to somebody that is reading or will: the tracker and the upload threads always come
 * back to reading, and a download thread gets only what it has just asked for. So nothing rests on MPI
 * keeping messages for later.
 *
 * As it stands it is right. Each macro below `#ifdef` puts one mistake in that published programs
 * make. */
#define _GNU_SOURCE
#include <mpi.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TRACKER = 0, HASH = 32, SEGMENTS_TO_AN_UPDATE = 10 };
enum reader { TO_TRACKER = 1, TO_DOWNLOAD, TO_UPLOAD };
enum role { NOBODY, PEER, SEED };

struct file {
    char *name;
    int segments;
    char *hashes; /* One after another, with nothing in between: see `hash`. */
    bool *held;   /* Which segments this client has. Only the download thread changes it. */
    char *roles;  /* What each rank is to this file. Only the tracker knows. */
    struct file *next;
};

struct swarm {
    int count;
    int *members;
};

static int rank, ranks;
static int wanted_count;
#ifdef FEW_FILES /* Wanted names beyond the fourth are written over what follows. */
static struct { char *wanted[4]; struct file *files; } all;
#define wanted all.wanted
#define files all.files
#else
static char **wanted;
static struct file *files; /* What the tracker knows of; what a client has, or has a part of. */
#endif
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* Of a client's `files` and what is held. */

static void fail(const char *what) {
    fprintf(stderr, "rank %d: %s\n", rank, what);
    MPI_Abort(MPI_COMM_WORLD, 1);
}

static void *allocate(size_t size) {
    void *memory = calloc(1, size);
    if (memory == NULL) {
        fail("no memory");
    }
    return memory;
}

/* Messages */

static void say(int to, enum reader reader, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    char *text;
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
#ifdef ONE_THREAD
    MPI_Bsend(text, length + 1, MPI_CHAR, to, reader, MPI_COMM_WORLD);
#else
    MPI_Send(text, length + 1, MPI_CHAR, to, reader, MPI_COMM_WORLD);
#endif
    free(text);
}

#ifdef ONE_THREAD
static bool upload_one(void);
#endif

/* The next message for this reader, and whose it is. The caller frees it. */
static char *hear(int from, enum reader reader, int *sender) {
    MPI_Status status;
    int tag = reader, length;
#ifdef ANY_TAG /* The two threads of a client take each other's messages. */
    tag = rank == TRACKER ? TO_TRACKER : MPI_ANY_TAG;
#endif
#ifdef ONE_THREAD /* One thread does it all: while it waits for an answer, it gives others theirs. */
    while (MPI_Probe(MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_WORLD, &status),
           reader == TO_DOWNLOAD && status.MPI_TAG == TO_UPLOAD) {
        upload_one();
    }
#endif
    MPI_Probe(from, tag, MPI_COMM_WORLD, &status);
    MPI_Get_count(&status, MPI_CHAR, &length);
#ifdef TRUNCATES /* There is room for so many characters, whatever comes. */
    length = length < 1000 ? length : 1000;
#endif
    char *text = allocate(length);
    MPI_Recv(text, length, MPI_CHAR, status.MPI_SOURCE, tag, MPI_COMM_WORLD, &status);
    if (sender != NULL) {
        *sender = status.MPI_SOURCE;
    }
    return text;
}

/* Files */

static char *hash(struct file *file, int segment) {
    return file->hashes + segment * HASH;
}

static struct file *find(const char *name) {
    struct file *file = files;
    while (file != NULL && strcmp(file->name, name) != 0) {
        file = file->next;
    }
    return file;
}

/* Reads "NAME SEGMENTS HASH...", as it is in the inputs and in messages; NULL if there is none. */
static struct file *read_file(FILE *in) {
    struct file *file = allocate(sizeof *file);
    if (fscanf(in, "%ms %d", &file->name, &file->segments) != 2) {
        free(file);
        return NULL;
    }
    file->hashes = allocate((size_t)file->segments * HASH + 1);
    file->held = allocate(file->segments + 1);
    file->roles = allocate(ranks);
    for (int i = 0; i < file->segments; i++) {
        if (fscanf(in, "%32s", hash(file, i)) != 1) {
            fail("a hash is missing");
        }
    }
    return file;
}

static void write_file(FILE *out, struct file *file) {
    int segments = file->segments;
#ifdef FORGETS /* There is room for 50 hashes in the list. */
    segments = segments < 50 ? segments : 50;
#endif
    fprintf(out, "%s %d\n", file->name, segments);
    for (int i = 0; i < segments; i++) {
        fprintf(out, "%.32s\n", hash(file, i));
    }
}

/* The tracker */

static void register_client(int client, FILE *words) {
    struct file *file;
    while ((file = read_file(words)) != NULL) {
        struct file *known = find(file->name);
        if (known == NULL) {
            file->next = files;
            files = known = file;
        }
        known->roles[client] = SEED;
    }
}

/* Tells a client whom it can ask, the seeds first, and the hashes as well if it has none yet. */
static void tell_swarm(int client, struct file *file, bool is_first) {
    char *text;
    size_t size;
    int count = 0;
    FILE *out = open_memstream(&text, &size);
    for (int i = 1; file != NULL && i < ranks; i++) {
        count += i != client && file->roles[i] != NOBODY;
    }
    fprintf(out, "%d", count);
    for (int role = SEED; role > NOBODY; role--) {
        for (int i = 1; file != NULL && i < ranks; i++) {
            if (i != client && file->roles[i] == role) {
                fprintf(out, " %d", i);
            }
        }
    }
    if (file != NULL && is_first) {
        fprintf(out, "\n");
        write_file(out, file);
    }
    fclose(out);
    enum reader reader = TO_DOWNLOAD;
#ifdef RARE_HANG /* The upload thread is to hand it over. */
    reader = is_first ? TO_DOWNLOAD : TO_UPLOAD;
#endif
    say(client, reader, "%s", text);
    free(text);
}

static void track(void) {
    int registered = 0, done = 0, client;
    while (done < ranks - 1) {
        char *text = hear(MPI_ANY_SOURCE, TO_TRACKER, &client);
        FILE *words = fmemopen(text, strlen(text), "r");
        char kind[16] = "", *name = NULL;
        if (fscanf(words, "%15s", kind) == 1 && strcmp(kind, "init") != 0) {
            (void)!fscanf(words, "%ms", &name);
        }
        struct file *file = name == NULL ? NULL : find(name);
        if (strcmp(kind, "init") == 0) {
            register_client(client, words);
            registered++;
#ifdef EAGER /* Whoever is there may start, whoever else is to come. */
            say(client, TO_DOWNLOAD, "start");
#else
            for (int i = 1; registered == ranks - 1 && i < ranks; i++) {
#ifdef TYPES /* A number is sent where text is received; it just happens to look like some. */
                int start = 's';
                MPI_Send(&start, 1, MPI_INT, i, TO_DOWNLOAD, MPI_COMM_WORLD);
#else
                say(i, TO_DOWNLOAD, "start");
#endif
            }
#endif
        } else if (strcmp(kind, "swarm") == 0 || strcmp(kind, "update") == 0) {
            tell_swarm(client, file, strcmp(kind, "swarm") == 0);
#ifndef NEVER_LISTED /* Only owners are ever listed. */
            if (file != NULL && file->roles[client] == NOBODY) {
                file->roles[client] = PEER;
            }
        } else if (strcmp(kind, "complete") == 0) {
            file->roles[client] = SEED;
#endif
#ifdef FROM_TRACKER /* The tracker has kept the hashes: so it gives them to whom asks. */
        } else if (strcmp(kind, "segment") == 0) {
            int segment;
            (void)!fscanf(words, "%d", &segment);
            say(client, TO_DOWNLOAD, "%.32s", hash(file, segment));
#endif
        } else if (strcmp(kind, "done") == 0) {
            done++;
        }
        free(name);
        fclose(words);
        free(text);
    }
    for (int i = 1; i < ranks; i++) {
        say(i, TO_UPLOAD, "stop");
    }
}

/* A client's download thread */

#ifdef RARE_HANG /* Nobody keeps that an answer has come: who comes to wait too late, waits forever. */
static pthread_cond_t has_come = PTHREAD_COND_INITIALIZER;
static char *handed_over;

static char *wait_for_update(void) {
    pthread_mutex_lock(&lock);
    pthread_cond_wait(&has_come, &lock);
    pthread_mutex_unlock(&lock);
    return handed_over;
}
#endif

/* Asks the tracker who there is; returns the file as the tracker knows it, if that is in the answer. */
static struct file *ask_tracker(const char *kind, const char *name, struct swarm *swarm) {
    say(TRACKER, TO_TRACKER, "%s %s", kind, name);
#ifdef RARE_HANG
    char *text = strcmp(kind, "update") == 0 ? wait_for_update() : hear(TRACKER, TO_DOWNLOAD, NULL);
#else
    char *text = hear(TRACKER, TO_DOWNLOAD, NULL);
#endif
    FILE *words = fmemopen(text, strlen(text), "r");
    if (fscanf(words, "%d", &swarm->count) != 1) {
        fail("the tracker told of no swarm");
    }
    free(swarm->members);
    swarm->members = allocate((swarm->count + 1) * sizeof(int));
    for (int i = 0; i < swarm->count; i++) {
        (void)!fscanf(words, "%d", &swarm->members[i]);
    }
    struct file *file = read_file(words);
    fclose(words);
    free(text);
    return file;
}

/* Asks a member for a segment, and says whether it came, and came right. */
static bool fetch(struct file *file, int segment, int member) {
    enum reader reader = TO_UPLOAD;
#ifdef FROM_TRACKER
    member = TRACKER, reader = TO_TRACKER;
#endif
    say(member, reader, "segment %s %d %.32s", file->name, segment, hash(file, segment));
    char *answer = hear(member, TO_DOWNLOAD, NULL);
    bool is_right = strcmp(answer, "no") != 0;
#ifdef NOT_VERIFIED /* Whatever comes is taken for the segment. */
    if (is_right) {
        memcpy(hash(file, segment), answer, HASH);
    }
#else
    is_right = is_right && memcmp(answer, hash(file, segment), HASH) == 0;
#endif
    if (is_right) {
        pthread_mutex_lock(&lock);
        file->held[segment] = true;
        pthread_mutex_unlock(&lock);
    }
    free(answer);
    return is_right;
}

static void save(struct file *file) {
    char *path;
    if (asprintf(&path, "client%d_%s", rank, file->name) < 0) {
        fail("no memory");
    }
    FILE *out = fopen(path, "w");
    if (out == NULL) {
        fail("cannot write an output");
    }
    int segments = file->segments;
#ifdef DROPS_LAST /* The last segment is forgotten. */
    segments--;
#endif
    for (int i = 0; i < segments; i++) {
#ifdef NO_TERMINATOR /* The hash has no terminator: all that follow it are printed with it. */
        fprintf(out, "%s\n", hash(file, i));
#else
        fprintf(out, "%.32s\n", hash(file, i));
#endif
    }
    fclose(out);
    free(path);
}

static void download_file(const char *name) {
    struct file *file = find(name);
    if (file != NULL) { /* It is owned, or wanted twice. */
        save(file);
        return;
    }
    struct swarm swarm = {0, NULL};
    do {
        file = ask_tracker("swarm", name, &swarm);
#ifdef EAGER /* Perhaps its owner is still to come. */
    } while (file == NULL);
#else
    } while (false);
    if (file == NULL) { /* Nobody owns it. */
        return;
    }
#endif
    pthread_mutex_lock(&lock);
    file->next = files;
    files = file;
    pthread_mutex_unlock(&lock);

    /* Clients begin at different places, so that they soon have something to give each other. */
    int start = (long)file->segments * rank / ranks, turn = rank;
    for (int i = 0; i < file->segments; i++) {
#ifndef NO_UPDATE /* The first list of members serves for the whole file. */
        if (i > 0 && i % SEGMENTS_TO_AN_UPDATE == 0) {
            ask_tracker("update", name, &swarm);
        }
#endif
#ifdef FIRST_SEED /* The list begins with the seeds, and so does every segment. */
        turn = 0;
#endif
        int segment = (start + i) % file->segments;
        while (!fetch(file, segment, swarm.members[turn++ % swarm.count])) {
        }
    }
    free(swarm.members);
    say(TRACKER, TO_TRACKER, "complete %s", name);
#ifndef PRINTS_NOTHING /* It downloads all, and keeps it to itself. */
    save(file);
#endif
}

static void *download(void *argument) {
    for (int i = 0; i < wanted_count; i++) {
        download_file(wanted[i]);
    }
    say(TRACKER, TO_TRACKER, "done");
    return argument;
}

/* A client's upload thread */

/* Answers one request; false if there are to be no more. */
static bool upload_one(void) {
    int from = MPI_ANY_SOURCE, segment;
#ifdef IN_ORDER /* It waits for one client after another, whether that asks or not. */
    static int turn;
    from = turn++ % (ranks - 1) + 1;
#endif
    char *name = NULL, *text = hear(from, TO_UPLOAD, &from), wanted_hash[HASH + 1];
#ifdef RARE_HANG
    if (from == TRACKER && strcmp(text, "stop") != 0) {
        pthread_mutex_lock(&lock);
        handed_over = text;
        pthread_cond_signal(&has_come);
        pthread_mutex_unlock(&lock);
        return true;
    }
#endif
    bool goes_on = strcmp(text, "stop") != 0;
    if (sscanf(text, "segment %ms %d %32s", &name, &segment, wanted_hash) == 3) {
        pthread_mutex_lock(&lock);
        struct file *file = find(name);
        bool has = file != NULL && segment >= 0 && segment < file->segments &&
                   file->held[segment] && memcmp(hash(file, segment), wanted_hash, HASH) == 0;
#ifdef NEVER_SERVES /* What it has downloaded itself it does not give away. */
        has = has && file->roles[rank] == SEED;
#endif
#ifdef OK_WITHOUT_LOOKING /* Whatever is asked for is there. */
        has = true;
#endif
        pthread_mutex_unlock(&lock);
        say(from, TO_DOWNLOAD, "%s", has ? wanted_hash : "no");
    }
    free(name);
    free(text);
    return goes_on;
}

static void *upload(void *argument) {
    while (upload_one()) {
    }
    return argument;
}

/* A client */

/* Reads what this client has and wants, and returns the message that tells the tracker. */
static char *read_input(void) {
    char path[32], *text;
    size_t size;
    int owned;
    snprintf(path, sizeof path, "in%d.txt", rank);
    FILE *in = fopen(path, "r");
    if (in == NULL || fscanf(in, "%d", &owned) != 1) {
        fail("there is no input");
    }
    FILE *out = open_memstream(&text, &size);
    fprintf(out, "init\n");
    for (int i = 0; i < owned; i++) {
        struct file *file = read_file(in);
        if (file == NULL) {
            fail("a file is missing in the input");
        }
        memset(file->held, true, file->segments);
        file->roles[rank] = SEED;
        write_file(out, file);
        file->next = files;
        files = file;
    }
    fclose(out);
    if (fscanf(in, "%d", &wanted_count) != 1) {
        fail("the number of wanted files is missing");
    }
#ifndef FEW_FILES
    wanted = allocate((wanted_count + 1) * sizeof *wanted);
#endif
    for (int i = 0; i < wanted_count; i++) {
        if (fscanf(in, "%ms", &wanted[i]) != 1) {
            fail("a wanted file is missing in the input");
        }
    }
    fclose(in);
    return text;
}

static void work(void) {
    pthread_t downloading, uploading;
    char *init = read_input();
#ifdef EAGER /* Clients come one after another, as in programs that sleep against races. */
    usleep(50000 * rank);
#endif
    say(TRACKER, TO_TRACKER, "%s", init);
    free(init);
    free(hear(TRACKER, TO_DOWNLOAD, NULL));
#ifdef BUFFERED /* All greet all before anybody reads: that works while MPI keeps the greetings. */
    for (int i = 1; i < ranks; i++) {
        if (i != rank) {
            say(i, TO_UPLOAD, "hello");
        }
    }
#endif
#ifdef ONE_THREAD
    (void)uploading, (void)downloading;
    download(NULL);
    upload(NULL);
#else
    if (pthread_create(&uploading, NULL, upload, NULL) != 0 ||
        pthread_create(&downloading, NULL, download, NULL) != 0) {
        fail("there can be no more threads");
    }
    pthread_join(downloading, NULL);
#ifdef STOPS_EARLY /* It has got what it wanted: the others may see where they get theirs. */
    say(rank, TO_UPLOAD, "stop");
#endif
    pthread_join(uploading, NULL);
#endif
#ifdef LEFTOVER /* Nobody waits for this any more. */
    say(TRACKER, TO_TRACKER, "goodbye");
#endif
#ifdef CRASH_AT_END /* There is no such file. */
    find("")->segments = 0;
#endif
}

#ifdef FORKS /* A child goes on for a minute. It closes what it has of its parent's. */
static void leave_a_child(void) {
    if (fork() == 0) {
        setsid();
        for (int i = 0; i < 1024; i++) {
            close(i);
        }
        sleep(60);
        _exit(0);
    }
}
#endif

int main(int argc, char **argv) {
#if defined SINGLE /* Two threads where MPI was told of one. */
    MPI_Init(&argc, &argv);
#elif defined SERIALIZED /* Two threads at once, where MPI was told that they take turns. */
    int given;
    MPI_Init_thread(&argc, &argv, MPI_THREAD_SERIALIZED, &given);
#else
    int given;
    MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &given);
    if (given < MPI_THREAD_MULTIPLE) {
        fail("this MPI library does not allow threads to call it at once");
    }
#endif
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
#ifdef ONE_THREAD
    static char buffer[1 << 24];
    MPI_Buffer_attach(buffer, sizeof buffer);
#endif
    if (rank == TRACKER) {
        track();
    } else {
        work();
#ifdef NO_FINALIZE /* It just leaves. */
        exit(0);
#endif
    }
    MPI_Finalize();
#ifdef FORKS
    if (rank == 1) {
        leave_a_child();
    }
#endif
    return 0;
}
