"""The schema in PostgreSQL, as numbered scripts; `version` says how many were applied."""

from typing import Final

from tanzaku.ledger._row import SETTLED_FACTS, STARTED_FACTS

_TABLES: Final = """
CREATE SCHEMA IF NOT EXISTS tanzaku;
CREATE TABLE version (number integer NOT NULL);
INSERT INTO version VALUES (0);
CREATE TABLE started (
    seq bigint PRIMARY KEY,
    exchange_id text COLLATE "C" NOT NULL UNIQUE,
    started_at double precision NOT NULL,
    method text NOT NULL,
    path text NOT NULL,
    model text,
    is_stream integer NOT NULL,
    api_version text,
    reserved_picousd bigint,
    labels json NOT NULL,
    request_headers text NOT NULL,
    request_body bytea NOT NULL
);
CREATE TABLE settled (
    seq bigint PRIMARY KEY REFERENCES started (seq),
    settled_at double precision NOT NULL,
    status integer NOT NULL,
    route text NOT NULL,
    rule text,
    request_id text,
    response_model text,
    stop_reason text,
    input_tokens bigint,
    output_tokens bigint,
    cache_write_tokens bigint,
    cache_read_tokens bigint,
    cost_picousd bigint,
    unpriced text,
    error_type text,
    error_message text,
    ttft_ms double precision,
    total_ms double precision NOT NULL,
    usage text,
    cost_parts_usd text,
    attempts text NOT NULL,
    response_headers text NOT NULL,
    response_body bytea NOT NULL
);
CREATE VIEW exchange AS SELECT * FROM started LEFT JOIN settled USING (seq);
CREATE TABLE mark (name text PRIMARY KEY, seq bigint NOT NULL);
INSERT INTO mark VALUES ('settled', 0), ('pruned', 0), ('emptied', 0);
CREATE TABLE gap (
    noted_at double precision NOT NULL,
    exchanges bigint NOT NULL,
    reason text NOT NULL
);
CREATE TABLE probe (body bytea NOT NULL);
"""

_REFUSE: Final = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE FUNCTION refuse_unless_declared() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.seq > (SELECT seq FROM tanzaku.mark WHERE name = TG_ARGV[0]) THEN
        RAISE EXCEPTION '% is append-only', TG_TABLE_NAME
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER mark_stays BEFORE DELETE ON mark FOR EACH ROW EXECUTE FUNCTION refuse();
CREATE TRIGGER mark_grows BEFORE UPDATE ON mark FOR EACH ROW
    WHEN (NEW.name != OLD.name OR NEW.seq < OLD.seq) EXECUTE FUNCTION refuse();
"""

_GUARDS: Final = "".join(
    f"CREATE TRIGGER {table}_keeps_rows BEFORE DELETE ON {table} FOR EACH ROW "
    "EXECUTE FUNCTION refuse_unless_declared('pruned');"
    f"CREATE TRIGGER {table}_keeps_bodies BEFORE UPDATE ON {table} FOR EACH ROW "
    "EXECUTE FUNCTION refuse_unless_declared('emptied');"
    f"CREATE TRIGGER {table}_keeps_values BEFORE UPDATE OF {', '.join(facts)} ON {table} "
    "FOR EACH ROW EXECUTE FUNCTION refuse();"
    f"CREATE TRIGGER {table}_is_not_cut BEFORE TRUNCATE ON {table} "
    "EXECUTE FUNCTION refuse();"
    for table, facts in (("started", STARTED_FACTS), ("settled", SETTLED_FACTS))
)

SCRIPTS: Final = (_TABLES + _REFUSE + _GUARDS,)
