/* SPDX-License-Identifier: Apache-2.0 */
/* Output: text that cannot play tricks on a terminal, and JSON. */
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/problems.h"
#include "tool/tool.h"

noreturn void tool_out_of_memory(void)
{
    fputs("clientct: out of memory\n", stderr);
    exit(TOOL_UNDECIDED);
}

void *tool_grown(void *items, size_t count, size_t *room, size_t size)
{
    if (count == *room) {
        *room = *room == 0 ? 64 : *room * 2;
        items = reallocarray(items, *room, size);
        if (items == NULL) {
            tool_out_of_memory();
        }
    }
    return items;
}

int tool_finish_output(int code)
{
    if (fflush(stdout) != 0 || ferror(stdout) != 0) {
        tool_error("standard output could not be written; the answer is incomplete");
        return TOOL_UNDECIDED;
    }
    return code;
}

char *tool_escaped(const char *text, size_t len)
{
    /* \x1b takes the place of one byte */
    char *out = len < SIZE_MAX / 8 ? malloc(len * 4 + 1) : NULL;
    char *to = out;

    if (out == NULL) {
        tool_out_of_memory();
    }
    for (size_t i = 0; i < len;) {
        size_t step = ct_plain_character((struct ct_bytes){ (const uint8_t *)text + i, len - i });
        if (step > 0) {
            memcpy(to, text + i, step);
            to += step;
            i += step;
        } else {
            to += sprintf(to, "\\x%02x", (unsigned char)text[i++]);
        }
    }
    *to = '\0';
    return out;
}

static char *format_list(const char *format, va_list list) __attribute__((format(printf, 1, 0)));
static char *format_list(const char *format, va_list list)
{
    char *text = NULL;

    if (vasprintf(&text, format, list) < 0) {
        tool_out_of_memory();
    }
    return text;
}

char *tool_format(const char *format, ...)
{
    va_list list;

    va_start(list, format);
    char *text = format_list(format, list);
    va_end(list);
    return text;
}

static bool colour_wanted(void)
{
    static int known = -1;

    if (known < 0) {
        const char *no_colour = getenv("NO_COLOR");
        const char *terminal = getenv("TERM");
        known = isatty(STDOUT_FILENO) && (no_colour == NULL || no_colour[0] == '\0') && terminal != NULL &&
                strcmp(terminal, "dumb") != 0;
    }
    return known == 1;
}

static void put_escaped(FILE *to, const char *format, va_list list) __attribute__((format(printf, 2, 0)));
static void put_escaped(FILE *to, const char *format, va_list list)
{
    char *text = format_list(format, list);
    char *escaped = tool_escaped(text, strlen(text));

    fputs(escaped, to);
    free(escaped);
    free(text);
}

#define PROGRESS_NS INT64_C(200000000)
#define PROGRESS_CLEAR "\r\033[K"

/* One thread at a time speaks to standard error; an error clears the progress. */
static pthread_mutex_t speaking = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static bool progress_shown;

void tool_progress_end(void)
{
    pthread_mutex_lock(&speaking);
    if (progress_shown) {
        fputs(PROGRESS_CLEAR, stderr);
        progress_shown = false;
    }
    pthread_mutex_unlock(&speaking);
}

void tool_progress(const char *format, ...)
{
    static int on_terminal = -1;
    static int64_t said_ns;
    int64_t now_ns;
    va_list list;

    pthread_mutex_lock(&speaking);
    if (on_terminal < 0) {
        on_terminal = isatty(STDERR_FILENO) == 1;
        said_ns = ct_monotonic_ns();
    }
    now_ns = on_terminal ? ct_monotonic_ns() : 0;
    if (on_terminal && now_ns - said_ns >= PROGRESS_NS) {
        said_ns = now_ns;
        progress_shown = true;
        fputs(PROGRESS_CLEAR, stderr);
        va_start(list, format);
        put_escaped(stderr, format, list);
        va_end(list);
    }
    pthread_mutex_unlock(&speaking);
}

void tool_put(enum tool_style style, const char *format, ...)
{
    static const char *const codes[] = {
        [TOOL_PLAIN] = "",        [TOOL_BOLD] = "\033[1m", [TOOL_DIM] = "\033[2m",
        [TOOL_GOOD] = "\033[32m", [TOOL_BAD] = "\033[31m", [TOOL_CAUTION] = "\033[33m",
    };
    bool styled = style != TOOL_PLAIN && colour_wanted();
    va_list list;

    tool_progress_end();
    fputs(styled ? codes[style] : "", stdout);
    va_start(list, format);
    put_escaped(stdout, format, list);
    va_end(list);
    fputs(styled ? "\033[0m" : "", stdout);
}

void tool_end_line(void)
{
    putchar('\n');
}

void tool_line(const char *format, ...)
{
    va_list list;

    tool_progress_end();
    va_start(list, format);
    put_escaped(stdout, format, list);
    va_end(list);
    tool_end_line();
}

void tool_error(const char *format, ...)
{
    va_list list;

    pthread_mutex_lock(&speaking);
    tool_progress_end();
    fputs("clientct: ", stderr);
    va_start(list, format);
    put_escaped(stderr, format, list);
    va_end(list);
    fputc('\n', stderr);
    pthread_mutex_unlock(&speaking);
}

