/* SPDX-License-Identifier: Apache-2.0 */
#include "status.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* With a value that is not zero, so that it lies in the file's own pages and carries its name in /proc/PID/maps. */
static struct ct_process_status status __attribute__((used, aligned(CT_PROCESS_STATUS_ALIGN))) = {
    .magic = CT_PROCESS_STATUS_MAGIC,
    .version = CT_PROCESS_STATUS_VERSION,
    .size = sizeof(struct ct_process_status),
};

static int64_t now_ms(void)
{
    struct timespec now;

    return clock_gettime(CLOCK_REALTIME, &now) != 0 ? 0 : (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void ct_status_attached(enum ct_attached attached)
{
    if (attached == CT_ATTACHED_OTHER_LIBCRYPTO || attached == CT_ATTACHED_HANDED_ON) {
        uint32_t not_yet = CT_ATTACHED_NOT_YET;

        atomic_fetch_add(&status.foreign_calls, attached == CT_ATTACHED_OTHER_LIBCRYPTO ? 1 : 0);
        atomic_compare_exchange_strong(&status.attached, &not_yet, attached);
        return;
    }
    atomic_store(&status.attached, attached);
}

void ct_status_context(bool asks)
{
    atomic_fetch_add(&status.contexts, 1);
    if (asks) {
        atomic_fetch_add(&status.contexts_tls, 1);
    }
}

static bool is_shown(const struct clientct_state *state)
{
    const struct ct_process_state *shown = &status.states[atomic_load(&status.current) % 2];

    return shown->generation == state->generation && shown->denying == state->denying &&
           shown->mode == (uint8_t)state->mode && shown->settings_failed == state->settings_failed &&
           shown->lists_failed == state->lists_failed && strcmp(shown->why, state->why) == 0;
}

/* A process that was forked while its parent's thread wrote finds that thread's mark, which nobody would take away. */
static bool begin_to_write(void)
{
    uint32_t self = (uint32_t)getpid();
    uint32_t writer = atomic_load(&status.writer);

    return writer != self && atomic_compare_exchange_strong(&status.writer, &writer, self);
}

void ct_status_checker(struct clientct_checker *checker)
{
    struct clientct_state state;
    struct ct_process_state *next;

    clientct_checker_get_state(checker, &state);
    if (is_shown(&state) || !begin_to_write()) {
        return;
    }
    next = &status.states[(atomic_load(&status.current) + 1) % 2];
    memset(next, 0, sizeof *next);
    next->generation = state.generation;
    next->since_ms = now_ms();
    next->logs = state.logs;
    memcpy(next->digest, state.digest, sizeof next->digest);
    next->mode = (uint8_t)state.mode;
    next->denying = state.denying;
    next->settings_failed = state.settings_failed;
    next->lists_failed = state.lists_failed;
    next->wants_tls_scts = state.wants_tls_scts;
    snprintf(next->config_file, sizeof next->config_file, "%s", state.config_file);
    snprintf(next->why, sizeof next->why, "%s", state.why);
    next->checksum = ct_process_state_checksum(next);
    atomic_fetch_add(&status.current, 1);
    atomic_store(&status.writer, 0);
}

void ct_status_verdict(struct clientct_checker *checker, const struct clientct_verdict *verdict)
{
    uint64_t last = (uint64_t)verdict->reason | (uint64_t)verdict->mode << 8 | (uint64_t)verdict->accept << 16 |
                    (uint64_t)verdict->decided << 17;
    const struct ct_process_state *shown = &status.states[atomic_load(&status.current) % 2];

    atomic_store_explicit(&status.last, last, memory_order_relaxed);
    atomic_store_explicit(&status.last_ms, now_ms(), memory_order_relaxed);
    atomic_fetch_add_explicit(&status.verdicts, 1, memory_order_relaxed);
    if (!verdict->accept) {
        atomic_fetch_add_explicit(&status.refusals, 1, memory_order_relaxed);
    }
    /* A repeated verdict under the same settings has no news. */
    if (checker != NULL && (verdict->generation != shown->generation ||
                            (verdict->reason == CLIENTCT_CONFIG_ERROR) != (shown->denying != 0))) {
        ct_status_checker(checker);
    }
}

void ct_status_session(enum clientct_session session)
{
    _Static_assert(CLIENTCT_SESSION_COUNT <= sizeof status.sessions / sizeof status.sessions[0], "room for all");

    atomic_fetch_add_explicit(&status.sessions[session], 1, memory_order_relaxed);
}

bool ct_status_is_rehearsal(void)
{
    return atomic_load_explicit(&status.rehearsal, memory_order_relaxed) != 0;
}
