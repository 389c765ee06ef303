#include "tools/common/terminal.h"

#include "host/cgroup.h"
#include "host/file.h"
#include "host/process.h"
#include "host/staging.h"
#include "tools/common/command_help.h"
#include "tools/common/driver_guard.h"

#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define USUAL_COLUMNS 80
#define BAR_MOST 28 /* columns of the bar between its brackets */
#define BAR_LEAST 4
#define NAME_COLUMNS 16
#define MAX_PHASES 8
#define GRACE_NANOSECONDS 700000000L

/* One stretch of work: the reports of one `what`. */
typedef struct {
    char what[64];
    double first, last;       /* seconds of the clock, of the first and last report */
    double first_done, done;  /* of the first report, and the most of any */
    double advancing_seconds; /* of the intervals between reports in which `done` grew */
    double share;             /* the most of any report */
} phase;

static struct {
    const char *command;
    bool quiet, verbose, is_terminal;
    bool bar_shown;  /* the cursor stands in a bar */
    double shown_at; /* clock of the last bar or line */
    int shown_tenth; /* tenths of the phase in the last line; -1: none */
    phase phases[MAX_PHASES];
    size_t n_phases;
    size_t item, n_items;        /* 0: there is but one */
    double item_begin, item_end; /* shares of all items */
    double begun, begun_share;   /* clock and share of the first report; 0: there was none */
    double shown_share;          /* the most of all items that was shown */
} terminal = {.command = "", .shown_tenth = -1};

static pthread_mutex_t writing =
    PTHREAD_MUTEX_INITIALIZER; /* any thread may log while another reports progress */

static void clear_bar(void) {
    if (!terminal.bar_shown) return;
    fputs("\r\033[K", stderr);
    terminal.bar_shown = false;
}

/* ---- names of files that have none ---- */

#define MOST_NAMES 2

static struct { const char *path, *name; } names[MOST_NAMES];
static size_t n_names;

void siren_terminal_call(const char *path, const char *name) {
    if (n_names < MOST_NAMES) names[n_names].path = path, names[n_names++].name = name;
}

const char *siren_terminal_name(const char *path) {
    for (size_t i = 0; i < n_names; i++)
        if (strcmp(names[i].path, path) == 0) return names[i].name;
    return path;
}

/* Prints a message, its paths by their names. */
static void print_named(const char *text) {
    while (*text) {
        const char *next = NULL;
        size_t nth = 0;
        for (size_t i = 0; i < n_names; i++) {
            const char *at = strstr(text, names[i].path);
            if (at && (!next || at < next)) next = at, nth = i;
        }
        if (!next) break;
        fprintf(stderr, "%.*s%s", (int)(next - text), text, names[nth].name);
        text = next + strlen(names[nth].path);
    }
    fputs(text, stderr);
}

static void log_line(void *user, siren_log_level level, const char *text) {
    (void)user;
    if (level == SIREN_LOG_WARNING ? terminal.quiet : !terminal.verbose) return;
    pthread_mutex_lock(&writing);
    clear_bar();
    fprintf(stderr, "sirencl %s: %s", terminal.command, level == SIREN_LOG_WARNING ? "warning: " : "");
    print_named(text);
    fputc('\n', stderr);
    pthread_mutex_unlock(&writing);
}

void siren_terminal_tell(const char *format, ...) {
    va_list arguments;
    if (terminal.quiet) return;
    pthread_mutex_lock(&writing);
    clear_bar();
    fprintf(stderr, "sirencl %s: ", terminal.command);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    pthread_mutex_unlock(&writing);
}

