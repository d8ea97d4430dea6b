-- Points and caps of pg_sphere, of unit vectors; what an index finds by them is tested exactly afterwards.

CREATE OR REPLACE FUNCTION archive.sky_point(x float8, y float8, z float8) RETURNS spoint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT spoint(atan2(y, x), atan2(z, sqrt(x * x + y * y))) $$;

-- The cap is 1e-8 radians wider than asked for: pg_sphere takes for equal what is 1e-9 apart.
CREATE OR REPLACE FUNCTION archive.sky_cap(x float8, y float8, z float8, chord float8) RETURNS scircle
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT scircle(spoint(atan2(y, x), atan2(z, sqrt(x * x + y * y))), 2 * asin(chord / 2) + 1e-8)
$$;
