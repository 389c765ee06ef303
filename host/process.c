#define _GNU_SOURCE
#include "host/process.h"

#include "host/abandon.h"
#include "host/file.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define REPORT_SECONDS 0.2
#define LIMIT_GRACE_SECONDS 2.0
#define CANCEL_GRACE_SECONDS 0.3 /* who cancels is waiting */
#define POLL_MILLISECONDS 100
#define ENDING_MILLISECONDS 2 /* between closing its outputs and ending, a program mostly takes less */
#define PIPE_PAGES 16         /* pipe(7); of at most 64 KiB */
#define SHOWN_BYTES 400       /* of a failed program's errors in a message */

static siren_abandon_list running; /* process groups under way, as pointers */

static void kill_group(void *group) { kill(-(pid_t)(intptr_t)group, SIGKILL); }

void siren_process_abandon_all(void) { siren_abandon_all(&running, kill_group); }

/* ---- one output of a program: the reading end of a pipe, and a ring of the last bytes ---- */

typedef struct {
    int fd; /* -1 at its end */
    char *ring;
    size_t limit, total;
} capture;

/* A pipe whose ends lie above the standard descriptors, which the started program gets anew. */
static bool open_pipe(int ends[2]) {
    int low[2];
    if (pipe2(low, O_CLOEXEC) != 0) return false;
    for (int i = 0; i < 2; i++) {
        ends[i] = low[i] > STDERR_FILENO ? low[i] : fcntl(low[i], F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
        if (ends[i] != low[i]) close(low[i]);
    }
    if (ends[0] >= 0 && ends[1] >= 0 && fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0) return true;
    for (int i = 0; i < 2; i++)
        if (ends[i] >= 0) close(ends[i]);
    return false;
}

/* Reads what there is, and no longer than a pipe can be full: a program may write faster than this reads. */
static void capture_read(capture *c) {
    char bytes[65536];
    for (int pages = 0; pages < PIPE_PAGES && c->fd >= 0; pages++) {
        ssize_t n = read(c->fd, bytes, sizeof bytes);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) return;
        if (n <= 0) {
            close(c->fd);
            c->fd = -1;
            return;
        }
        for (ssize_t i = 0; i < n; i++) c->ring[c->total++ % c->limit] = bytes[i];
    }
}

static siren_status capture_text(const capture *c, char **out) {
    char *text = NULL;
    size_t kept = c->total < c->limit ? c->total : c->limit;
    SIREN_TRY(siren_allocate(&text, kept + 1, 1, "the output of a program"));
    for (size_t i = 0; i < kept; i++) text[i] = c->ring[(c->total - kept + i) % c->limit];
    *out = text;
    return SIREN_OK;
}

/* ---- starting ---- */

static bool is_program(const char *path) {
    struct stat facts;
    return stat(path, &facts) == 0 && S_ISREG(facts.st_mode) && access(path, X_OK) == 0;
}

bool siren_process_find(const char *name) {
    const char *path = getenv("PATH");
    if (!*name) return false;
    if (strchr(name, '/')) return is_program(name);
    if (!path) path = "/bin:/usr/bin";
    for (const char *end;; path = end + 1) {
        char *candidate = NULL;
        end = strchrnul(path, ':');
        int n = (int)(end - path);
        /* An empty entry is the working folder. */
        if (asprintf(&candidate, "%.*s%s/%s", n, path, n == 0 ? "." : "", name) < 0) return false;
        bool found = is_program(candidate);
        free(candidate);
        if (found || !*end) return found;
    }
}

static bool same_variable(const char *a, const char *b) {
    size_t n = (size_t)(strchrnul(a, '=') - a);
    return strncmp(a, b, n) == 0 && b[n] == '=';
}

/* This process's environment with `more` on top. `*out` is the caller's to free(), its strings are not. */
static siren_status make_environment(const char *const *more, const char ***out) {
    const char **list = NULL;
    size_t n = 0, n_more = 0, at = 0;
    while (environ[n]) n++;
    while (more && more[n_more]) n_more++;
    SIREN_TRY(siren_allocate(&list, n + n_more + 1, sizeof *list, "the environment of a program"));
    for (size_t i = 0; i < n; i++) {
        bool replaced = false;
        for (size_t k = 0; k < n_more; k++) replaced |= same_variable(more[k], environ[i]);
        if (!replaced) list[at++] = environ[i];
    }
    for (size_t k = 0; k < n_more; k++) list[at++] = more[k];
    *out = list;
    return SIREN_OK;
}

