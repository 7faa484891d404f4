/* A slow disk: each `fsync` takes as many milliseconds as the file $SLOW_DISK says, and as long as it says so.
 *
 * benches/soak.py compiles this and has it preloaded. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static long wanted(void) {
    long milliseconds = 0;
    FILE *file = fopen(getenv("SLOW_DISK"), "re");
    if (file) {
        if (fscanf(file, "%ld", &milliseconds) != 1)
            milliseconds = 0;
        fclose(file);
    }
    return milliseconds;
}

static void wait_for_the_disk(void) {
    for (long waited = 0; waited < wanted(); waited++)
        usleep(1000);
}

int fsync(int file) {
    wait_for_the_disk();
    return syscall(SYS_fsync, file);
}

int fdatasync(int file) {
    wait_for_the_disk();
    return syscall(SYS_fdatasync, file);
}
