/* SPDX-License-Identifier: Apache-2.0 */
/* What a process shows of itself to clientct doctor: whoever has taken it over writes what he likes there. */
#include <stdlib.h>
#include <string.h>

#include <clientct/process_status.h>

#include "fuzz.h"
#include "tool/doctor/status.h"

static void parse(const void *data, size_t size)
{
    uint8_t *exact = malloc(size > 0 ? size : 1); /* so that a byte too many is seen */
    struct doctor_state state;

    FUZZ_REQUIRE(exact != NULL);
    memcpy(exact, data, size);
    memset(&state, 0xa5, sizeof state);
    if (doctor_status_parse((struct ct_bytes){ exact, size }, &state) == DOCTOR_STATUS_OK) {
        FUZZ_REQUIRE(state.last_reason < CLIENTCT_REASON_COUNT && state.last_mode <= CLIENTCT_MODE_OFF);
        FUZZ_REQUIRE(state.state.mode <= CLIENTCT_MODE_OFF);
        FUZZ_REQUIRE(memchr(state.state.config_file, 0, sizeof state.state.config_file) != NULL);
        FUZZ_REQUIRE(memchr(state.state.why, 0, sizeof state.state.why) != NULL);
    }
    free(exact);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ct_process_status status;

    parse(data, size);
    if (size >= sizeof status) { /* and once more with the head and the checksums right */
        memcpy((void *)&status, data, sizeof status);
        memcpy(status.magic, CT_PROCESS_STATUS_MAGIC, sizeof status.magic);
        status.version = CT_PROCESS_STATUS_VERSION;
        status.size = sizeof status;
        for (int i = 0; i < 2; i++) {
            status.states[i].checksum = ct_process_state_checksum(&status.states[i]);
        }
        parse(&status, sizeof status);
    }
    return 0;
}
