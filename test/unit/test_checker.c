/* SPDX-License-Identifier: Apache-2.0 */
#include "checker.h"

#include <dirent.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scene.h"
#include "unit.h"

static struct scene scene;
static struct clientct_checker *checker;
static struct scene_client logged, unlogged;

static void setup(void)
{
    scene_set(&scene, "policy = one\naudit = none\n");
    scene_client(&scene, "a", &logged);
    scene_client(&scene, "d", &unlogged);
    checker = clientct_checker_new(scene.config);
    ck_assert_ptr_nonnull(checker);
}

static void teardown(void)
{
    clientct_checker_free(checker);
    scene_client_clear(&logged);
    scene_client_clear(&unlogged);
    scene_clear(&scene);
}

static bool accepts(const struct scene_client *client)
{
    struct clientct_verdict verdict;
    bool accept = clientct_decide(checker, &client->input, &verdict);

    clientct_verdict_clear(&verdict);
    return accept;
}

START_TEST(a_changed_mode_is_in_force_after_the_reload)
{
    ck_assert(accepts(&logged) && !accepts(&unlogged));
    scene_configure(&scene, "policy = one\nmode = off\n");
    clientct_checker_reload(checker, CLIENTCT_AT_CONTEXT);
    ck_assert(accepts(&unlogged));
    scene_configure(&scene, "policy = one\n");
    clientct_checker_reload(checker, CLIENTCT_AT_CONTEXT);
    ck_assert(!accepts(&unlogged));
}
END_TEST

enum { IN_PLACE, BY_SYMBOLIC_LINK, BY_HARD_LINK, BY_EXCHANGE, WAYS_OF_WRITING };

/* Another file of the same length under the name, or the same file with the same time of its last change. */
static void write_so(int way, const char *text)
{
    char aside[120], next[120];
    struct stat st;

    snprintf(aside, sizeof aside, "%s/%s", scene.dir, strstr(text, "report") != NULL ? "watching" : "enforcing");
    snprintf(next, sizeof next, "%s/next", scene.dir);
    usleep(10000); /* longer than a tick of the clock that gives files their times */
    if (way == IN_PLACE) {
        int fd = open(scene.config, O_WRONLY);

        ck_assert_int_eq(fstat(fd, &st), 0);
        ck_assert_int_eq(write(fd, text, strlen(text)), st.st_size);
        ck_assert_int_eq(futimens(fd, (const struct timespec[]){ st.st_atim, st.st_mtim }), 0);
        close(fd);
        return;
    }
    pki_write_file(aside, (const uint8_t *)text, strlen(text));
    if (way == BY_EXCHANGE) {
        ck_assert_int_eq(renameat2(AT_FDCWD, aside, AT_FDCWD, scene.config, RENAME_EXCHANGE), 0);
    } else {
        ck_assert_int_eq(way == BY_HARD_LINK ? link(aside, next) : symlink(aside, next), 0);
        ck_assert_int_eq(rename(next, scene.config), 0);
    }
}

START_TEST(a_file_is_seen_to_change_however_it_is_written)
{
    char enforcing[200], watching[200];

    snprintf(enforcing, sizeof enforcing, "log_list = %s\npolicy = one\nmode = enforce", scene.list);
    snprintf(watching, sizeof watching, "log_list = %s\npolicy = one\nmode = report ", scene.list);
    pki_write_file(scene.config, (const uint8_t *)enforcing, strlen(enforcing));
    clientct_checker_reload(checker, CLIENTCT_AT_CONTEXT);
    for (int i = 0; i < 6; i++) {
        write_so(_i, i % 2 == 0 ? watching : enforcing);
        clientct_checker_reload(checker, CLIENTCT_AT_CONTEXT);
        ck_assert_msg(accepts(&unlogged) == (i % 2 == 0), "way %d, change %d", _i, i);
    }
}
END_TEST

