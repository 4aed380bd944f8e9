/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lines of one server of a fleet, made of another one's: its name and the ids of its processes are its own, and so
 * is every other certificate; the others are clients of the whole fleet. To standard output.
 * usage: bench_server_lines NUMBER < LINES
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pki.h"

#define LINE_MAX_BYTES 65536

/* Writes the text at a distance behind the other one, where the line has that. */
static void put(char *line, const char *after, size_t distance, const char *text)
{
    char *at = strstr(line, after);

    if (at != NULL && strlen(at) > strlen(after) + distance + strlen(text)) {
        memcpy(at + strlen(after) + distance, text, strlen(text));
    }
}

int main(int argc, char **argv)
{
    static char line[LINE_MAX_BYTES];
    static const char hash[] = "\"tls.client.hash.sha256\":\"";
    char name[16], digits[16];
    unsigned long number = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;

    if (argc != 2 || number > 0xffff) {
        pki_die("usage: bench_server_lines NUMBER < LINES");
    }
    snprintf(name, sizeof name, "s%05lu", number);
    snprintf(digits, sizeof digits, "%06lX", number);
    while (fgets(line, sizeof line, stdin) != NULL) {
        const char *at = strstr(line, hash);

        put(line, "\"process.entity_id\":\"", 0, digits + 2);
        put(line, "\"host.name\":\"", 0, name);
        if (at != NULL && at[sizeof hash - 1] >= '8') { /* half of all hashes */
            put(line, hash, 1, digits);
        }
        if (fputs(line, stdout) == EOF) {
            pki_die("a line cannot be written");
        }
    }
    return ferror(stdin) || fflush(stdout) != 0;
}
