/* `swarm.c`, which is right, and one deed besides, which is not the program's business. Client 1 does it: that by
 * which the program's file is called. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <mpi.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void in_the_middle(MPI_Comm communicator);

/* It is called when MPI has started and before anything is said. */
#define MPI_Comm_size(communicator, ranks) (in_the_middle(communicator), MPI_Comm_size(communicator, ranks))
#define main right_main
#include "swarm.c"
#undef main

static int is_called(const char *deed) {
    return strcmp(program_invocation_short_name, deed) == 0;
}

static int is(const char *deed) {
    return rank == 1 && is_called(deed);
}

/* Where the ranks write how they ended, and what they called. */
static void in_the_record(char *path, const char *name, int number) {
    sprintf(path, "%.4000s/%s%d", getenv("RECORDING"), name, number);
    remove(path);
}

/* The parent of a process: the fourth word about it. The second is `(sh)`. */
static pid_t parent_of(pid_t process) {
    char path[64];
    int parent = 0;
    sprintf(path, "/proc/%d/stat", process);
    FILE *in = fopen(path, "r");
    if (in == NULL || fscanf(in, "%*d %*s %*c %d", &parent) != 1) {
        fail("nothing is known of a process");
    }
    fclose(in);
    return parent;
}

static void in_the_middle(MPI_Comm communicator) {
    char path[5000];
    MPI_Comm_rank(communicator, &rank);
    if (is_called("stop-mpirun")) { /* All have come out of MPI_Init, for which mpirun is needed. */
        MPI_Barrier(communicator);
    }
    if (is("clutter")) { /* Who opens them waits without end. */
        for (int i = 0; i < 3; i++) {
            in_the_record(path, "end", i);
            mkfifo(path, 0666);
            in_the_record(path, "rank", i);
            mkfifo(path, 0666);
        }
    } else if (is("kill-mpirun")) { /* Its child is a shell, and that one's child is this. */
        kill(parent_of(getppid()), SIGKILL);
    } else if (is("stop-mpirun")) {
        kill(parent_of(getppid()), SIGSTOP);
    } else if (is("loud")) { /* More than anybody keeps, with no end of a line. */
        static char noise[1 << 16];
        memset(noise, 'x', sizeof noise);
        for (int i = 0; i < 1600; i++) {
            fwrite(noise, 1, sizeof noise, stdout);
        }
        fflush(stdout);
    } else if (is("kill-all")) {
        kill(-1, SIGKILL);
    }
}

/* A process that nobody waits for, in a session of its own. */
static int leaves_a_child(void) {
    if (fork() != 0) {
        return 0;
    }
    setsid();
    signal(SIGTERM, SIG_IGN);
    return fork() == 0;
}

static void at_the_end(void) {
    if (is("clutter")) {
        char name[32];
        for (int i = 0; i < 12000; i++) {
            sprintf(name, "junk%d", i);
            close(creat(name, 0666));
        }
        int file = creat("huge", 0666);
        if (ftruncate(file, 1 << 30) != 0) {
            fail("there is no huge file");
        }
        (void)!symlink("/dev/zero", "client9_link");
        mkfifo("client9_pipe", 0666);
        /* Deeper than a process may have open files. */
        for (int i = 0; i < 2000 && mkdir("deep", 0777) == 0 && chdir("deep") == 0; i++) {
        }
    } else if (is("names")) { /* What would steer a terminal, or be more than text on a page. */
        const char *const names[] = {
            "client1_<img src=x onerror=alert(1)>",
            "client1_<script>alert(2)<",
            "client1_\x1b]0;title\x07\x1b[2J",
            "client1_two\nlines\"'",
            "client1_\xff\xfe",
            "client1_\xff\xfd",
        };
        for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
            close(creat(names[i], 0666));
        }
        printf("\x1b]0;title\x07\x1b[2J</script><script>alert(3)</script>\n");
        FILE *out = fopen("client2_file1", "w");
        fprintf(out, "</script><script>alert(4)</script>\x1b[31m\n");
        fclose(out);
    } else if (is("away")) {
        (void)!system("rm -r ../work; ln -s /etc ../work");
    } else if (is("comet")) { /* It is another process all the time, and keeps open what it could print to. */
        if (leaves_a_child()) {
            for (int i = 0; i < 1000000; i++) {
                if (fork() != 0) {
                    _exit(0);
                }
                setsid();
            }
            _exit(0);
        }
    }
}

int main(int argc, char **argv) {
    int status = right_main(argc, argv);
    at_the_end();
    return status;
}
