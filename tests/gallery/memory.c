/* No swarm: it looks whether fresh memory is full of the byte that it should be full of, wherever memory may be from, and
 * no other memory is. It ends with status 7 if that is not so. */
#include <malloc.h>
#include <mpi.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <threads.h>
#include <ucontext.h>

static int byte = -1, clean;

static void look(const char *what, char *memory, size_t from, size_t size) {
    size_t others = 0;
    for (size_t i = from; i < size; i++) {
        others += memory[i] != (char)byte;
    }
    if (byte >= 0 && others > 0) {
        fprintf(stderr, "%zu of %zu bytes are clean: %s\n", others, size - from, what);
        clean = 1;
    }
}

static void *thread(void *argument) {
    char variable[33];
    look("a variable of a new thread", variable, 0, sizeof variable);
    return argument;
}

static int c11_thread(void *argument) {
    thread(argument);
    return 0;
}

static void function(void) {
    char variable[33];
    look("a variable of a function after a call of MPI", variable, 0, sizeof variable);
}

/* On a stack of its own nothing is to be written but what belongs to that. */
static ucontext_t main_context, own_context;
static char room[1 << 20];

static void call_mpi(void) {
    int flag;
    MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_WORLD, &flag, MPI_STATUS_IGNORE);
    MPI_Recv(NULL, 0, MPI_CHAR, MPI_PROC_NULL, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
}

static void call_mpi_on_an_own_stack(void) {
    enum { STACK = 1 << 17 };
    memset(room, 'x', sizeof room);
    getcontext(&own_context);
    own_context.uc_stack.ss_sp = room + sizeof room - STACK;
    own_context.uc_stack.ss_size = STACK;
    own_context.uc_link = &main_context;
    makecontext(&own_context, call_mpi, 0);
    swapcontext(&main_context, &own_context);
    for (size_t i = 0; i < sizeof room - STACK; i++) {
        if (room[i] != 'x') {
            fprintf(stderr, "what lies behind an own stack is not what it was\n");
            clean = 1;
            return;
        }
    }
}

int main(int argc, char **argv) {
    const char *deed = getenv("PROFILING");
    int flag;
    pthread_t other;
    MPI_Init(&argc, &argv);
    if (deed != NULL) {
        sscanf(deed, "dirty:%d", &byte);
    }

    /* What this thread has given back it gets again. */
    for (int i = 0; i < 4; i++) {
        char *memory = malloc(33);
        look("malloc", memory, 0, 33);
        memset(memory, 0, 33);
        free(memory);
    }
    char *large = malloc(1 << 20);
    look("much of malloc", large, 0, 1 << 20);
    free(large);
    char *small = malloc(8);
    size_t before = malloc_usable_size(small);
    char *grown = realloc(small, 1000);
    look("realloc", grown, before, 1000);
    free(grown);
    if (pthread_create(&other, NULL, thread, NULL) != 0 || pthread_join(other, NULL) != 0) {
        return 8;
    }
    thrd_t c11;
    if (thrd_create(&c11, c11_thread, NULL) != thrd_success || thrd_join(c11, NULL) != thrd_success) {
        return 8;
    }
    MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_WORLD, &flag, MPI_STATUS_IGNORE);
    function();
    MPI_Recv(NULL, 0, MPI_CHAR, MPI_PROC_NULL, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    function();
    MPI_Send("", 1, MPI_CHAR, MPI_PROC_NULL, 0, MPI_COMM_WORLD);
    function();
    call_mpi_on_an_own_stack();

    MPI_Finalize();
    return clean ? 7 : 0;
}
