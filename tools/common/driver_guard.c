#define _GNU_SOURCE
#include "tools/common/driver_guard.h"

#include "host/driver_watch.h"
#include "host/file.h"
#include "host/process.h"
#include "host/staging.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TICK_MILLISECONDS 100
#define USUAL_LIMIT 20 /* seconds; opening eight GPUs that sleep takes a dozen */
/* So many times as long, what runs may be idle. What computes may take so many times as much processor time: llvmpipe
 * compiles a kernel for minutes, while a driver that is loaded has no work for a minute. */
#define RUN_PATIENCE 2
#define OPEN_WORK 3
#define BUILD_WORK 30
#define STOP_SECONDS 2     /* to an unfinished child, between SIGTERM and SIGKILL */
#define BUSY_SECONDS 0.005 /* processor time in a tick: the child does something */

/* Of the child, seen by both. */
typedef struct {
    siren_driver_state driver;
    atomic_bool ended, passed, given_up; /* the last one: by this process, for it hangs */
    atomic_int exit_code;
} shared_state;

static siren_driver_state own;        /* of a process that nobody watches */
static shared_state *shared;          /* NULL: no child, and nobody watches this process */
static bool in_child;                 /* this is it */
static volatile sig_atomic_t watched; /* the child that this process waits for, or 0 */
static volatile sig_atomic_t n_handed_on;

static void keep_crash_handlers(void);

static void abandon_all(void) {
    siren_output_abandon_all();
    siren_process_abandon_all();
    siren_staging_abandon_all();
}

/* ---- in the child ---- */

bool siren_guard_in_child(void) { return in_child; }

void siren_guard_exit(int exit_code) {
    if (!in_child) return;
    fflush(NULL);
    atomic_store(&shared->exit_code, exit_code);
    atomic_store(&shared->ended, true);
    _exit(exit_code);
}

void siren_guard_pass(void) {
    if (!in_child) return;
    fflush(NULL);
    atomic_store(&shared->passed, true);
    _exit(0);
}

bool siren_guard_took_signal(int number, const siginfo_t *info) {
    if (watched) {
        kill((pid_t)watched, number);
        n_handed_on++;
        return true;
    }
    if (in_child && atomic_load(&shared->given_up)) {
        abandon_all();
        _exit(1);
    }
    /* What a terminal or a killer of process groups sends arrives at both: it comes from there. */
    bool from_elsewhere = info->si_code == SI_USER && info->si_pid != getpid() && info->si_pid != getppid();
    bool of_terminal =
        info->si_code == SI_KERNEL && (number == SIGINT || number == SIGQUIT || number == SIGHUP);
    return in_child && (from_elsewhere || of_terminal);
}

/* ---- watching it ---- */

static const char *doing(int phase) {
    switch (phase) {
    case SIREN_DRIVER_OPENING:
        return " while it was loaded and its devices were listed";
    case SIREN_DRIVER_BUILDING:
        return " while it compiled kernels";
    case SIREN_DRIVER_RUNNING:
        return " while it ran kernels or compiled them";
    default:
        return "";
    }
}

static double seconds_allowed(void) {
    const char *text = getenv("SIRENCL_DRIVER_LIMIT");
    char *end = NULL;
    double limit = text ? strtod(text, &end) : 0;
    return text && *text && !*end && limit > 0 ? limit : USUAL_LIMIT;
}

/* Whether a thread of the process runs or would, if others let it: on a loaded machine a driver gets little processor
 * time. */
static bool wants_processor(pid_t process) {
    char path[64], text[512];
    snprintf(path, sizeof path, "/proc/%ld/task", (long)process);
    DIR *tasks = opendir(path);
    bool wants = false;
    for (struct dirent *task; tasks && !wants && (task = readdir(tasks));) {
        char name[sizeof path + sizeof task->d_name + 8];
        snprintf(name, sizeof name, "%s/%s/stat", path, task->d_name);
        FILE *file = *task->d_name == '.' ? NULL : fopen(name, "re");
        if (!file) continue;
        text[fread(text, 1, sizeof text - 1, file)] = 0;
        fclose(file);
        const char *state = strrchr(text, ')'); /* "NUMBER (NAME) STATE ..." */
        wants = state && strncmp(state, ") R", 3) == 0;
    }
    if (tasks) closedir(tasks);
    return wants;
}