/* Refusing everybody is a state of its own, and report mode is not in it, whatever is missing. */
START_TEST(state_says_what_is_in_force)
{
    static const struct {
        const char *settings;
        enum clientct_mode mode;
        bool denying;
    } rows[] = {
        { "policy = one\naudit = none\n", CLIENTCT_MODE_ENFORCE, false },
        { "policy = one\nmode = report\n", CLIENTCT_MODE_REPORT, false },
        { "policy = one\nmode = off\n", CLIENTCT_MODE_OFF, false },
        { "log_list = /nonexistent\npolicy = one\n", CLIENTCT_MODE_ENFORCE, true },
        { "log_list = /nonexistent\npolicy = one\nmode = report\n", CLIENTCT_MODE_REPORT, false },
        { "polcy = one\n", CLIENTCT_MODE_ENFORCE, true },
    };
    struct clientct_state state;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct clientct_checker *fresh;

        scene_configure(&scene, rows[i].settings);
        fresh = clientct_checker_new(scene.config);
        ck_assert_ptr_nonnull(fresh);
        clientct_checker_get_state(fresh, &state);
        ck_assert_msg(state.mode == rows[i].mode && state.denying == rows[i].denying, "row %zu: mode %d, denying %d", i,
                      (int)state.mode, state.denying);
        ck_assert_str_eq(state.config_file, scene.config);
        ck_assert_int_eq(state.why[0] != '\0',
                         strstr(rows[i].settings, "nonexistent") != NULL || strstr(rows[i].settings, "polcy") != NULL);
        ck_assert_uint_eq(state.generation, 1);
        clientct_checker_deny(fresh, "told so");
        clientct_checker_get_state(fresh, &state);
        ck_assert(state.denying);
        ck_assert_str_eq(state.why, "told so");
        clientct_checker_free(fresh);
    }
}
END_TEST

START_TEST(a_handshake_looks_at_most_once_a_second)
{
    int waited = 0;

    scene_configure(&scene, "policy = one\nmode = off\n");
    clientct_checker_reload(checker, CLIENTCT_AT_HANDSHAKE);
    ck_assert(!accepts(&unlogged));
    while (!accepts(&unlogged)) {
        ck_assert_int_lt(waited++, 100);
        usleep(20000);
        clientct_checker_reload(checker, CLIENTCT_AT_HANDSHAKE);
    }
}
END_TEST

static atomic_bool stop;

static void *touch(void *path)
{
    while (!atomic_load(&stop)) {
        utimensat(AT_FDCWD, path, NULL, 0);
        usleep(30000);
    }
    return NULL;
}

/* Who touches a list, or the settings, all the time holds nobody up. */
START_TEST(a_file_that_never_holds_still_starves_nobody)
{
    pthread_t thread;
    char *path = _i == 0 ? scene.list : scene.config;

    ck_assert_int_eq(pthread_create(&thread, NULL, touch, path), 0);
    scene_configure(&scene, "policy = one\nmode = off\n");
    for (int i = 0; i < 250 && !accepts(&unlogged); i++) {
        usleep(8000);
        clientct_checker_reload(checker, CLIENTCT_AT_HANDSHAKE);
    }
    ck_assert(accepts(&unlogged));
    atomic_store(&stop, true);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
}
END_TEST

/* A server to which nobody connected for a while: the first one is decided by what has been there since. */
START_TEST(what_holds_still_does_not_wait_for_what_does_not)
{
    scene_configure(&scene, "policy = one\nmode = off\n");
    usleep(1200000);
    ck_assert_int_eq(utimensat(AT_FDCWD, scene.list, NULL, 0), 0);
    clientct_checker_reload(checker, CLIENTCT_AT_HANDSHAKE);
    ck_assert(accepts(&unlogged));
}
END_TEST

START_TEST(with_reload_context_a_handshake_never_looks)
{
    scene_configure(&scene, "policy = one\nreload = context\n");
    clientct_checker_reload(checker, CLIENTCT_AT_CONTEXT);
    scene_configure(&scene, "policy = one\nmode = off\n");
    usleep(1200000);
    clientct_checker_reload(checker, CLIENTCT_AT_HANDSHAKE);
    ck_assert(!accepts(&unlogged));
    clientct_checker_reload(checker, CLIENTCT_AT_CONTEXT);
    ck_assert(accepts(&unlogged));
}
END_TEST

START_TEST(denies_all_until_a_configuration_can_be_read)
{
    clientct_checker_free(checker);
    scene_configure(&scene, "nonsense = 1\n");
    checker = clientct_checker_new(scene.config);
    ck_assert(!accepts(&logged) && !accepts(&unlogged));
    scene_configure(&scene, "policy = one\n");
    clientct_checker_reload(checker, CLIENTCT_AT_CONTEXT);
    ck_assert(accepts(&logged) && !accepts(&unlogged));
}
END_TEST