/* posix_spawnp() in a process group of its own, with no signal blocked and SIGPIPE not ignored, whatever this process
 * does with them. Returns its errno. */
static int spawn(const siren_process_plan *plan, const int outputs[2], const char **environment, pid_t *pid) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, pipe_signal;
    sigemptyset(&none);
    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    int error = posix_spawn_file_actions_init(&actions);
    if (error != 0) return error;
    error = posix_spawnattr_init(&attributes);
    if (error != 0) goto no_attributes;
    posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &pipe_signal);
    error = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (error == 0) error = posix_spawn_file_actions_adddup2(&actions, outputs[0], STDOUT_FILENO);
    if (error == 0) error = posix_spawn_file_actions_adddup2(&actions, outputs[1], STDERR_FILENO);
    if (error == 0 && plan->folder) error = posix_spawn_file_actions_addchdir_np(&actions, plan->folder);
    if (error == 0)
        error = posix_spawnp(pid, plan->arguments[0], &actions, &attributes, (char *const *)plan->arguments,
                             (char *const *)environment);
    posix_spawnattr_destroy(&attributes);
no_attributes:
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

static void close_both(int (*ends)[2]) {
    for (int i = 0; i < 2; i++) siren_close_at(&(*ends)[i]);
}

static siren_status start(const siren_process_plan *plan, capture captures[2], pid_t *pid) {
    SIREN_FREE_AT_END const char **environment = NULL;
    SIREN_AT_END(close_both) int writing[2] = {-1, -1};
    const char *name = plan->arguments[0];
    SIREN_TRY(make_environment(plan->environment, &environment));
    for (int i = 0; i < 2; i++) {
        int ends[2];
        SIREN_TRY(siren_allocate(&captures[i].ring, captures[i].limit, 1, "the output of a program"));
        if (!open_pipe(ends))
            return siren_fail(SIREN_SYSTEM, "%s: no pipe for its output: %s", name, strerror(errno));
        captures[i].fd = ends[0];
        writing[i] = ends[1];
    }
    int error = spawn(plan, writing, environment, pid);
    if (error == ENOENT && !strchr(name, '/') && !siren_process_find(name))
        return siren_fail(SIREN_SYSTEM, "the program %s is not there; install it, or add its folder to PATH",
                          name);
    if (error != 0)
        return siren_fail(SIREN_SYSTEM, "the program %s cannot be started%s%s: %s", name,
                          plan->folder ? " in the folder " : "", plan->folder ? plan->folder : "",
                          strerror(error));
    return SIREN_OK;
}

/* ---- watching ---- */

static void wait_for_output(capture captures[2]) {
    struct pollfd polled[2];
    for (int i = 0; i < 2; i++) polled[i] = (struct pollfd){.fd = captures[i].fd, .events = POLLIN};
    bool open = captures[0].fd >= 0 || captures[1].fd >= 0;
    poll(polled, 2, open ? POLL_MILLISECONDS : ENDING_MILLISECONDS);
    for (int i = 0; i < 2; i++) capture_read(&captures[i]);
}

/* Whether the program has ended. Until it is reaped, its number belongs to no other process. */
static bool has_ended(pid_t pid) {
    siginfo_t facts = {0};
    return waitid(P_PID, (id_t)pid, &facts, WEXITED | WNOHANG | WNOWAIT) != 0 || facts.si_pid == pid;
}

/* Returns when the program has ended, having stopped it where that was due; true where it was cancelled. */
static bool watch(const siren_process_plan *plan, pid_t pid, capture captures[2], siren_progress_fn progress,
                  void *user, bool *timed_out) {
    double begin = siren_clock(), reported = -INFINITY, kill_at = INFINITY;
    bool cancelled = false;
    while (!has_ended(pid)) {
        double now = siren_clock();
        bool stopping = cancelled || *timed_out;
        if (!stopping && progress && now - reported >= REPORT_SECONDS) {
            cancelled = !progress(user, 0, 1, plan->arguments[0]);
            reported = now;
        }
        if (!stopping && plan->time_limit > 0 && now - begin >= plan->time_limit) *timed_out = true;
        if (!stopping && (cancelled || *timed_out)) {
            kill(-pid, SIGTERM);
            kill_at = now + (cancelled ? CANCEL_GRACE_SECONDS : LIMIT_GRACE_SECONDS);
        }
        if (now >= kill_at) kill(-pid, SIGKILL);
        wait_for_output(captures);
    }
    return cancelled;
}