/* How long the child has been in one phase. Ticks are counted instead of reading the clock, which goes on while a
 * shell has stopped both. */
typedef struct {
    pid_t child;
    clockid_t clock; /* its processor time, or CLOCK_MONOTONIC */
    unsigned n_phases;
    double stuck, idle;        /* seconds, also of the time that it slept */
    double busy_at, busy_from; /* processor time now, and when the phase began */
} patience;

/* A driver that sleeps is given less time than one that computes. */
static bool is_hung(patience *p, double limit) {
    struct timespec now = {0};
    int phase = atomic_load(&shared->driver.phase);
    unsigned n_phases = atomic_load(&shared->driver.n_phases);
    clock_gettime(p->clock, &now);
    double busy = (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
    if (phase == SIREN_DRIVER_REST || n_phases != p->n_phases) {
        p->stuck = p->idle = 0;
        p->busy_from = busy;
    }
    if (busy - p->busy_at > BUSY_SECONDS || wants_processor(p->child)) p->idle = 0;
    p->n_phases = n_phases;
    p->busy_at = busy;
    p->stuck += 1e-3 * TICK_MILLISECONDS;
    p->idle += 1e-3 * TICK_MILLISECONDS;
    /* By both clocks: several threads compute more than time goes by, and on a loaded machine less. */
    const double worked = p->stuck < busy - p->busy_from ? p->stuck : busy - p->busy_from;
    switch (phase) {
    case SIREN_DRIVER_OPENING:
        return p->idle > limit || worked > OPEN_WORK * limit;
    case SIREN_DRIVER_BUILDING:
        return p->idle > limit || worked > BUILD_WORK * limit;
    default: /* what runs may be slow for good reasons, but then somebody computes */
        return p->idle > RUN_PATIENCE * limit;
    }
}

static bool reap(pid_t child, int *how) {
    pid_t reaped;
    do reaped = waitpid(child, how, WNOHANG);
    while (reaped < 0 && errno == EINTR);
    return reaped != 0;
}

/* Returns when the child is no more; true where it hung. `pipe` ends with the child. */
static bool watch(pid_t child, int pipe, int *how) {
    patience p = {.child = child, .clock = CLOCK_MONOTONIC};
    double limit = seconds_allowed(), stopping = 0;
    bool hung = false;
    if (clock_getcpuclockid(child, &p.clock) != 0) p.clock = CLOCK_MONOTONIC;
    while (!reap(child, how)) {
        struct pollfd polled = {.fd = pipe, .events = POLLIN};
        if (poll(&polled, 1, TICK_MILLISECONDS) > 0) {
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL); /* it is ending */
            continue;
        }
        if (!hung && is_hung(&p, limit)) {
            hung = true;
            atomic_store(&shared->given_up, true);
            kill(child, SIGTERM); /* so that it cleans up */
        }
        /* An interrupted child ends within its grace, unless a driver is in the way. */
        if (hung || n_handed_on) stopping += 1e-3 * TICK_MILLISECONDS;
        if (hung ? stopping > STOP_SECONDS
                 : n_handed_on && stopping > STOP_SECONDS && atomic_load(&shared->driver.phase))
            kill(child, SIGKILL);
    }
    return hung;
}

/* What the child did not survive. */
static void tell(int how, bool hung, char reason[SIREN_GUARD_REASON]) {
    const char *when = doing(atomic_load(&shared->driver.phase));
    if (hung)
        snprintf(reason, SIREN_GUARD_REASON,
                 "the OpenCL driver hung%s (SIRENCL_DRIVER_LIMIT=SECONDS waits longer than %g s)", when,
                 seconds_allowed());
    else if (WIFSIGNALED(how))
        snprintf(reason, SIREN_GUARD_REASON, "the OpenCL driver crashed (%s)%s", strsignal(WTERMSIG(how)),
                 when);
    else
        snprintf(reason, SIREN_GUARD_REASON, "the OpenCL driver ended the program (exit code %d)%s",
                 WEXITSTATUS(how), when);
}