START_TEST(a_process_that_cannot_see_its_files_any_more_goes_on)
{
    pid_t child;
    int status;

    if (geteuid() != 0) {
        return; /* needs to change its root and its user */
    }
    child = fork();
    if (child == 0) {
        if (chroot("/proc") != 0 || chdir("/") != 0 || setgid(65534) != 0 || setuid(65534) != 0) {
            _exit(2);
        }
        for (int i = 0; i < 3; i++) {
            clientct_checker_reload(checker, CLIENTCT_AT_CONTEXT);
        }
        struct ct_snapshot *snapshot = ct_checker_get1_snapshot(checker);
        bool once = snapshot->generation == 2 && snapshot->reading.kept && !snapshot->config_failed; /* said once */
        ct_snapshot_release(snapshot);
        _exit(accepts(&logged) && !accepts(&unlogged) && once ? 0 : 1);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x", (unsigned)status);
}
END_TEST

/* In a root directory where a worker may write, what lies under the names of our files is the worker's. */
static void write_into(const char *root, int what)
{
    struct pki_listed_log unknown = scene.listed[0];
    const char *const folders[] = { "", "/tmp", scene.dir };
    char path[200];

    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        snprintf(path, sizeof path, "%s%s", root, folders[i]);
        ck_assert_int_eq(mkdir(path, 0755), 0);
    }
    snprintf(path, sizeof path, "%s%s", root, what == 0 ? scene.config : scene.list);
    if (what == 0) {
        pki_write_file(path, (const uint8_t *)"mode = off\n", 11);
    } else {
        unknown.log = &scene.logs[3]; /* which has signed for the other client */
        pki_write_log_list(path, PKI_FORMAT_V3, &unknown, 1, pki_now() + 1000);
    }
}

static void remove_from(const char *root, int what)
{
    char path[200];

    snprintf(path, sizeof path, "%s%s", root, what == 0 ? scene.config : scene.list);
    unlink(path);
    for (const char *const *folder = (const char *const[]){ scene.dir, "/tmp", "", NULL }; *folder != NULL; folder++) {
        snprintf(path, sizeof path, "%s%s", root, *folder);
        rmdir(path);
    }
}

/* It looks for its files again and again, and they are out of reach. */
static bool keeps_what_it_has(struct clientct_state *state)
{
    bool good = true;

    for (int i = 0; i < 3; i++) {
        clientct_checker_reload(checker, CLIENTCT_AT_CONTEXT);
        good = good && accepts(&logged) && !accepts(&unlogged);
    }
    clientct_checker_get_state(checker, state);
    return good && state->kept && !state->settings_failed && !state->lists_failed;
}

