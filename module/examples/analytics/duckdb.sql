-- SPDX-License-Identifier: Apache-2.0
-- Audit lines of clientct in DuckDB: duckdb -cmd "SET VARIABLE files = '/var/log/clientct/*.json'" -init duckdb.sql
-- For Parquet, COPY (FROM audit) TO 'audit.parquet' and SET VARIABLE parquet = 'audit.parquet'; then use
-- `CREATE OR REPLACE VIEW audit AS FROM read_parquet(getvariable('parquet'))`: all other views stay as they are.
--
-- Why the columns are named here, each with its type: keys have dots in them and are not nested, so that a column is
-- "clientct.reason"; a type that is guessed from the first lines is wrong for fields that come seldom
-- (clientct.dropped, clientct.chain); and a field that is not there is NULL, where <> 'accept' would be NULL, too.
SET TimeZone = 'UTC';

CREATE OR REPLACE VIEW audit AS
SELECT
    "@timestamp"                AS seen,
    "event.action"              AS action,
    "event.sequence"            AS sequence,
    "process.pid"               AS pid,
    "process.name"              AS process,
    "process.entity_id"         AS entity,
    "host.name"                 AS host,
    coalesce("clientct.dropped", 0) AS dropped,
    "tls.client.hash.sha256"    AS sha256,
    -- a client without a subject is known by the first of its other names
    coalesce(nullif("tls.client.subject", ''), "tls.client.x509.alternative_names"[1], '(no subject)') AS name,
    coalesce(nullif("tls.client.issuer", ''), '(no issuer)') AS issuer,
    coalesce("tls.client.not_after", "tls.client.x509.not_after") AS not_after,
    coalesce("clientct.chain", '') = 'rejected' AS stranger,
    "clientct.verdict"          AS verdict,
    "clientct.would_be"         AS would_be,
    "clientct.reason"           AS reason,
    "clientct.shadow.policy"    AS shadow_policy,
    "clientct.shadow.compliant" AS shadow_compliant,
    "clientct.extended_key_usage" AS usages,
    "clientct.scts"             AS scts
FROM read_json(getvariable('files'), format = 'newline_delimited', ignore_errors = true, columns = {
    '@timestamp': 'TIMESTAMP', 'event.module': 'VARCHAR', 'event.action': 'VARCHAR', 'event.sequence': 'UBIGINT',
    'process.pid': 'UBIGINT', 'process.name': 'VARCHAR', 'process.entity_id': 'VARCHAR', 'host.name': 'VARCHAR',
    'clientct.dropped': 'UBIGINT', 'tls.client.hash.sha256': 'VARCHAR', 'tls.client.subject': 'VARCHAR',
    'tls.client.x509.alternative_names': 'VARCHAR[]', 'tls.client.issuer': 'VARCHAR',
    'tls.client.not_after': 'TIMESTAMP', 'tls.client.x509.not_after': 'TIMESTAMP', 'clientct.chain': 'VARCHAR',
    'clientct.verdict': 'VARCHAR', 'clientct.would_be': 'VARCHAR', 'clientct.reason': 'VARCHAR',
    'clientct.shadow.policy': 'VARCHAR', 'clientct.shadow.compliant': 'BOOLEAN',
    'clientct.extended_key_usage': 'VARCHAR[]', 'clientct.scts': 'STRUCT(log_id VARCHAR, status VARCHAR)[]' })
WHERE "event.module" = 'clientct' AND "@timestamp" IS NOT NULL AND "event.action" IS NOT NULL;

-- What somebody could be locked out by: verdicts (not with mode = off) about chains that verified.
CREATE OR REPLACE VIEW decisions AS
SELECT *, would_be <> 'accept' AS would_refuse
FROM audit
WHERE action = 'client-certificate' AND verdict IS NOT NULL AND reason IS NOT NULL AND NOT stranger
  AND would_be IS NOT NULL;

-- A certificate stands as its latest line says; of two lines of one moment the refusal counts.
CREATE OR REPLACE VIEW certificates AS
SELECT *, would_refuse AND NOT coalesce(not_after < now() AT TIME ZONE 'UTC', false) AS locked_out
FROM (
    SELECT sha256, min(name) AS name, min(issuer) AS issuer, count(*) AS decisions,
           count(*) FILTER (would_refuse) AS refusals, min(seen) AS first_seen, max(seen) AS last_seen,
           arg_max(would_refuse, (seen, would_refuse)) AS would_refuse,
           arg_max(reason, (seen, would_refuse)) AS reason,
           -- NULLs count here: arg_max would pass them over
           arg_max({'v': not_after}, (seen, would_refuse)).v AS not_after,
           arg_max({'v': shadow_compliant}, (seen, would_refuse)).v AS shadow_compliant,
           arg_max({'v': usages}, (seen, would_refuse)).v AS usages
    FROM decisions WHERE sha256 IS NOT NULL GROUP BY sha256);