void siren_terminal_warn(const char *format, ...) {
    char text[SIREN_MESSAGE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    log_line(NULL, SIREN_LOG_WARNING, text);
}

/* PoCL makes a thread for each processor that it sees, which a control group may not have time for. Affinity it
 * knows. */
static void limit_pocl(void) {
    char n[16];
    const unsigned quota = siren_cgroup_read("").processors;
    if (quota == 0 || quota > siren_processors()) return;
    snprintf(n, sizeof n, "%u", quota);
    setenv("POCL_MAX_PTHREAD_COUNT", n, 0); /* up to version 4 */
    setenv("POCL_CPU_MAX_CU_COUNT", n, 0);
}

bool siren_terminal_begin(const siren_usage *usage, const siren_common_options *common, int argc, char **argv,
                          const char **arguments, siren_status *status) {
    siren_help help = SIREN_HELP_NONE;
    const char *term = getenv("TERM");
    terminal.command = usage->command;
    terminal.is_terminal = isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;
    *status = siren_options_parse(usage, argc, argv, arguments, &help);
    if (help) siren_command_help(usage, help, stdout);
    if (*status == SIREN_OK && !help) *status = siren_limit_processors(common->nthreads);
    if (*status != SIREN_OK || help) return false;
    limit_pocl();
    terminal.quiet = common->quiet;
    terminal.verbose = common->verbose;
    siren_guard_catch_crashes(terminal.command);
    siren_set_log(log_line, NULL);
    return true;
}

/* ---- interruption ---- */

static volatile sig_atomic_t interrupted, pipe_broken;
static timer_t grace;
static bool has_grace;

/* As they are: snprintf() is not for signal handlers. */
static void tell_resumable(void *path) {
    static const char text[] = " keeps what is finished, and the same command goes on there\n";
    if (write(STDERR_FILENO, path, strlen(path)) < 0 || write(STDERR_FILENO, text, sizeof text - 1) < 0)
        return; /* nobody reads it */
}

static void on_signal(int number, siginfo_t *info, void *context) {
    static const char text[] = "\nsirencl: interrupted\n";
    (void)context;
    if ((number == SIGPIPE || number == SIGXFSZ) && info->si_pid == getpid()) {
        if (number == SIGPIPE) pipe_broken = 1;
        return; /* of a write of this process, which fails and is told, unless it was a message */
    }
    if (siren_guard_took_signal(number, info)) return;
    if (interrupted || info->si_code == SI_TIMER) {
        siren_output_abandon_all();
        siren_process_abandon_all();
        siren_staging_abandon_all();
        ssize_t n = write(STDERR_FILENO, text, sizeof text - 1);
        (void)n;
        siren_file_each_resumable(tell_resumable);
        _exit(130);
    }
    interrupted = 1;
    if (has_grace)
        timer_settime(grace, 0, &(struct itimerspec){.it_value = {.tv_nsec = GRACE_NANOSECONDS}}, NULL);
}

static const int ends[] = {SIGINT,  SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2,   SIGPIPE,  SIGXCPU,
                           SIGXFSZ, SIGALRM, SIGPWR, SIGPOLL, SIGPROF, SIGVTALRM, SIGSTKFLT};
#define N_USUAL 10 /* the rest may be in use by a profiler that was loaded before main() */
static struct sigaction actions[sizeof ends / sizeof *ends];
static bool catching;

/* Again and again: LLVM, the compiler of drivers, puts handlers of its own in the place of these. */
static void keep_actions(void) {
    for (size_t i = 0; catching && i < sizeof ends / sizeof *ends; i++) sigaction(ends[i], &actions[i], NULL);
}

void siren_terminal_catch_interrupt(void) {
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_RESTART | SA_SIGINFO};
    sigemptyset(&action.sa_mask);
    has_grace = timer_create(CLOCK_MONOTONIC, NULL, &grace) == 0; /* by default it sends SIGALRM */
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        /* Shells ignore INT in the background, main() ignores XFSZ. */
        const bool ours = ends[i] == SIGINT || ends[i] == SIGTERM || ends[i] == SIGALRM || ends[i] == SIGXFSZ;
        const bool failed = sigaction(ends[i], NULL, &actions[i]) != 0;
        const bool kept = actions[i].sa_handler == SIG_IGN /* nohup */ ||
                          (i >= N_USUAL && actions[i].sa_handler != SIG_DFL);
        if (ours || failed || !kept) actions[i] = action;
    }
    catching = true;
    keep_actions();
    for (int number = SIGRTMIN; number <= SIGRTMAX; number++) { /* once: a driver may use them later */
        struct sigaction present;
        if (sigaction(number, NULL, &present) == 0 && present.sa_handler == SIG_DFL)
            sigaction(number, &action, NULL);
    }
}

bool siren_terminal_heard(void) { return !interrupted; }

/* ---- progress ---- */

/* Reports are of one phase where they differ in numbers only ("trials 3/12"). */
static phase *find_phase(const char *what) {
    const size_t n = strcspn(what, "0123456789");
    for (size_t i = 0; i < terminal.n_phases; i++)
        if (strcspn(terminal.phases[i].what, "0123456789") == n &&
            strncmp(terminal.phases[i].what, what, n) == 0)
            return &terminal.phases[i];
    return NULL;
}