/* clientct.cnf, or a log list; by a checker that was there before, or is made there. */
START_TEST(files_in_another_root_directory_are_not_ours)
{
    char root[96];
    pid_t child;
    int status;

    if (geteuid() != 0) {
        return; /* needs to change its root */
    }
    snprintf(root, sizeof root, "%s/root", scene.dir);
    write_into(root, _i / 2);
    child = fork();
    if (child == 0) {
        struct clientct_files *early = clientct_files_read(scene.config);
        struct clientct_state state;

        if (chroot(root) != 0 || chdir("/") != 0 || setuid(65534) != 0) {
            _exit(2);
        }
        if (_i % 2 == 1) {
            clientct_checker_free(checker);
            checker = clientct_checker_new_from(scene.config, early);
        }
        _exit(keeps_what_it_has(&state) ? 0 : 1);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    remove_from(root, _i / 2);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x", (unsigned)status);
}
END_TEST

/* A server that loads the component as root, then leaves for a directory without its files, then makes a context. */
START_TEST(what_was_read_early_lets_good_clients_in)
{
    pid_t child;
    int status;

    if (geteuid() != 0) {
        return; /* needs to change its root and its user */
    }
    child = fork();
    if (child == 0) {
        struct clientct_files *early;
        struct clientct_state state;
        char path[96], settings[300];
        bool good;

        snprintf(path, sizeof path, "%s/ca", scene.dir);
        pki_ca_write(&scene.ca, path);
        snprintf(settings, sizeof settings,
                 "policy = one\naudit = none\nrules = r\n[r]\nx = x\n[x]\nissuer = %s.pem\n"
                 "server_name = a.example\nmode = report\n",
                 path);
        scene_configure(&scene, settings);
        early = clientct_files_read(scene.config);
        if (chroot("/proc") != 0 || chdir("/") != 0 || setgid(65534) != 0 || setuid(65534) != 0) {
            _exit(2);
        }
        clientct_checker_free(checker);
        checker = clientct_checker_new(scene.config);
        good = !accepts(&logged); /* so it is without */
        clientct_checker_free(checker);
        checker = clientct_checker_new_from(scene.config, early);
        good = good && keeps_what_it_has(&state) && state.generation == 1;
        _exit(good ? 0 : 1);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x", (unsigned)status);
}
END_TEST

/* --- under load --- */

static atomic_ulong decided, wrong;

static void *decide_on(void *argument)
{
    while (!atomic_load(&stop)) {
        if (!accepts(&logged) || accepts(&unlogged)) {
            atomic_fetch_add(&wrong, 1);
        }
        atomic_fetch_add(&decided, 1);
    }
    return NULL;
}

static unsigned descriptors(void)
{
    unsigned count = 0;
    DIR *dir = opendir("/proc/self/fd");

    while (dir != NULL && readdir(dir) != NULL) {
        count++;
    }
    if (dir != NULL) {
        closedir(dir);
    }
    return count;
}

/* Every way in which an operator's script may change things; none of them changes a verdict. */
static void disturb(unsigned round)
{
    char aside[200];

    switch (round % 6) {
    case 0:
        scene_configure(&scene, "policy = one\nresumption = allow\n");
        break;
    case 1:
        scene_put(&scene, "clientct.cnf", "half", 4);
        break;
    case 2:
        scene_configure(&scene, "policy = one\n");
        break;
    case 3:
        scene_put(&scene, "list", "{\"operators\": [", 15);
        break;
    case 4:
        scene_list(&scene, pki_now());
        break;
    default:
        snprintf(aside, sizeof aside, "%s/aside", scene.dir);
        ck_assert_int_eq(rename(scene.list, aside), 0);
        clientct_checker_reload(checker, CLIENTCT_AT_CONTEXT);
        ck_assert_int_eq(rename(aside, scene.list), 0);
        break;
    }
    clientct_checker_reload(checker, CLIENTCT_AT_CONTEXT);
}

START_TEST(reloads_under_load_grow_nothing_and_change_no_verdict)
{
    const char *wanted = getenv("CLIENTCT_TEST_RELOADS"); /* 10000 takes about a minute */
    unsigned reloads = wanted != NULL ? (unsigned)strtoul(wanted, NULL, 10) : 300;
    pthread_t threads[3];
    unsigned descriptors_before = 0;
    size_t memory_before = 0;

    for (size_t i = 0; i < 3; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, decide_on, NULL), 0);
    }
    for (unsigned round = 0; round < reloads; round++) {
        if (round == 60) {
            descriptors_before = descriptors();
            memory_before = mallinfo2().uordblks;
        }
        disturb(round);
    }
    ck_assert_uint_eq(descriptors(), descriptors_before);
    /* The threads' own verdicts come and go; a leak of one snapshot a reload would be a hundred times this. */
    ck_assert_msg(mallinfo2().uordblks < memory_before + 256 * 1024, "from %zu to %zu bytes", memory_before,
                  mallinfo2().uordblks);
    atomic_store(&stop, true);
    for (size_t i = 0; i < 3; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    }
    ck_assert_uint_gt(atomic_load(&decided), reloads);
    ck_assert_msg(atomic_load(&wrong) == 0, "%lu of %lu verdicts were wrong", atomic_load(&wrong),
                  atomic_load(&decided));
}
END_TEST

/* What programs of earlier releases ask, and files that were read early where none can be read later. */
START_TEST(older_questions_are_answered)
{
    struct clientct_files *files = clientct_files_read(scene.config);
    struct clientct_checker *other;
    struct clientct_verdict verdict;

    ck_assert_ptr_nonnull(files);
    ck_assert(clientct_checker_wants_tls_scts(checker) && !clientct_checker_refuses_resumption(checker));
    clientct_record_resumption(checker); /* records nothing before recording has begun */
    scene_configure(&scene, "policy = one\naudit = none\nsources = embedded\nresumption = refuse\n");
    clientct_checker_reload(checker, CLIENTCT_AT_CONTEXT);
    ck_assert(!clientct_checker_wants_tls_scts(checker) && clientct_checker_refuses_resumption(checker));
    clientct_checker_start_recording(checker);
    clientct_record_resumption(checker);
    ck_assert_int_eq(unlink(scene.config), 0);
    other = clientct_checker_new_from(scene.config, files);
    ck_assert(!clientct_decide(other, &unlogged.input, &verdict));
    clientct_verdict_clear(&verdict);
    clientct_checker_free(other);
    clientct_files_free(files);
    clientct_files_free(NULL);
}
END_TEST

