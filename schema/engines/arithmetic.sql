-- Arithmetic of real numbers for PostgreSQL, which fails where a result is too large or too small: the first is NULL here,
-- the second 0, as everywhere.

CREATE OR REPLACE FUNCTION archive.real_product(a float8, b float8) RETURNS float8
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    large float8 := greatest(abs(a), abs(b)); small float8 := least(abs(a), abs(b));
BEGIN
    IF large BETWEEN 1e-150 AND 1e150 AND small > 1e-150 THEN
        RETURN a * b;
    ELSIF NOT large <= 1.7976931348623157e308 OR large > 1 AND small > 1.7976931348623155e308 / large THEN
        RETURN NULL;
    ELSIF small > 0 AND small < 1e-150 AND (large < 1e-174 OR (small * 1e200) * large < 2.4703282292062328e-124) THEN
        RETURN 0;
    END IF;
    RETURN a * b;
END $$;

CREATE OR REPLACE FUNCTION archive.real_quotient(a float8, b float8) RETURNS float8
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    over float8 := abs(a); under float8 := abs(b);
BEGIN
    IF over BETWEEN 1e-150 AND 1e150 AND under BETWEEN 1e-150 AND 1e150 THEN
        RETURN a / b;
    ELSIF under = 0 OR NOT (over <= 1.7976931348623157e308 AND under <= 1.7976931348623157e308)
        OR under < 1 AND over > 1.7976931348623155e308 * under THEN
        RETURN NULL;
    ELSIF under > 1 AND over > 0 AND over < 1e-15 AND over * 1e200 < 2.4703282292062328e-124 * under THEN
        RETURN 0;
    END IF;
    RETURN a / b;
END $$;

CREATE OR REPLACE FUNCTION archive.real_sum(a float8, b float8) RETURNS float8
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
    IF NOT abs(0.5 * a + 0.5 * b) <= 0.5 * 1.7976931348623155e308 THEN
        RETURN NULL;
    END IF;
    RETURN a + b;
END $$;

-- Once it is NULL it stays so.
CREATE OR REPLACE AGGREGATE archive.real_total(float8) (
    SFUNC = archive.real_sum, STYPE = float8, COMBINEFUNC = archive.real_sum, PARALLEL = SAFE
);

CREATE OR REPLACE FUNCTION archive.real_words(written text, size float8) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
    IF size < 1e16 AND written LIKE '%e+%' THEN
        written := written::numeric::text;
    END IF;
    RETURN CASE WHEN written ~ '^-?[0-9]+$' THEN written || '.0' ELSE written END;
END $$;

-- Whole numbers end in .0, and powers of ten stand from 1e+16 on.
CREATE OR REPLACE FUNCTION archive.real_text(number float8) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT archive.real_words(number::text, abs(number)) $$;

CREATE OR REPLACE FUNCTION archive.real_text(number float4) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT archive.real_words(number::text, abs(number)) $$;