void tool_warning(const char *format, ...)
{
    va_list list;

    pthread_mutex_lock(&speaking);
    tool_progress_end();
    fputs("clientct: warning: ", stderr);
    va_start(list, format);
    put_escaped(stderr, format, list);
    va_end(list);
    fputc('\n', stderr);
    pthread_mutex_unlock(&speaking);
}

/* The last millisecond of the year 9999, where RFC 3339 ends. */
#define CALENDAR_END_MS UINT64_C(253402300799999)

void tool_time_format(uint64_t ms, char out[TOOL_TIME_SIZE])
{
    if (ms > CALENDAR_END_MS) {
        snprintf(out, TOOL_TIME_SIZE, "%" PRIu64 " ms after 1970", ms);
    } else {
        ct_time_format((int64_t)ms, out, TOOL_TIME_SIZE);
    }
}

void tool_duration_format(int64_t ms, char *out, size_t size)
{
    static const struct {
        int64_t ms;
        const char *name;
    } units[] = {
        { CT_DAY_MS, "day" },
        { 3600 * CT_SECOND_MS, "hour" },
        { 60 * CT_SECOND_MS, "minute" },
        { CT_SECOND_MS, "second" },
    };
    size_t unit = 0;

    while (unit < 3 && ms < 2 * units[unit].ms) {
        unit++;
    }
    int64_t count = ms / units[unit].ms;
    snprintf(out, size, "%" PRId64 " %s%s", count, units[unit].name, count == 1 ? "" : "s");
}

bool tool_time_parse(const char *text, int64_t *ms)
{
    size_t digits = strspn(text, "0123456789");

    if (digits > 0 && text[digits] == '\0') {
        int64_t seconds = digits <= 12 ? (int64_t)strtoll(text, NULL, 10) : INT64_MAX;
        if (seconds > (int64_t)(CALENDAR_END_MS / CT_SECOND_MS)) {
            return false;
        }
        *ms = seconds * CT_SECOND_MS;
        return true;
    }
    return ct_time_parse(text, ms);
}

static json_t *kept(json_t *value)
{
    if (value == NULL) {
        tool_out_of_memory();
    }
    return value;
}

void tool_put_html(FILE *to, const char *text, size_t max)
{
    char *plain = tool_escaped(text, strlen(text));
    size_t shown = 0;

    for (const char *at = plain; *at != '\0'; at++) {
        if (((unsigned char)*at & 0xc0) != 0x80 && shown++ == max) {
            fputs("…", to);
            break;
        }
        switch (*at) {
        case '&':
            fputs("&amp;", to);
            break;
        case '<':
            fputs("&lt;", to);
            break;
        case '>':
            fputs("&gt;", to);
            break;
        case '"':
            fputs("&quot;", to);
            break;
        case '\'':
            fputs("&#39;", to);
            break;
        default:
            putc(*at, to);
            break;
        }
    }
    free(plain);
}

json_t *tool_json_text(const char *text)
{
    if (text == NULL) {
        return json_null();
    }
    json_t *value = json_string(text);
    if (value == NULL) {
        /* jansson takes UTF-8 only */
        char *escaped = tool_escaped(text, strlen(text));
        value = json_string(escaped);
        free(escaped);
    }
    return kept(value);
}

json_t *tool_json_hex(const uint8_t *data, size_t len)
{
    char *hex = malloc(2 * len + 1);

    if (hex == NULL) {
        tool_out_of_memory();
    }
    ct_hex(data, len, hex);
    json_t *value = kept(json_string(hex));
    free(hex);
    return value;
}

json_t *tool_json_time(int64_t ms)
{
    char text[TOOL_TIME_SIZE];

    ct_time_format(ms, text, sizeof text);
    return kept(json_string(text));
}

json_t *tool_json_bool(bool value)
{
    return json_boolean(value);
}

json_t *tool_json_count(uint64_t value)
{
    return kept(json_integer((json_int_t)value));
}

json_t *tool_json_object(void)
{
    return kept(json_object());
}

json_t *tool_json_array(void)
{
    return kept(json_array());
}

void tool_json_set(json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, kept(value)) != 0) {
        tool_out_of_memory();
    }
}

void tool_json_append(json_t *array, json_t *value)
{
    if (json_array_append_new(array, kept(value)) != 0) {
        tool_out_of_memory();
    }
}

void tool_json_put(json_t *value, int indent, size_t less, FILE *to)
{
    /* In pure ASCII no character can play tricks on a terminal; DEL is the one that jansson leaves as it is. */
    char *text = json_dumps(value, JSON_INDENT(2) | JSON_ENSURE_ASCII | JSON_ENCODE_ANY);

    if (text == NULL) {
        tool_out_of_memory();
    }
    text[strlen(text) - less] = '\0';
    for (const char *at = text; *at != '\0';) {
        size_t len = strcspn(at, "\x7f\n");

        fwrite(at, 1, len, to);
        at += len;
        if (*at == '\n') {
            fprintf(to, "\n%*s", indent, "");
            at++;
        } else if (*at != '\0') {
            fputs("\\u007f", to);
            at++;
        }
    }
    free(text);
    json_decref(value);
}

void tool_json_print(json_t *value)
{
    tool_json_put(value, 0, 0, stdout);
    putchar('\n');
}