/* Two names were shown, and the rule for the second one is stricter. */
START_TEST(the_strictest_of_the_names_that_were_shown_decides)
{
    static const char *const names[] = { "open.test", "strict.test" };
    struct clientct_input input = logged.input;
    struct clientct_verdict verdict;

    scene_configure(&scene, "policy = one\naudit = none\nrules = rs\n[rs]\ns = s\n[s]\nserver_name = strict.test\n"
                            "policy = two\n[two]\nmin_scts = 2\n");
    clientct_checker_reload(checker, CLIENTCT_AT_CONTEXT);
    input.server_name = names[0];
    ck_assert(clientct_decide(checker, &input, &verdict));
    clientct_verdict_clear(&verdict);
    input.shown_server_names = names;
    input.shown_server_name_count = 2;
    ck_assert(!clientct_decide(checker, &input, &verdict));
    ck_assert_int_eq(verdict.reason, CLIENTCT_TOO_FEW_SCTS);
    clientct_verdict_clear(&verdict);
    input.shown_server_name_count = CLIENTCT_SERVER_NAMES_MAX + 1;
    input.shown_server_names = (const char *const[]){ "a", "b", "c", "d", "e" };
    ck_assert(!clientct_decide(checker, &input, &verdict));
    ck_assert_int_eq(verdict.reason, CLIENTCT_TOO_MANY_NAMES);
    clientct_verdict_clear(&verdict);
}
END_TEST

/* A log list that is none because of the file that it is. */
START_TEST(files_that_no_list_can_be_are_named)
{
    static const struct {
        const char *name, *words;
    } rows[] = { { "directory", "is not a regular file" }, { "large", "is larger than" } };
    char path[2][128], text[600];

    for (int i = 0; i < 2; i++) {
        struct clientct_state state;

        snprintf(path[i], sizeof path[i], "%s/%s", scene.dir, rows[i].name);
        if (i == 0) {
            ck_assert_int_eq(mkdir(path[i], 0700), 0);
        } else {
            scene_put(&scene, "large", "x", 1);
            ck_assert_int_eq(truncate(path[i], (11 << 20)), 0);
        }
        snprintf(text, sizeof text, "log_list = %s\naudit = none\n", path[i]);
        pki_write_file(scene.config, (const uint8_t *)text, strlen(text));
        clientct_checker_reload(checker, CLIENTCT_AT_CONTEXT);
        clientct_checker_get_state(checker, &state);
        ck_assert_msg(state.lists_failed && strstr(state.why, rows[i].words) != NULL, "%s: %s", rows[i].name,
                      state.why);
    }
    rmdir(path[0]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("checker");
    TCase *tc = tcase_create("checker");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 600);
    tcase_add_test(tc, older_questions_are_answered);
    tcase_add_test(tc, the_strictest_of_the_names_that_were_shown_decides);
    tcase_add_test(tc, files_that_no_list_can_be_are_named);
    tcase_add_test(tc, a_changed_mode_is_in_force_after_the_reload);
    tcase_add_loop_test(tc, a_file_is_seen_to_change_however_it_is_written, 0, WAYS_OF_WRITING);
    tcase_add_test(tc, state_says_what_is_in_force);
    tcase_add_test(tc, a_handshake_looks_at_most_once_a_second);
    tcase_add_loop_test(tc, a_file_that_never_holds_still_starves_nobody, 0, 2);
    tcase_add_test(tc, what_was_read_early_lets_good_clients_in);
    tcase_add_loop_test(tc, files_in_another_root_directory_are_not_ours, 0, 4);
    tcase_add_test(tc, what_holds_still_does_not_wait_for_what_does_not);
    tcase_add_test(tc, with_reload_context_a_handshake_never_looks);
    tcase_add_test(tc, denies_all_until_a_configuration_can_be_read);
    tcase_add_test(tc, a_process_that_cannot_see_its_files_any_more_goes_on);
    tcase_add_test(tc, reloads_under_load_grow_nothing_and_change_no_verdict);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
