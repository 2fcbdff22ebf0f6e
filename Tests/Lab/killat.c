// Kills a running process at one exact system call.
//
//     killat PID N
//
// Attaches to all threads of a process, waits until they are quiet again, says "ready", and counts from then on where any of them enters
// or leaves a system call. At the
// N-th of these stops the process is killed: before the call, if it was entered, or after it, with nothing of the program run since.
// With N = 0 it only counts. Ends when the process does, or, letting it go on, at the end of its standard input or on SIGTERM. The last
// line of its output is "killed N" or "counted M". New threads are followed, children are not.
#define _GNU_SOURCE
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 4096, QUIET_MS = 20, OPTIONS = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE };

static pid_t process, threads[THREADS];
static int thread_count;
static unsigned long counted, wanted;
static bool killed;

static bool is_attached(pid_t thread) {
    for (int i = 0; i < thread_count; i++)
        if (threads[i] == thread) return true;
    return false;
}

/// Attaches to the threads that are not attached yet, and returns how many there were.
static int attach_more(void) {
    char path[64];
    int count = 0;
    snprintf(path, sizeof path, "/proc/%d/task", process);
    DIR *tasks = opendir(path);
    if (tasks == NULL) err(1, "process %d", process);
    for (struct dirent *entry; (entry = readdir(tasks)) != NULL;) {
        pid_t thread = atoi(entry->d_name);
        if (thread == 0 || is_attached(thread)) continue;
        if (thread_count == THREADS) errx(1, "too many threads");
        if (ptrace(PTRACE_SEIZE, thread, 0, OPTIONS) != 0) {
            if (errno == ESRCH) continue;          // it has ended
            if (errno != EPERM) err(1, "cannot attach to %d", thread);
            continue;                              // the kernel has attached it, as the child of one that we have
        }
        ptrace(PTRACE_INTERRUPT, thread, 0, 0);
        threads[thread_count++] = thread;
        count++;
    }
    closedir(tasks);
    return count;
}

/// Lets a stopped thread go on to its next stop.
static void resume(pid_t thread, int request, int signal) {
    if (ptrace(request, thread, 0, signal) != 0 && errno != ESRCH) err(1, "cannot resume %d", thread);
}

/// Handles one stop of a thread. `is_counting` is false until every thread is known to stop at its calls.
static void handle(pid_t thread, int status, bool is_counting) {
    if (!WIFSTOPPED(status)) return;
    int signal = WSTOPSIG(status), event = status >> 16;
    if (signal == (SIGTRAP | 0x80)) {
        if (is_counting && ++counted == wanted) {
            killed = true;
            kill(process, SIGKILL);
            return;
        }
        resume(thread, PTRACE_SYSCALL, 0);
    } else if (event == PTRACE_EVENT_STOP) {
        bool is_group_stop = signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
        resume(thread, is_group_stop ? PTRACE_LISTEN : PTRACE_SYSCALL, 0);
    } else {
        resume(thread, PTRACE_SYSCALL, event != 0 ? 0 : signal);
    }
}

/// Attaches to everything. Once it returns, every thread stops at its next call.
static void attach(void) {
    while (attach_more() > 0) {
    }
    // Each thread that was interrupted stops once; only then it is told to stop at system calls.
    bool stopped[THREADS] = {false};
    for (int left = thread_count; left > 0;) {
        int status;
        pid_t thread = waitpid(-1, &status, __WALL);
        if (thread < 0) err(1, "process %d has ended", process);
        for (int i = 0; i < thread_count; i++) {
            if (threads[i] != thread || stopped[i] || !(WIFEXITED(status) || WIFSIGNALED(status) || status >> 16 == PTRACE_EVENT_STOP))
                continue;
            stopped[i] = true;
            left--;
        }
        handle(thread, status, false);
    }
}

int main(int argc, char **argv) {
    if (argc != 3 || (process = atoi(argv[1])) <= 0) errx(2, "usage: killat PID N");
    wanted = strtoul(argv[2], NULL, 10);
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGCHLD);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    int news = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    if (news < 0) err(1, "signalfd");
    attach();
    bool is_ready = false;
    for (;;) {
        int status;
        pid_t thread;
        while ((thread = waitpid(-1, &status, __WALL | WNOHANG)) > 0) handle(thread, status, is_ready);
        if (thread < 0) break;  // nobody is left
        struct pollfd waiting[] = {{.fd = news, .events = POLLIN}, {.fd = killed ? -1 : STDIN_FILENO, .events = POLLIN}};
        int events = poll(waiting, 2, is_ready ? -1 : QUIET_MS);
        if (events < 0 && errno != EINTR) err(1, "poll");
        if (events == 0) {
            is_ready = true;
            puts("ready");
            fflush(stdout);
        }
        struct signalfd_siginfo info;
        bool is_over = false;
        while (read(news, &info, sizeof info) == sizeof info) is_over |= info.ssi_signo == SIGTERM;
        char byte;
        if (waiting[1].revents != 0 && read(STDIN_FILENO, &byte, 1) <= 0) is_over = true;
        if (is_over && !killed) break;  // the kernel lets everything go when this ends
    }
    printf(killed ? "killed %lu\n" : "counted %lu\n", counted);
    return 0;
}