void siren_terminal_begin_item(size_t nth, size_t n, double begin, double end) {
    pthread_mutex_lock(&writing);
    terminal.item = nth;
    terminal.n_items = n;
    terminal.item_begin = begin;
    terminal.item_end = end;
    terminal.n_phases = 0;
    pthread_mutex_unlock(&writing);
}

static void format_time(double seconds, char *out, size_t size) {
    if (!(seconds < 360000)) seconds = 359999;
    unsigned s = (unsigned)ceil(seconds);
    if (s >= 3600)
        snprintf(out, size, "%u:%02u:%02u", s / 3600, s / 60 % 60, s % 60);
    else
        snprintf(out, size, "%u:%02u", s / 60, s % 60);
}

void siren_terminal_line(size_t columns, const char *what, double share, const char *left, char *out,
                         size_t size) {
    char tail[64], bar[BAR_MOST + 1];
    size_t room = columns > 1 ? columns - 1 : 1; /* a full line would wrap */
    size_t n_tail = (size_t)snprintf(tail, sizeof tail, " %3.0f %%%s%s", floor(100 * share),
                                     *left ? ", left " : "", left);
    if (n_tail + 1 > room) n_tail = (size_t)snprintf(tail, sizeof tail, " %3.0f %%", floor(100 * share));
    if (room >= size) room = size - 1;
    size_t name = strlen(what) > NAME_COLUMNS ? strlen(what) : NAME_COLUMNS,
           kept = room > n_tail ? room - n_tail : 0;
    if (kept >= name + 3 + BAR_LEAST) {
        size_t n = kept - name - 3 < BAR_MOST ? kept - name - 3 : BAR_MOST,
               filled = (size_t)(share * (double)n);
        memset(bar, '-', n);
        memset(bar, '#', filled);
        bar[n] = '\0';
        snprintf(out, size, "%-*s [%s]%s", (int)name, what, bar, tail);
    } else {
        snprintf(out, size, "%.*s%s", (int)kept, what, tail);
    }
}

