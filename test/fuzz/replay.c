/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The main of a fuzz target where there is no fuzzer: runs every file of a
 * corpus, and bounded, always equal mutations of it, so that the corpus is part
 * of the ordinary test suite. usage: fuzz_<input> DIRECTORY|FILE…
 */
#include "fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define INPUT_MAX ((size_t)16 << 20)
/* Mutations of one kind of one file; what is longer is mutated at evenly spread places. */
#define PLACES_MAX 1024
/* A target's cost grows with its input: at most this many bytes of mutated input of one kind of one file. */
#define MUTATED_BYTES_MAX ((size_t)8 << 20)

static unsigned tests, failures;
static char running[512]; /* what to name when the target dies */

static void say_where(void)
{
    (void)!write(STDERR_FILENO, running, strlen(running));
}

static void on_fatal_signal(int signal_number)
{
    say_where();
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

/* Present when a sanitizer is linked in: its report ends the process without a signal. */
extern void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

/* A block of exactly the input's size lets AddressSanitizer see a read of one byte too many. */
static void run(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);

    if (copy == NULL) {
        fprintf(stderr, "out of memory for %zu bytes\n", size);
        exit(1);
    }
    if (size > 0) {
        memcpy(copy, data, size);
    }
    (void)LLVMFuzzerTestOneInput(size > 0 ? copy : copy + 1, size);
    free(copy);
}

static size_t step_for(size_t size)
{
    size_t places = size > 0 ? MUTATED_BYTES_MAX / size : 1;

    if (places > PLACES_MAX) {
        places = PLACES_MAX;
    }
    return places > 0 && size > places ? (size + places - 1) / places : places > 0 ? 1 : size;
}

static void run_with_mutations(const char *path, uint8_t *data, size_t size)
{
    static const uint8_t flips[] = { 0x01, 0x80, 0xff };
    size_t step = step_for(size);

    snprintf(running, sizeof running, "# while running %s\n", path);
    run(data, size);
    for (size_t at = 0; at < size; at += step) {
        snprintf(running, sizeof running, "# while running %s cut to %zu bytes\n", path, at);
        run(data, at);
    }
    for (size_t kind = 0; kind < sizeof flips; kind++) {
        for (size_t at = 0; at < size; at += step) {
            snprintf(running, sizeof running, "# while running %s with byte %zu ^ %#x\n", path, at, flips[kind]);
            data[at] ^= flips[kind];
            run(data, size);
            data[at] ^= flips[kind];
        }
    }
    running[0] = '\0';
}

static void fail(const char *path, const char *why)
{
    printf("not ok %u - %s: %s\n", ++tests, path, why);
    failures++;
}

static void replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data = NULL;
    struct stat st;

    if (file == NULL || fstat(fileno(file), &st) != 0) {
        fail(path, strerror(errno));
        goto out;
    }
    if (!S_ISREG(st.st_mode) || (uintmax_t)st.st_size > INPUT_MAX) {
        fail(path, "not a regular file of a size for a corpus");
        goto out;
    }
    data = malloc((size_t)st.st_size + 1);
    if (data == NULL || fread(data, 1, (size_t)st.st_size, file) != (size_t)st.st_size) {
        fail(path, "cannot be read whole");
        goto out;
    }
    run_with_mutations(path, data, (size_t)st.st_size);
    printf("ok %u - %s\n", ++tests, strrchr(path, '/') != NULL ? strrchr(path, '/') + 1 : path);
out:
    free(data);
    if (file != NULL) {
        fclose(file);
    }
}

static int visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void replay_directory(const char *directory)
{
    struct dirent **entries = NULL;
    int count = scandir(directory, &entries, visible, alphasort);

    if (count <= 0) {
        fail(directory, count == 0 ? "an empty corpus tests nothing" : strerror(errno));
    }
    for (int i = 0; i < count; i++) {
        char path[4096];

        snprintf(path, sizeof path, "%s/%s", directory, entries[i]->d_name);
        replay_file(path);
        free(entries[i]);
    }
    free(entries);
}

int main(int argc, char **argv)
{
    static const int fatal[] = { SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL };

    for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++) {
        signal(fatal[i], on_fatal_signal);
    }
    if (__sanitizer_set_death_callback != NULL) {
        __sanitizer_set_death_callback(say_where);
    }
    run(NULL, 0);
    for (int i = 1; i < argc; i++) {
        struct stat st;

        if (stat(argv[i], &st) == 0 && !S_ISDIR(st.st_mode)) {
            replay_file(argv[i]);
        } else {
            replay_directory(argv[i]);
        }
    }
    printf("1..%u\n", tests);
    return failures > 0 || tests == 0 ? 1 : 0;
}
