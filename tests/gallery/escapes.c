/* Client 1 tries to reach what no program of a run in name spaces of its own may reach, and names what it has
 * reached. Who compiles it says where to look: OUTSIDE is a file and SECRET one that only its owner may read, SOCKET
 * and ABSTRACT are sockets of the two kinds that have names, PORT is one of TCP, GRADER the process of who grades, NAME
 * and KEY what it leaves where everybody may write. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <mpi.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static char *reached; /* Shared with children. */

static void note(const char *what, int is_reached) {
    if (is_reached) {
        strcat(strcat(reached, " "), what);
    }
}

static int can_open(const char *path, int flags) {
    int file = open(path, flags, 0600);
    if (file >= 0) {
        close(file);
    }
    return file >= 0;
}

static int can_connect(int family, const void *address, socklen_t length) {
    int it = socket(family, SOCK_STREAM, 0);
    int is_connected = connect(it, address, length) == 0;
    close(it);
    return is_connected;
}

/* An abstract name has no 0 at its end and one in front of it. */
static int can_connect_to(const char *name, int is_abstract) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path + is_abstract, name);
    socklen_t length = offsetof(struct sockaddr_un, sun_path) + strlen(name) + 1;
    return can_connect(AF_UNIX, &address, length);
}

/* A number in a line of /proc/self/status, in hexadecimal. */
static unsigned long status(const char *name) {
    char line[256];
    unsigned long number = 0;
    FILE *in = fopen("/proc/self/status", "r");
    while (fgets(line, sizeof line, in) != NULL) {
        if (strncmp(line, name, strlen(name)) == 0) {
            number = strtoul(line + strlen(name) + 1, NULL, 16);
        }
    }
    fclose(in);
    return number;
}

static void try_writing(const char *suffix) {
    char name[64];
    sprintf(name, "outside%s", suffix);
    note(name, can_open(OUTSIDE, O_CREAT | O_WRONLY));
    const char *knobs[] = {"/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger",
                           "/sys/kernel/mm/transparent_hugepage/enabled", "/sys/power/state",
                           "/sys/fs/cgroup/cgroup.procs", "/sys/fs/cgroup/unified/cgroup.procs"};
    for (unsigned i = 0; i < sizeof knobs / sizeof *knobs; i++) {
        sprintf(name, "%.40s%s", knobs[i], suffix);
        note(name, can_open(knobs[i], O_WRONLY));
    }
}

static void try_all(void) {
    try_writing("");
    note("secret", can_open(SECRET, O_RDONLY));
    note("socket", can_connect_to(SOCKET, 0));
    note("abstract", can_connect_to(ABSTRACT, 1));
    struct sockaddr_in port = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    port.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    note("port", can_connect(AF_INET, &port, sizeof port));
    note("environment", getenv("DBUS_SESSION_BUS_ADDRESS") != NULL || getenv("SECRET_TOKEN") != NULL);
    note("grader", kill(GRADER, 0) == 0);
    note("terminal", can_open("/dev/tty", O_RDWR));
    note("disk", can_open("/dev/vda", O_RDONLY) || can_open("/dev/sda", O_RDONLY));
    note("capabilities", status("CapBnd") != 0 || status("CapEff") != 0 || status("CapInh") != 0);
    note("privileges", status("NoNewPrivs") != 1);
    /* Whoever may, does not: it would be the host's. */
    int may_mount = status("CapEff") >> 21 & 1;
    note("remount", may_mount || mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND, NULL) == 0);
    try_writing("-remounted");

    /* All of this is allowed, and must not be there afterwards. */
    can_open("/tmp/" NAME, O_CREAT | O_WRONLY);
    can_open("/var/tmp/" NAME, O_CREAT | O_WRONLY);
    shm_open("/" NAME, O_CREAT | O_RDWR, 0600);
    shmget(KEY, 4096, IPC_CREAT | 0600);

    /* A user of many rights, in name spaces of its own. A process with one thread can have some. */
    pid_t child = fork();
    if (child == 0) {
        if (unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0) {
            note("remount-by-another", mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND, NULL) == 0);
            note("uncover", umount2("/tmp", MNT_DETACH) == 0 || umount2("/dev", MNT_DETACH) == 0);
            try_writing("-by-another");
        }
        _exit(0);
    }
    waitpid(child, NULL, 0);
}

int main(int argc, char **argv) {
    int rank;
    reached = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    if (rank == 1) {
        try_all();
        printf("reached:%s;\n", reached);
        fflush(stdout);
    }
    MPI_Finalize();
    return rank == 1 ? 7 : 0; /* So the run is shown, with what it has printed. */
}
