/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs in the order of --help: name, and what it does in one line. Each has its own file with tool_verb_<name>. */
#ifndef CT_TOOL_VERBS_H
#define CT_TOOL_VERBS_H

#define TOOL_VERBS(X) \
    X(verify, "decide about a certificate as a server would, and explain the verdict") \
    X(inspect, "show the SCTs in a certificate, SCT list or OCSP response, without judging") \
    X(logs, "show the logs of a configuration or a log list, and which of them count") \
    X(check, "read the configuration as a server would, and say all that is wrong") \
    X(report, "add up audit lines: who would be locked out if enforcement began today") \
    X(replay, "decide about yesterday's clients with tomorrow's settings: who is locked out, and when") \
    X(doctor, "is it really on? look at a process, a program or a server") \
    X(metrics, "add up what all server processes have counted, for Prometheus") \
    X(submit, "send a certificate to logs, verify their SCTs and keep them") \
    X(enable, "put services under clientct: shows every change, restarts nothing") \
    X(disable, "take back what enable has changed") \
    X(prove, "ask the logs whether they published what they promised") \
    X(monitor, "follow logs: catch those that lie, tell of certificates that nobody should have issued") \
    X(reconcile, "hold the CA's records against the logs and against what servers saw") \
    X(version, "show the versions of clientct and its libraries")

#define TOOL_VERB_DECLARE(name, about) int tool_verb_##name(int argc, char **argv);
TOOL_VERBS(TOOL_VERB_DECLARE)
#undef TOOL_VERB_DECLARE

#endif
