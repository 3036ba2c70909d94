/* No swarm: it looks whether fresh memory is full of the byte that it should be full of, wherever memory may be from,
 * and ends with status 7 if it is not. */
#include <malloc.h>
#include <mpi.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static void function(void) {
    char variable[33];
    look("a variable of a function after a call of MPI", variable, 0, sizeof variable);
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
    MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_WORLD, &flag, MPI_STATUS_IGNORE);
    function();
    MPI_Recv(NULL, 0, MPI_CHAR, MPI_PROC_NULL, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    function();
    MPI_Send("", 1, MPI_CHAR, MPI_PROC_NULL, 0, MPI_COMM_WORLD);
    function();

    MPI_Finalize();
    return clean ? 7 : 0;
}