static void show_bar(const char *what, double share, const char *left) {
    char line[256];
    struct winsize window;
    bool told = ioctl(STDERR_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 0;
    siren_terminal_line(told ? window.ws_col : USUAL_COLUMNS, what, share, left, line, sizeof line);
    fprintf(stderr, "\r%s\033[K", line);
    fflush(stderr);
    terminal.bar_shown = true;
}

/* Makes a phase's share and name those of all items, whose share never falls. */
static void count_items(char name[96], double *share, double now, char *left, size_t n_left) {
    char text[96];
    if (terminal.n_items < 2) return;
    snprintf(text, sizeof text, "%zu/%zu %.48s", terminal.item, terminal.n_items, name);
    memcpy(name, text, sizeof text);
    *share = terminal.item_begin + (terminal.item_end - terminal.item_begin) * *share;
    if (*share < terminal.shown_share) *share = terminal.shown_share;
    terminal.shown_share = *share;
    *left = '\0';
    if (terminal.begun <= 0) terminal.begun = now, terminal.begun_share = *share;
    const double advanced = *share - terminal.begun_share;
    if (advanced > 0.005 && *share < 1 && now - terminal.begun > 0.5)
        format_time((now - terminal.begun) * (1 - *share) / advanced, left, n_left);
}

static bool show_progress(double done, double total, const char *what) {
    double now = siren_clock();
    phase *p = find_phase(what);
    bool begins = !p;
    if (begins && terminal.n_phases < MAX_PHASES) {
        p = &terminal.phases[terminal.n_phases++];
        *p = (phase){.first = now, .last = now, .first_done = done, .done = done};
        snprintf(p->what, sizeof p->what, "%s", what);
        if (terminal.n_items < 2) terminal.shown_tenth = -1;
    }
    if (p) {
        if (done > p->done) p->advancing_seconds += now - p->last;
        if (done > p->done) p->done = done;
        p->last = now;
    }
    if (terminal.quiet || interrupted) return !interrupted;

    double share = total > 0 ? (p ? p->done : done) / total : 0;
    share = share < 0 || isnan(share) ? 0 : share > 1 ? 1 : share;
    if (p && share < p->share) share = p->share; /* a total may turn out larger than was expected */
    if (p) p->share = share;
    char left[32] = "", name[96];
    snprintf(name, sizeof name, "%.48s", what);
    if (p && done > p->first_done && done < total && now - p->first > 0.5)
        format_time((now - p->first) * (total - done) / (done - p->first_done), left, sizeof left);
    count_items(name, &share, now, left, sizeof left);
    if (terminal.is_terminal) {
        if (begins || share == 1 || now - terminal.shown_at >= 0.1) {
            show_bar(name, share, left);
            terminal.shown_at = now;
        }
    } else {
        int tenth = (int)(10 * share);
        double since = now - terminal.shown_at;
        bool last = tenth == 10 && terminal.shown_tenth >= 0 && terminal.shown_tenth < 10;
        if (begins || last || (tenth > terminal.shown_tenth && since >= 1) || since >= 10) {
            fprintf(stderr, "%s: %.0f %%%s%s\n", name, floor(100 * share), *left ? ", left " : "", left);
            terminal.shown_at = now;
            terminal.shown_tenth = tenth;
        }
    }
    return true;
}

bool siren_terminal_progress(void *user, double done, double total, const char *what) {
    (void)user;
    pthread_mutex_lock(&writing);
    keep_actions();
    bool go_on = show_progress(done, total, what);
    pthread_mutex_unlock(&writing);
    return go_on;
}

double siren_terminal_advancing(const char *what, double *first_done) {
    const phase *p = find_phase(what);
    *first_done = p ? p->first_done : 0;
    return p ? p->advancing_seconds : 0;
}

void siren_terminal_end_progress(void) {
    clear_bar();
    siren_guard_restore_output();
}

void siren_terminal_tell_replaced(void *user, const char *path) {
    (void)user;
    clear_bar();
    printf("%s: replaced\n", path);
}

/* ---- the end ---- */

static const char *device_hint = "";

void siren_terminal_hint(const char *text) { device_hint = text; }

static const char *hint_for(siren_status status) {
    const bool of_device =
        status == SIREN_DEVICE || status == SIREN_DEVICE_MEMORY || status == SIREN_NO_DEVICE;
    return of_device && !strstr(siren_message(), "--device host") ? device_hint : "";
}

static void print_message(const char *more) {
    fprintf(stderr, "sirencl%s%s: ", *terminal.command ? " " : "", terminal.command);
    print_named(siren_message());
    fprintf(stderr, "%s\n", more);
}

void siren_terminal_tell_failure(void) {
    pthread_mutex_lock(&writing);
    clear_bar();
    print_message("");
    pthread_mutex_unlock(&writing);
}

int siren_terminal_exit(siren_status status) {
    siren_terminal_end_progress();
    /* What an interruption breaks (a compiler that a driver waits for) is the interruption's doing; what is partial was
     * written. */
    if (interrupted && status != SIREN_OK && status != SIREN_CANCELLED && status != SIREN_PARTIAL)
        status = siren_fail(SIREN_CANCELLED, "the work was interrupted; nothing was written");
    if (status != SIREN_OK) print_message(hint_for(status));
    if (status == SIREN_OK && (fflush(stdout) != 0 || ferror(stdout))) {
        if (pipe_broken) { /* ends as a program that catches nothing, such as cat */
            signal(SIGPIPE, SIG_DFL);
            raise(SIGPIPE);
        }
        siren_fail(SIREN_SYSTEM, "cannot write the results to standard output");
        print_message("");
        status = SIREN_SYSTEM;
    }
    siren_guard_exit(siren_exit_code(status));
    return siren_exit_code(status);
}

char *siren_format_integer(uint64_t value, char out[32]) {
    char digits[24];
    int n = snprintf(digits, sizeof digits, "%" PRIu64, value), o = 0;
    for (int i = 0; i < n; i++) {
        if (i > 0 && (n - i) % 3 == 0) out[o++] = ',';
        out[o++] = digits[i];
    }
    out[o] = '\0';
    return out;
}

char *siren_format_seconds(double seconds, char out[32]) {
    if (seconds < 100)
        snprintf(out, 32, "%.1f s", seconds);
    else if (seconds < 6000)
        snprintf(out, 32, "%.0f min", seconds / 60);
    else
        snprintf(out, 32, "%.1f h", seconds / 3600);
    return out;
}

char *siren_format_bytes(double bytes, char out[32]) {
    static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB"};
    size_t unit = 0;
    while (bytes >= 999.5 && unit < 4) bytes /= 1000, unit++;
    snprintf(out, 32,
             unit == 0     ? "%.0f %s"
             : bytes < 10  ? "%.2f %s"
             : bytes < 100 ? "%.1f %s"
                           : "%.0f %s",
             bytes, units[unit]);
    return out;
}
