/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include <clientct/process_status.h>

#include "tool/doctor/status.h"

enum doctor_status_parsed doctor_status_parse(struct ct_bytes bytes, struct doctor_state *out)
{
    static const char magic[] = CT_PROCESS_STATUS_MAGIC;
    struct ct_process_status status;
    const struct ct_process_state *state;
    uint64_t last;

    memset(out, 0, sizeof *out);
    if (bytes.len < sizeof magic - 1 + 2 * sizeof(uint32_t) || memcmp(bytes.data, magic, sizeof magic - 1) != 0) {
        return DOCTOR_STATUS_NONE;
    }
    memset((void *)&status, 0, sizeof status);
    memcpy((void *)&status, bytes.data, bytes.len < sizeof status ? bytes.len : sizeof status);
    if (bytes.len < sizeof status || status.version != CT_PROCESS_STATUS_VERSION || status.size != sizeof status) {
        return DOCTOR_STATUS_OTHER_VERSION;
    }
    out->attached = status.attached;
    out->foreign_calls = status.foreign_calls;
    out->contexts = status.contexts;
    out->contexts_tls = status.contexts_tls;
    out->verdicts = status.verdicts;
    out->refusals = status.refusals;
    for (size_t i = 0; i < CLIENTCT_SESSION_COUNT; i++) {
        out->sessions[i] = status.sessions[i];
    }
    out->last_ms = status.last_ms;
    last = status.last;
    out->last_reason =
        (last & 0xff) < CLIENTCT_REASON_COUNT ? (enum clientct_reason)(last & 0xff) : CLIENTCT_INTERNAL_ERROR;
    out->last_mode =
        (last >> 8 & 0xff) <= CLIENTCT_MODE_OFF ? (enum clientct_mode)(last >> 8 & 0xff) : CLIENTCT_MODE_OFF;
    out->last_accept = (last >> 16 & 1) != 0;

    state = &status.states[status.current % 2];
    if (status.current > 0 && state->checksum == ct_process_state_checksum(state) && state->mode <= CLIENTCT_MODE_OFF) {
        out->known = true;
        out->since_ms = state->since_ms;
        out->state.generation = state->generation;
        memcpy(out->state.digest, state->digest, sizeof out->state.digest);
        out->state.mode = (enum clientct_mode)state->mode;
        out->state.denying = state->denying != 0;
        out->state.settings_failed = state->settings_failed != 0;
        out->state.lists_failed = state->lists_failed != 0;
        out->state.wants_tls_scts = state->wants_tls_scts != 0;
        out->state.logs = (size_t)state->logs;
        memcpy(out->state.config_file, state->config_file, sizeof out->state.config_file - 1);
        memcpy(out->state.why, state->why, sizeof out->state.why - 1);
    }
    return DOCTOR_STATUS_OK;
}

bool doctor_state_denies(const struct clientct_state *state)
{
    return state->denying || (state->mode == CLIENTCT_MODE_ENFORCE && state->logs == 0);
}