-- Whoever has one name from one issuer, with whatever certificates. Those that renew come back in spite of a date.
CREATE OR REPLACE VIEW clients AS
SELECT *, would_refuse AND (NOT coalesce(not_after < now() AT TIME ZONE 'UTC', false)
                            OR (renews AND last_seen >= (SELECT max(seen) FROM decisions) - INTERVAL 7 DAY)) AS locked_out
FROM (
    SELECT issuer, name, count(*) AS decisions, min(seen) AS first_seen, max(seen) AS last_seen,
           min(sha256) <> max(sha256) AS renews,
           arg_max(would_refuse, (seen, would_refuse)) AS would_refuse,
           arg_max(reason, (seen, would_refuse)) AS reason,
           arg_max({'v': not_after}, (seen, would_refuse)).v AS not_after
    FROM decisions WHERE sha256 IS NOT NULL GROUP BY issuer, name);

CREATE OR REPLACE VIEW missing_lines AS
SELECT coalesce(sum(greatest(lowest_to_highest - lines, 0)), 0)::UBIGINT AS missing
FROM (SELECT (max(sequence) - min(sequence) + 1)::BIGINT AS lowest_to_highest, count(*) AS lines
      FROM audit WHERE sequence > 0 GROUP BY coalesce(entity, pid || ' ' || process));

-- As `clientct report --json` names them.
CREATE OR REPLACE VIEW report AS
SELECT
    (SELECT count(*) FROM audit) AS vouched_lines,
    (SELECT coalesce(sum(dropped), 0)::UBIGINT FROM audit) AS lost_lines,
    (SELECT missing FROM missing_lines) AS missing_lines,
    (SELECT count(*) FROM audit WHERE action = 'client-certificate' AND stranger) AS rejected_chains,
    d.*, c.*, k.*
FROM (SELECT count(*) AS decisions, count(*) FILTER (NOT would_refuse) AS would_accept,
             count(*) FILTER (would_refuse) AS would_refuse, count(*) FILTER (verdict <> 'accept') AS refused,
             count(*) FILTER (sha256 IS NULL) AS without_certificate, min(seen) AS first, max(seen) AS last
      FROM decisions) d,
     (SELECT count(*) AS certificates, count(*) FILTER (NOT would_refuse) AS compliant,
             count(*) FILTER (locked_out) AS locked_out, count(*) FILTER (would_refuse AND NOT locked_out) AS expired,
             count(*) FILTER (NOT would_refuse AND NOT shadow_compliant) AS shadow_would_refuse_more,
             count(*) FILTER (would_refuse AND shadow_compliant) AS shadow_would_accept_more
      FROM certificates) c,
     (SELECT count(*) AS clients, count(*) FILTER (renews) AS clients_with_several_certificates,
             count(*) FILTER (locked_out) AS clients_locked_out FROM clients) k;

CREATE OR REPLACE VIEW reasons AS
SELECT name, refusals_in_period, coalesce(locked_out, 0) AS locked_out, coalesce(decisions, 0)::UBIGINT AS decisions
FROM (SELECT reason AS name, count(*) FILTER (would_refuse) AS refusals_in_period FROM decisions GROUP BY 1)
LEFT JOIN (SELECT reason AS name, count(*) AS locked_out, sum(refusals) AS decisions
           FROM certificates WHERE locked_out GROUP BY 1) USING (name);

CREATE OR REPLACE VIEW issuers AS
SELECT name, refusals_in_period, coalesce(locked_out, 0) AS locked_out, coalesce(decisions, 0)::UBIGINT AS decisions
FROM (SELECT issuer AS name, count(*) FILTER (would_refuse) AS refusals_in_period
      FROM decisions WHERE sha256 IS NOT NULL GROUP BY 1)
LEFT JOIN (SELECT issuer AS name, count(*) AS locked_out, sum(refusals) AS decisions
           FROM certificates WHERE locked_out GROUP BY 1) USING (name);

CREATE OR REPLACE VIEW unknown_logs AS
SELECT lower(sct.log_id) AS name, count(*) AS lines
FROM (SELECT unnest(scts) AS sct FROM decisions)
WHERE sct.status = 'unknown-log' AND sct.log_id IS NOT NULL GROUP BY 1;

CREATE OR REPLACE VIEW days AS
SELECT seen::DATE AS day, count(*) FILTER (NOT would_refuse) AS accepted, count(*) FILTER (would_refuse) AS refused
FROM decisions GROUP BY 1;