static void captures_free(capture (*captures)[2]) {
    for (int i = 0; i < 2; i++) {
        siren_close_at(&(*captures)[i].fd);
        free((*captures)[i].ring);
    }
}

siren_status siren_process_run(const siren_process_plan *plan, siren_progress_fn progress, void *user,
                               siren_process_result *result) {
    size_t limit = plan->output_limit ? plan->output_limit : SIREN_PROCESS_OUTPUT_BYTES;
    SIREN_AT_END(captures_free)
    capture captures[2] = {{.fd = -1, .limit = limit}, {.fd = -1, .limit = limit}};
    SIREN_AT_END(siren_process_result_free) siren_process_result ended = {.exit_code = -1};
    pid_t pid = 0;
    int how = 0;
    SIREN_TRY(start(plan, captures, &pid));
    siren_abandon_add(&running, (void *)(intptr_t)pid);
    bool cancelled = watch(plan, pid, captures, progress, user, &ended.timed_out);
    kill(-pid, SIGKILL);                                   /* what it left behind */
    siren_abandon_remove(&running, (void *)(intptr_t)pid); /* before another process can get its number */
    pid_t reaped;
    do reaped = waitpid(pid, &how, 0);
    while (reaped < 0 && errno == EINTR);
    if (reaped != pid)
        return siren_fail(SIREN_SYSTEM, "%s: how it ended is unknown: %s", plan->arguments[0],
                          strerror(errno));
    if (cancelled) return siren_fail(SIREN_CANCELLED, "%s was stopped", plan->arguments[0]);
    for (int i = 0; i < 2; i++) capture_read(&captures[i]);
    if (WIFEXITED(how)) ended.exit_code = WEXITSTATUS(how);
    if (WIFSIGNALED(how)) ended.signal = WTERMSIG(how);
    SIREN_TRY(capture_text(&captures[0], &ended.output));
    SIREN_TRY(capture_text(&captures[1], &ended.errors));
    *result = SIREN_TAKE(ended);
    return SIREN_OK;
}

void siren_process_result_free(siren_process_result *result) {
    free(result->output);
    free(result->errors);
    *result = (siren_process_result){0};
}

/* The end of `text` in one line. */
static void last_words(const char *text, char out[SHOWN_BYTES + 1]) {
    size_t n = strlen(text), at = 0;
    while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == ' ')) n--;
    for (size_t i = n < SHOWN_BYTES ? 0 : n - SHOWN_BYTES; i < n; i++) {
        const size_t colour =
            text[i] == '\x1b' && text[i + 1] == '[' ? strspn(text + i + 2, "0123456789;") : 0;
        if (colour > 0 && text[i + 2 + colour] == 'm')
            i += 2 + colour;
        else
            out[at++] = (unsigned char)text[i] < ' ' ? ' ' : text[i];
    }
    while (at > 0 && out[at - 1] == ' ') at--;
    out[at] = 0;
}

siren_status siren_process_check(const siren_process_plan *plan, const siren_process_result *result) {
    const char *name = plan->arguments[0];
    char words[SHOWN_BYTES + 1];
    if (result->exit_code == 0 && !result->timed_out) return SIREN_OK;
    last_words(result->errors, words);
    const char *colon = *words ? ": " : "";
    if (result->timed_out)
        return siren_fail(SIREN_SYSTEM, "%s did not end within its time limit of %g s%s%s", name,
                          plan->time_limit, colon, words);
    if (result->signal)
        return siren_fail(SIREN_SYSTEM, "%s was ended by signal %d (%s)%s%s", name, result->signal,
                          strsignal(result->signal), colon, words);
    return siren_fail(SIREN_SYSTEM, "%s failed with exit code %d%s%s", name, result->exit_code, colon, words);
}
