/* The whole content of a container of the comparison: a process that sleeps until it is ended, or with
   an argument wakes so many times a second and writes to a page of its memory. */
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096
#define PAGES 256

static char memory[PAGES][PAGE];

static void end(int signal)
{
    (void)signal;
    _exit(0);
}

int main(int count, char **arguments)
{
    int wakes = count > 1 ? atoi(arguments[1]) : 0;
    signal(SIGTERM, end);
    signal(SIGINT, end);
    if (wakes <= 0)
        for (;;)
            pause();
    struct timespec nap = {wakes == 1, wakes == 1 ? 0 : 1000000000L / wakes};
    for (unsigned turn = 0;; turn++) {
        memory[turn % PAGES][0]++;
        nanosleep(&nap, NULL);
    }
}