static siren_status judge(int how, bool hung, siren_guard_end *end, char reason[SIREN_GUARD_REASON]) {
    if (atomic_load(&shared->ended)) _exit(atomic_load(&shared->exit_code));
    if (WIFSIGNALED(how) &&
        WTERMSIG(how) == SIGPIPE) { /* siren_terminal_exit()'s, of results that nobody reads */
        signal(SIGPIPE, SIG_DFL);
        raise(SIGPIPE);
    }
    *end = SIREN_GUARD_PASSED;
    if (atomic_load(&shared->passed) && !n_handed_on) return SIREN_OK;
    if (!hung && WIFEXITED(how) && WEXITSTATUS(how) == 130) _exit(130); /* interrupted, and told */
    if (n_handed_on)                                                    /* perhaps after it had passed */
        return siren_fail(SIREN_CANCELLED, "the work was interrupted; nothing was written");
    tell(how, hung, reason);
    *end = hung ? SIREN_GUARD_HUNG : SIREN_GUARD_DIED;
    return SIREN_OK;
}

siren_status siren_guard_begin(siren_guard_end *end, char reason[SIREN_GUARD_REASON]) {
    int ends[2], how = 0;
    pid_t starter = getpid();
    *end = SIREN_GUARD_CHILD;
    if (!shared) {
        void *page = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (page == MAP_FAILED) return SIREN_OK;
        shared = page;
    }
    memset(shared, 0, sizeof *shared);
    siren_driver_watch(&shared->driver, keep_crash_handlers);
    fflush(NULL);
    if (pipe(ends) != 0) return SIREN_OK;
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    sigset_t all, before;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before);
    pid_t child = fork();
    if (child > 0) watched = child;
    in_child = child == 0;
    sigprocmask(SIG_SETMASK, &before, NULL);
    if (child == 0) {
        close(ends[0]); /* the other one ends with the process */
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != starter) _exit(1);
        return SIREN_OK;
    }
    close(ends[1]);
    if (child < 0) {
        siren_driver_watch(&own, keep_crash_handlers);
        close(ends[0]);
        return SIREN_OK; /* without a guard, then */
    }
    siren_driver_watch(&own, keep_crash_handlers);
    bool hung = watch(child, ends[0], &how);
    watched = 0;
    close(ends[0]);
    return judge(how, hung, end, reason);
}

bool siren_guard_was_loading(void) {
    return shared && atomic_load(&shared->driver.phase) == SIREN_DRIVER_OPENING;
}

/* ---- what drivers print ---- */

static int results = -1; /* standard output, while its number leads to standard error */

void siren_guard_divert_output(void) {
    fflush(stdout);
    if (results < 0) results = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (results >= 0) dup2(STDERR_FILENO, STDOUT_FILENO);
}

void siren_guard_restore_output(void) {
    if (results < 0) return;
    fflush(stdout);
    dup2(results, STDOUT_FILENO);
    close(results);
    results = -1;
}

/* ---- crashes ---- */

static char crash_command[64];

static void say(const char *text) {
    ssize_t n = write(STDERR_FILENO, text, strlen(text));
    (void)n;
}

static void on_crash(int number) {
    int phase = atomic_load(&own.phase);
    abandon_all();
    if (!in_child && phase != SIREN_DRIVER_REST) {
        say("\nsirencl ");
        say(crash_command);
        say(": the OpenCL driver crashed");
        say(doing(phase));
        say("; choose another --device, or look after the driver and its cache of kernels (PoCL: "
            "$POCL_CACHE_DIR, else ~/.cache/pocl)\n");
        _exit(siren_exit_code(SIREN_DEVICE));
    }
    signal(number, SIG_DFL);
    raise(number);
}

static const int crashes[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
#define N_CRASHES (sizeof crashes / sizeof *crashes)
static bool crash_is_ours[N_CRASHES];

/* Again and again: LLVM, the compiler of drivers, has handlers that return, and abort() ends the process then. */
static void keep_crash_handlers(void) {
    struct sigaction action = {.sa_handler = on_crash};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < N_CRASHES; i++)
        if (crash_is_ours[i]) sigaction(crashes[i], &action, NULL);
}

void siren_guard_catch_crashes(const char *command) {
    struct sigaction present;
    snprintf(crash_command, sizeof crash_command, "%s", command);
    for (size_t i = 0; i < N_CRASHES; i++) /* those of sanitizers stay */
        crash_is_ours[i] = sigaction(crashes[i], NULL, &present) == 0 && present.sa_handler == SIG_DFL;
    keep_crash_handlers();
    siren_driver_watch(&own, keep_crash_handlers);
}
