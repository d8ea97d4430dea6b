-- Functions of the sphere for PostgreSQL, the counterpart of schema/spatial/arcs.py, shapes.py and footprints.py.
--
-- A region is a list of numbers as schema/spatial/shapes.py has it, in degrees. Its parts are one array too: for each part
-- the number of its vertices (1 for a circle), the radius in radians (0 for a polygon), and the unit vectors of the
-- vertices; polygons run counter-clockwise as seen from outside. Functions of parts take the place `at` of a part and its
-- vertices `n`. 1e-12 radians is the width of an edge.

CREATE OR REPLACE FUNCTION archive.healpix_index(k bigint, lon float8, lat float8) RETURNS bigint
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    side bigint; z float8; t float8; quadrant bigint; width float8; p bigint; m bigint; face bigint; x bigint; y bigint;
BEGIN
    -- Comparisons with NaN: it is larger than all numbers.
    IF k NOT BETWEEN 0 AND 29 OR abs(lat) > 90 OR abs(lon) >= 1e15 THEN
        RETURN NULL;
    END IF;
    side := 1::bigint << k::integer;
    z := sin(radians(lat));
    t := (lon - 360 * floor(lon / 360)) / 90;
    IF abs(z) > 2.0::float8 / 3 THEN
        quadrant := least(floor(t), 3);
        width := side * cosd(lat) / sqrt((1 + abs(z)) / 3);
        p := least(floor((t - quadrant) * width), side - 1);
        m := least(floor((1 - t + quadrant) * width), side - 1);
        IF z < 0 THEN
            face := quadrant + 8; x := p; y := m;
        ELSE
            face := quadrant; x := side - 1 - m; y := side - 1 - p;
        END IF;
    ELSE
        p := floor(side * (0.5 + t) - side * z * 0.75);
        m := floor(side * (0.5 + t) + side * z * 0.75);
        x := m & (side - 1);
        y := side - 1 - (p & (side - 1));
        p := p >> k::integer;
        m := m >> k::integer;
        face := CASE WHEN p = m THEN p | 4 WHEN p < m THEN p ELSE m + 8 END;
    END IF;
    x := (x | (x << 16)) & 281470681808895;
    x := (x | (x << 8)) & 71777214294589695;
    x := (x | (x << 4)) & 1085102592571150095;
    x := (x | (x << 2)) & 3689348814741910323;
    x := (x | (x << 1)) & 6148914691236517205;
    y := (y | (y << 16)) & 281470681808895;
    y := (y | (y << 8)) & 71777214294589695;
    y := (y | (y << 4)) & 1085102592571150095;
    y := (y | (y << 2)) & 3689348814741910323;
    y := (y | (y << 1)) & 6148914691236517205;
    RETURN (face << (2 * k::integer)) | x | (y << 1);
END $$;

CREATE OR REPLACE FUNCTION archive.healpix_centre(k bigint, number bigint) RETURNS float8[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    side float8; face integer; x float8; y float8; line float8; ring float8; step float8; gap float8; lon float8;
    lat float8; odd bigint; even bigint;
BEGIN
    IF k NOT BETWEEN 0 AND 29 OR number < 0 OR number >= 12::bigint << (2 * k::integer) THEN
        RETURN NULL;
    END IF;
    side := 1::bigint << k::integer;
    face := number >> (2 * k::integer);
    number := number - (face::bigint << (2 * k::integer));
    even := number & 6148914691236517205;
    odd := (number >> 1) & 6148914691236517205;
    even := (even | (even >> 1)) & 3689348814741910323;
    even := (even | (even >> 2)) & 1085102592571150095;
    even := (even | (even >> 4)) & 71777214294589695;
    even := (even | (even >> 8)) & 281470681808895;
    even := (even | (even >> 16)) & 4294967295;
    odd := (odd | (odd >> 1)) & 3689348814741910323;
    odd := (odd | (odd >> 2)) & 1085102592571150095;
    odd := (odd | (odd >> 4)) & 71777214294589695;
    odd := (odd | (odd >> 8)) & 281470681808895;
    odd := (odd | (odd >> 16)) & 4294967295;
    x := even;
    y := odd;
    -- The row of constant latitude, from the north, and the length of a quarter of it.
    line := (2 + face / 4) * side - x - y - 1;
    ring := CASE WHEN line < side THEN line WHEN line > 3 * side THEN 4 * side - line ELSE side END;
    step := (ARRAY[1, 3, 5, 7, 0, 2, 4, 6, 1, 3, 5, 7])[face + 1];
    lon := 45 * (step + (x - y) / ring + CASE WHEN step * ring + x < y THEN 8 ELSE 0 END);
    IF ring < side THEN
        gap := (ring / side) * (ring / side) / 3;
        lat := CASE WHEN line < side THEN 1 ELSE -1 END * degrees(atan2(1 - gap, sqrt(gap * (2 - gap))));
    ELSE
        lat := degrees(asin((2 * side - line) * 2 / (3 * side)));
    END IF;
    RETURN ARRAY[lon, lat];
END $$;

-- x, y, z of a point; what is next to nothing becomes nothing, since PostgreSQL fails where a product is too small.
CREATE OR REPLACE FUNCTION archive.sky_vector(lon float8, lat float8) RETURNS float8[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    a float8; d float8; x float8; y float8; z float8;
BEGIN
    IF NOT (abs(lon) < 'infinity' AND abs(lat) <= 90) THEN
        RETURN NULL;
    END IF;
    a := radians(lon - 360 * floor(lon / 360));
    IF abs(lat) < 1e-100 THEN
        lat := 0;
    END IF;
    d := radians(lat);
    x := cos(d) * cos(a);
    y := cos(d) * sin(a);
    z := sin(d);
    RETURN ARRAY[
        CASE WHEN abs(x) < 1e-40 THEN 0 ELSE x END,
        CASE WHEN abs(y) < 1e-40 THEN 0 ELSE y END,
        CASE WHEN abs(z) < 1e-40 THEN 0 ELSE z END
    ];
END $$;

CREATE OR REPLACE FUNCTION archive.sky_separation(
    px float8, py float8, pz float8, qx float8, qy float8, qz float8
) RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT 2 * atan2(
        sqrt((px - qx) * (px - qx) + (py - qy) * (py - qy) + (pz - qz) * (pz - qz)),
        sqrt((px + qx) * (px + qx) + (py + qy) * (py + qy) + (pz + qz) * (pz + qz))
    )
$$;

-- Numbers of one part of a region that is written as text; NULL for a part that is none.
CREATE OR REPLACE FUNCTION archive.region_part(shape text, numbers float8[]) RETURNS float8[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    count integer := cardinality(numbers);
BEGIN
    IF shape = '' THEN
        shape := CASE count WHEN 2 THEN 'POINT' WHEN 3 THEN 'CIRCLE' ELSE 'POLYGON' END;
    END IF;
    IF shape IN ('POINT', 'POSITION') AND count = 2 THEN
        RETURN 1::float8 || numbers || 0::float8;
    ELSIF shape = 'CIRCLE' AND count = 3 THEN
        RETURN 1::float8 || numbers;
    ELSIF shape = 'BOX' AND count = 4 THEN
        RETURN archive.sky_box(numbers[1], numbers[2], numbers[3], numbers[4]);
    ELSIF shape = 'POLYGON' AND count >= 6 AND count % 2 = 0 AND count <= 4000 THEN
        RETURN (count / 2)::float8 || numbers;
    END IF;
    RETURN NULL;
END $$;

-- A box as the numbers of a polygon; NULL for sizes that no box has.
CREATE OR REPLACE FUNCTION archive.sky_box(lon float8, lat float8, width float8, height float8) RETURNS float8[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    east float8; north float8; tilt float8; x float8; y float8; z float8; turned float8; made float8[] := ARRAY[4];
    corner integer;
BEGIN
    IF NOT (abs(lon) < 'infinity' AND abs(lat) <= 90 AND width > 0 AND width < 180 AND height > 0 AND height < 180) THEN
        RETURN NULL;
    END IF;
    IF abs(lat) < 1e-100 THEN
        lat := 0;
    END IF;
    east := radians(greatest(width, 1e-100)) / 2;
    north := atan(tan(radians(greatest(height, 1e-100)) / 2) * cos(east));
    tilt := radians(lat);
    FOR corner IN 0..3 LOOP
        x := cos(north) * cos(east);
        y := cos(north) * sin(CASE WHEN corner IN (0, 3) THEN -east ELSE east END);
        z := sin(CASE WHEN corner < 2 THEN -north ELSE north END);
        turned := x * cos(tilt) - z * sin(tilt);
        z := x * sin(tilt) + z * cos(tilt);
        x := turned;
        made := made || ARRAY[
            degrees(atan2(y, x)) + lon, degrees(atan2(z, sqrt(x * x + CASE WHEN abs(y) < 1e-100 THEN 0 ELSE y * y END)))
        ];
    END LOOP;
    RETURN made;
END $$;

-- Numbers of a region that is written as text (schema/spatial/region_text.py); NULL where it cannot be read.
CREATE OR REPLACE FUNCTION archive.read_region(given text) RETURNS float8[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 1000 AS $$
DECLARE
    usual text[]; word text; shape text := ''; numbers float8[] := '{}'; found float8[] := '{}'; exact numeric;
BEGIN
    usual := regexp_match(
        given || ' ',
        '^\s*(POLYGON|CIRCLE|POSITION)\s+(?:(?:ICRS|J2000|FK5)\s+)?((?:[-+]?[0-9]{1,9}(?:[.][0-9]{0,40})?\s+)+)$', 'i'
    );
    IF usual IS NOT NULL THEN
        RETURN archive.region_part(
            upper(usual[1]), string_to_array(btrim(regexp_replace(usual[2], '\s+', ' ', 'g')), ' ')::float8[]
        );
    END IF;
    FOREACH word IN ARRAY regexp_split_to_array(upper(given), '[\s,()]+') LOOP
        IF word = '' THEN
            CONTINUE;
        ELSIF word IN ('POLYGON', 'CIRCLE', 'POSITION', 'POINT', 'BOX') THEN
            IF shape <> '' OR cardinality(numbers) > 0 THEN
                found := found || archive.region_part(shape, numbers);
                numbers := '{}';
            END IF;
            shape := word;
        ELSIF word IN ('UNION', 'SPHERICAL2', 'ICRS', 'J2000', 'FK5', 'UNKNOWNREFPOS', 'BARYCENTER', 'GEOCENTER',
                       'HELIOCENTER', 'TOPOCENTER') THEN
            IF cardinality(numbers) > 0 THEN
                found := found || archive.region_part(shape, numbers);
                shape := '';
                numbers := '{}';
            END IF;
        ELSIF word ~ '^[-+]?([0-9]+[.]?[0-9]*|[.][0-9]+)(E[-+]?[0-9]{1,3})?$' THEN
            exact := word::numeric;
            IF abs(exact) > 1e300 THEN
                RETURN NULL;
            END IF;
            numbers := numbers || CASE WHEN abs(exact) < 1e-300 THEN 0 ELSE exact::float8 END;
        ELSE
            RETURN NULL;
        END IF;
        IF found IS NULL THEN
            RETURN NULL;
        END IF;
    END LOOP;
    IF shape <> '' OR cardinality(numbers) > 0 THEN
        found := found || archive.region_part(shape, numbers);
    END IF;
    RETURN CASE WHEN cardinality(found) > 0 THEN found END;
END $$;

-- Parts of a region; NULL for a list of numbers that is none.
CREATE OR REPLACE FUNCTION archive.region_parts(numbers float8[]) RETURNS float8[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 1000 AS $$
DECLARE
    total integer := cardinality(numbers); place integer := 1; n integer; vertices integer := 0; radius float8; i integer;
    made float8[] := '{}'; part float8[]; vector float8[]; length integer := 0;
BEGIN
    IF total = 0 THEN
        RETURN NULL;
    END IF;
    WHILE place <= total LOOP
        IF NOT coalesce(
            numbers[place] BETWEEN 1 AND 2000 AND numbers[place] <> 2 AND numbers[place] = floor(numbers[place]), false
        ) THEN
            RETURN NULL;
        END IF;
        n := numbers[place];
        vertices := vertices + n;
        radius := CASE WHEN n = 1 THEN numbers[place + 3] ELSE 0 END;
        IF vertices > 2000 OR place + (CASE WHEN n = 1 THEN 3 ELSE 2 * n END) > total
            OR NOT coalesce(radius BETWEEN 0 AND 180, false) THEN
            RETURN NULL;
        END IF;
        part := ARRAY[n, CASE WHEN radius < 1e-40 THEN 0 ELSE radians(radius) END];
        FOR i IN 0 .. n - 1 LOOP
            vector := archive.sky_vector(numbers[place + 1 + 2 * i], numbers[place + 2 + 2 * i]);
            IF vector IS NULL THEN
                RETURN NULL;
            END IF;
            part[3 * i + 3] := vector[1];
            part[3 * i + 4] := vector[2];
            part[3 * i + 5] := vector[3];
        END LOOP;
        IF n > 1 THEN
            part := archive.region_turned(part, n);
            IF part IS NULL THEN
                RETURN NULL;
            END IF;
        END IF;
        made := CASE WHEN length = 0 THEN part ELSE made || part END;
        length := length + cardinality(part);
        place := place + CASE WHEN n = 1 THEN 4 ELSE 1 + 2 * n END;
    END LOOP;
    RETURN made;
END $$;

-- A polygon that runs counter-clockwise; NULL where an edge joins opposite points.
CREATE OR REPLACE FUNCTION archive.region_turned(part float8[], n integer) RETURNS float8[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    i integer; j integer; made float8[]; x float8; y float8; z float8;
BEGIN
    FOR i IN 0 .. n - 1 LOOP
        j := CASE WHEN i = n - 1 THEN 0 ELSE i + 1 END;
        x := part[3 * i + 3] + part[3 * j + 3];
        y := part[3 * i + 4] + part[3 * j + 4];
        z := part[3 * i + 5] + part[3 * j + 5];
        IF sqrt(x * x + y * y + z * z) < 1e-9 THEN
            RETURN NULL;
        END IF;
    END LOOP;
    IF archive.signed_area(part, 1, n) >= 0 THEN
        RETURN part;
    END IF;
    made := part;
    FOR i IN 0 .. n - 1 LOOP
        j := n - 1 - i;
        made[3 * i + 3] := part[3 * j + 3];
        made[3 * i + 4] := part[3 * j + 4];
        made[3 * i + 5] := part[3 * j + 5];
    END LOOP;
    RETURN made;
END $$;

CREATE OR REPLACE FUNCTION archive.part_middle(v float8[], at integer, n integer) RETURNS float8[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    x float8 := 0; y float8 := 0; z float8 := 0; i integer; length float8;
BEGIN
    FOR i IN 0 .. n - 1 LOOP
        x := x + v[at + 2 + 3 * i];
        y := y + v[at + 3 + 3 * i];
        z := z + v[at + 4 + 3 * i];
    END LOOP;
    length := sqrt(x * x + y * y + z * z);
    IF length <= 1e-9 THEN
        RETURN ARRAY[0, 0, 1];
    END IF;
    RETURN ARRAY[x / length, y / length, z / length];
END $$;

-- Steradian, negative for a clockwise polygon (Van Oosterom & Strackee 1983).
CREATE OR REPLACE FUNCTION archive.signed_area(v float8[], at integer, n integer) RETURNS float8
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    middle float8[] := archive.part_middle(v, at, n); mx float8 := middle[1]; my float8 := middle[2];
    mz float8 := middle[3]; i integer; a1 float8; a2 float8; a3 float8; b1 float8; b2 float8; b3 float8;
    px float8; py float8; pz float8; qx float8; qy float8; qz float8; total float8 := 0;
BEGIN
    a1 := v[at + 3 * n - 1]; a2 := v[at + 3 * n]; a3 := v[at + 3 * n + 1];
    FOR i IN 0 .. n - 1 LOOP
        b1 := v[at + 2 + 3 * i]; b2 := v[at + 3 + 3 * i]; b3 := v[at + 4 + 3 * i];
        px := a1 - mx; py := a2 - my; pz := a3 - mz;
        qx := b1 - mx; qy := b2 - my; qz := b3 - mz;
        total := total + 2 * atan2(
            mx * (py * qz - pz * qy) + my * (pz * qx - px * qz) + mz * (px * qy - py * qx),
            1 + (a1 * mx + a2 * my + a3 * mz) + (b1 * mx + b2 * my + b3 * mz) + (a1 * b1 + a2 * b2 + a3 * b3)
        );
        a1 := b1; a2 := b2; a3 := b3;
    END LOOP;
    RETURN CASE WHEN total > 2 * pi() THEN total - 4 * pi() WHEN total < -2 * pi() THEN total + 4 * pi() ELSE total END;
END $$;

-- Whether a point lies in a polygon: seen from there, the directions to the vertices turn once round.
CREATE OR REPLACE FUNCTION archive.is_inside(px float8, py float8, pz float8, v float8[], at integer, n integer)
RETURNS boolean
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    i integer; a1 float8; a2 float8; a3 float8; b1 float8; b2 float8; b3 float8; turn float8 := 0;
BEGIN
    a1 := v[at + 3 * n - 1] - px; a2 := v[at + 3 * n] - py; a3 := v[at + 3 * n + 1] - pz;
    FOR i IN 0 .. n - 1 LOOP
        b1 := v[at + 2 + 3 * i] - px; b2 := v[at + 3 + 3 * i] - py; b3 := v[at + 4 + 3 * i] - pz;
        turn := turn + atan2(
            px * (a2 * b3 - a3 * b2) + py * (a3 * b1 - a1 * b3) + pz * (a1 * b2 - a2 * b1),
            (a1 * b1 + a2 * b2 + a3 * b3) - (px * a1 + py * a2 + pz * a3) * (px * b1 + py * b2 + pz * b3)
        );
        a1 := b1; a2 := b2; a3 := b3;
    END LOOP;
    RETURN turn > pi();
END $$;

-- Distance of a point from an edge of a polygon, counted from 0, radians.
CREATE OR REPLACE FUNCTION archive.edge_distance(
    px float8, py float8, pz float8, v float8[], at integer, n integer, edge integer
) RETURNS float8
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    i integer := at + 2 + 3 * edge; j integer := at + 2 + 3 * CASE WHEN edge = n - 1 THEN 0 ELSE edge + 1 END;
    a1 float8 := v[i]; a2 float8 := v[i + 1]; a3 float8 := v[i + 2];
    b1 float8 := v[j]; b2 float8 := v[j + 1]; b3 float8 := v[j + 2];
    dx float8 := a1 - b1; dy float8 := a2 - b2; dz float8 := a3 - b3;
    sx float8 := a1 + b1; sy float8 := a2 + b2; sz float8 := a3 + b3;
    nx float8 := 0.5 * (dy * sz - dz * sy); ny float8 := 0.5 * (dz * sx - dx * sz); nz float8 := 0.5 * (dx * sy - dy * sx);
    length float8 := sqrt(nx * nx + ny * ny + nz * nz);
    fx float8 := px - a1; fy float8 := py - a2; fz float8 := pz - a3;
    tx float8 := px - b1; ty float8 := py - b2; tz float8 := pz - b3;
BEGIN
    IF length > 0 THEN
        nx := nx / length; ny := ny / length; nz := nz / length;
        IF nx * (a2 * fz - a3 * fy) + ny * (a3 * fx - a1 * fz) + nz * (a1 * fy - a2 * fx) >= 0
            AND nx * (ty * b3 - tz * b2) + ny * (tz * b1 - tx * b3) + nz * (tx * b2 - ty * b1) >= 0 THEN
            RETURN asin(least(abs(fx * nx + fy * ny + fz * nz), 1));
        END IF;
    END IF;
    RETURN 2 * asin(least(0.5 * sqrt(least(fx * fx + fy * fy + fz * fz, tx * tx + ty * ty + tz * tz)), 1));
END $$;

-- Distance of a point from the nearest edge of a polygon.
CREATE OR REPLACE FUNCTION archive.rim_distance(px float8, py float8, pz float8, v float8[], at integer, n integer)
RETURNS float8
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    edge integer; nearest float8 := 4;
BEGIN
    FOR edge IN 0 .. n - 1 LOOP
        nearest := least(nearest, archive.edge_distance(px, py, pz, v, at, n, edge));
    END LOOP;
    RETURN nearest;
END $$;

-- Whether an edge of one polygon crosses one of another.
CREATE OR REPLACE FUNCTION archive.edges_cross(
    v float8[], at integer, n integer, edge integer, w float8[], there integer, m integer, other integer
) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    i integer := at + 2 + 3 * edge; j integer := at + 2 + 3 * CASE WHEN edge = n - 1 THEN 0 ELSE edge + 1 END;
    k integer := there + 2 + 3 * other; l integer := there + 2 + 3 * CASE WHEN other = m - 1 THEN 0 ELSE other + 1 END;
    a1 float8 := v[i]; a2 float8 := v[i + 1]; a3 float8 := v[i + 2];
    b1 float8 := v[j]; b2 float8 := v[j + 1]; b3 float8 := v[j + 2];
    cx float8 := w[k]; cy float8 := w[k + 1]; cz float8 := w[k + 2];
    dx float8 := w[l]; dy float8 := w[l + 1]; dz float8 := w[l + 2];
    px float8 := a1 - b1; py float8 := a2 - b2; pz float8 := a3 - b3;
    qx float8 := a1 + b1; qy float8 := a2 + b2; qz float8 := a3 + b3;
    nx float8 := 0.5 * (py * qz - pz * qy); ny float8 := 0.5 * (pz * qx - px * qz); nz float8 := 0.5 * (px * qy - py * qx);
    first float8; second float8;
BEGIN
    first := (cx - a1) * nx + (cy - a2) * ny + (cz - a3) * nz;
    second := (dx - a1) * nx + (dy - a2) * ny + (dz - a3) * nz;
    IF NOT (first < 0 AND second > 0 OR first > 0 AND second < 0) THEN
        RETURN false;
    END IF;
    px := cx - dx; py := cy - dy; pz := cz - dz;
    qx := cx + dx; qy := cy + dy; qz := cz + dz;
    nx := 0.5 * (py * qz - pz * qy); ny := 0.5 * (pz * qx - px * qz); nz := 0.5 * (px * qy - py * qx);
    second := (a1 - cx) * nx + (a2 - cy) * ny + (a3 - cz) * nz;
    IF first < 0 THEN
        RETURN second > 0 AND (b1 - cx) * nx + (b2 - cy) * ny + (b3 - cz) * nz < 0;
    END IF;
    RETURN second < 0 AND (b1 - cx) * nx + (b2 - cy) * ny + (b3 - cz) * nz > 0;
END $$;

CREATE OR REPLACE FUNCTION archive.polygons_meet(v float8[], at integer, n integer, w float8[], there integer, m integer)
RETURNS boolean
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    i integer; j integer;
BEGIN
    IF archive.is_inside(v[at + 2], v[at + 3], v[at + 4], w, there, m)
        OR archive.is_inside(w[there + 2], w[there + 3], w[there + 4], v, at, n) THEN
        RETURN true;
    END IF;
    FOR i IN 0 .. n - 1 LOOP
        FOR j IN 0 .. m - 1 LOOP
            IF archive.edges_cross(v, at, n, i, w, there, m, j) THEN
                RETURN true;
            END IF;
        END LOOP;
    END LOOP;
    FOR i IN 0 .. n - 1 LOOP
        IF archive.rim_distance(v[at + 2 + 3 * i], v[at + 3 + 3 * i], v[at + 4 + 3 * i], w, there, m) <= 1e-12 THEN
            RETURN true;
        END IF;
    END LOOP;
    FOR j IN 0 .. m - 1 LOOP
        IF archive.rim_distance(w[there + 2 + 3 * j], w[there + 3 + 3 * j], w[there + 4 + 3 * j], v, at, n) <= 1e-12 THEN
            RETURN true;
        END IF;
    END LOOP;
    RETURN false;
END $$;

-- Whether the first polygon lies in the second, edges included.
CREATE OR REPLACE FUNCTION archive.is_polygon_in_polygon(
    v float8[], at integer, n integer, w float8[], there integer, m integer
) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    i integer; j integer; i2 integer; j2 integer; touched boolean := false; on_rim boolean;
    on_w boolean[] := '{}'; on_v boolean[] := '{}';
    px float8; py float8; pz float8; qx float8; qy float8; qz float8; rx float8; ry float8; rz float8; length float8;
BEGIN
    -- on_w: a vertex of v lies on an edge of w; on_v: a vertex of w lies on an edge of v.
    FOR i IN 0 .. n - 1 LOOP
        px := v[at + 2 + 3 * i]; py := v[at + 3 + 3 * i]; pz := v[at + 4 + 3 * i];
        on_rim := false;
        FOR j IN 0 .. m - 1 LOOP
            on_w[i * m + j + 1] := archive.edge_distance(px, py, pz, w, there, m, j) <= 1e-12;
            on_rim := on_rim OR on_w[i * m + j + 1];
        END LOOP;
        IF NOT on_rim AND NOT archive.is_inside(px, py, pz, w, there, m) THEN
            RETURN false;
        END IF;
        touched := touched OR on_rim;
    END LOOP;
    FOR i IN 0 .. n - 1 LOOP
        FOR j IN 0 .. m - 1 LOOP
            on_v[i * m + j + 1] := archive.edge_distance(
                w[there + 2 + 3 * j], w[there + 3 + 3 * j], w[there + 4 + 3 * j], v, at, n, i
            ) <= 1e-12;
            touched := touched OR on_v[i * m + j + 1];
        END LOOP;
    END LOOP;
    FOR i IN 0 .. n - 1 LOOP
        i2 := CASE WHEN i = n - 1 THEN 0 ELSE i + 1 END;
        FOR j IN 0 .. m - 1 LOOP
            j2 := CASE WHEN j = m - 1 THEN 0 ELSE j + 1 END;
            IF NOT (on_w[i * m + j + 1] OR on_w[i2 * m + j + 1] OR on_v[i * m + j + 1] OR on_v[i * m + j2 + 1])
                AND archive.edges_cross(v, at, n, i, w, there, m, j) THEN
                RETURN false;
            END IF;
        END LOOP;
    END LOOP;
    IF NOT touched THEN
        RETURN true;
    END IF;
    -- Each piece of an edge between the places of touch is looked at.
    FOR i IN 0 .. n - 1 LOOP
        i2 := CASE WHEN i = n - 1 THEN 0 ELSE i + 1 END;
        px := v[at + 2 + 3 * i]; py := v[at + 3 + 3 * i]; pz := v[at + 4 + 3 * i];
        FOR j IN
            SELECT q FROM generate_series(0, m) AS q WHERE q = m OR on_v[i * m + q + 1]
            ORDER BY q = m, archive.sky_separation(
                v[at + 2 + 3 * i], v[at + 3 + 3 * i], v[at + 4 + 3 * i],
                w[there + 2 + 3 * q], w[there + 3 + 3 * q], w[there + 4 + 3 * q]
            )
        LOOP
            IF j < m THEN
                qx := w[there + 2 + 3 * j]; qy := w[there + 3 + 3 * j]; qz := w[there + 4 + 3 * j];
            ELSE
                qx := v[at + 2 + 3 * i2]; qy := v[at + 3 + 3 * i2]; qz := v[at + 4 + 3 * i2];
            END IF;
            rx := px + qx; ry := py + qy; rz := pz + qz;
            length := sqrt(rx * rx + ry * ry + rz * rz);
            rx := rx / length; ry := ry / length; rz := rz / length;
            IF archive.rim_distance(rx, ry, rz, w, there, m) > 1e-12
                AND NOT archive.is_inside(rx, ry, rz, w, there, m) THEN
                RETURN false;
            END IF;
            px := qx; py := qy; pz := qz;
        END LOOP;
    END LOOP;
    RETURN true;
END $$;

-- Distance of a point from a polygon, 0 inside.
CREATE OR REPLACE FUNCTION archive.reach(px float8, py float8, pz float8, v float8[], at integer, n integer)
RETURNS float8
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
    IF archive.is_inside(px, py, pz, v, at, n) THEN
        RETURN 0;
    END IF;
    RETURN archive.rim_distance(px, py, pz, v, at, n);
END $$;

CREATE OR REPLACE FUNCTION archive.parts_meet(v float8[], at integer, n integer, w float8[], there integer, m integer)
RETURNS boolean
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
    IF n = 1 AND m = 1 THEN
        RETURN archive.sky_separation(
            v[at + 2], v[at + 3], v[at + 4], w[there + 2], w[there + 3], w[there + 4]
        ) <= v[at + 1] + w[there + 1] + 1e-15;
    ELSIF n = 1 THEN
        RETURN archive.reach(v[at + 2], v[at + 3], v[at + 4], w, there, m) <= v[at + 1] + 1e-12;
    ELSIF m = 1 THEN
        RETURN archive.reach(w[there + 2], w[there + 3], w[there + 4], v, at, n) <= w[there + 1] + 1e-12;
    END IF;
    RETURN archive.polygons_meet(v, at, n, w, there, m);
END $$;

CREATE OR REPLACE FUNCTION archive.part_lies_within(v float8[], at integer, n integer, w float8[], there integer, m integer)
RETURNS boolean
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    i integer; rim float8; radius float8 := w[there + 1];
BEGIN
    IF n = 1 AND m = 1 THEN
        RETURN radius >= pi() OR archive.sky_separation(
            v[at + 2], v[at + 3], v[at + 4], w[there + 2], w[there + 3], w[there + 4]
        ) + v[at + 1] <= radius + 1e-15;
    ELSIF n = 1 THEN
        rim := archive.rim_distance(v[at + 2], v[at + 3], v[at + 4], w, there, m);
        RETURN CASE WHEN archive.is_inside(v[at + 2], v[at + 3], v[at + 4], w, there, m) THEN rim ELSE -rim END
            >= v[at + 1] - 1e-12;
    ELSIF m > 1 THEN
        RETURN archive.is_polygon_in_polygon(v, at, n, w, there, m);
    ELSIF radius > pi() / 2 THEN
        RETURN archive.reach(-w[there + 2], -w[there + 3], -w[there + 4], v, at, n) >= pi() - radius - 1e-12;
    END IF;
    FOR i IN 0 .. n - 1 LOOP
        IF archive.sky_separation(
            v[at + 2 + 3 * i], v[at + 3 + 3 * i], v[at + 4 + 3 * i], w[there + 2], w[there + 3], w[there + 4]
        ) > radius + 1e-12 THEN
            RETURN false;
        END IF;
    END LOOP;
    RETURN true;
END $$;

CREATE OR REPLACE FUNCTION archive.regions_meet(v float8[], w float8[]) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 10000 AS $$
DECLARE
    at integer := 1; there integer;
BEGIN
    WHILE at <= cardinality(v) LOOP
        there := 1;
        WHILE there <= cardinality(w) LOOP
            IF archive.parts_meet(v, at, v[at]::integer, w, there, w[there]::integer) THEN
                RETURN true;
            END IF;
            there := there + 2 + 3 * w[there]::integer;
        END LOOP;
        at := at + 2 + 3 * v[at]::integer;
    END LOOP;
    RETURN false;
END $$;

-- Each part of the first must lie in one part of the second.
CREATE OR REPLACE FUNCTION archive.regions_lie_within(v float8[], w float8[]) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 10000 AS $$
DECLARE
    at integer := 1; there integer; held boolean;
BEGIN
    WHILE at <= cardinality(v) LOOP
        there := 1;
        held := false;
        WHILE NOT held AND there <= cardinality(w) LOOP
            held := archive.part_lies_within(v, at, v[at]::integer, w, there, w[there]::integer);
            there := there + 2 + 3 * w[there]::integer;
        END LOOP;
        IF NOT held THEN
            RETURN false;
        END IF;
        at := at + 2 + 3 * v[at]::integer;
    END LOOP;
    RETURN true;
END $$;

-- Square degrees; parts are added up.
CREATE OR REPLACE FUNCTION archive.region_area(v float8[]) RETURNS float8
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 1000 AS $$
DECLARE
    at integer := 1; total float8 := 0; half float8;
BEGIN
    WHILE at <= cardinality(v) LOOP
        IF v[at] = 1 THEN
            half := sin(0.5 * v[at + 1]);
            total := total + CASE WHEN half < 1e-100 THEN 0 ELSE 4 * pi() * half * half END;
        ELSE
            total := total + abs(archive.signed_area(v, at, v[at]::integer));
        END IF;
        at := at + 2 + 3 * v[at]::integer;
    END LOOP;
    RETURN total * degrees(1) * degrees(1);
END $$;

-- Longitude and latitude, degrees; of what has no area, the middle of its vertices (Brock 1975).
CREATE OR REPLACE FUNCTION archive.region_centroid(v float8[]) RETURNS float8[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 1000 AS $$
DECLARE
    at integer := 1; n integer; i integer; k integer; l integer; middle float8[]; factor float8; length float8;
    tx float8 := 0; ty float8 := 0; tz float8 := 0; sx float8 := 0; sy float8 := 0; sz float8 := 0;
    mx float8; my float8; mz float8; nx float8; ny float8; nz float8; lon float8;
    a1 float8; a2 float8; a3 float8; b1 float8; b2 float8; b3 float8;
BEGIN
    WHILE at <= cardinality(v) LOOP
        n := v[at];
        IF n = 1 THEN
            middle := v[at + 2 : at + 4];
            factor := sin(v[at + 1]);
            factor := CASE WHEN abs(factor) < 1e-100 THEN 0 ELSE pi() * factor * factor END;
            mx := factor * middle[1]; my := factor * middle[2]; mz := factor * middle[3];
        ELSE
            middle := archive.part_middle(v, at, n);
            mx := 0; my := 0; mz := 0;
            FOR i IN 0 .. n - 1 LOOP
                k := at + 2 + 3 * i;
                l := at + 2 + 3 * CASE WHEN i = n - 1 THEN 0 ELSE i + 1 END;
                a1 := v[k] - v[l]; a2 := v[k + 1] - v[l + 1]; a3 := v[k + 2] - v[l + 2];
                b1 := v[k] + v[l]; b2 := v[k + 1] + v[l + 1]; b3 := v[k + 2] + v[l + 2];
                nx := 0.5 * (a2 * b3 - a3 * b2); ny := 0.5 * (a3 * b1 - a1 * b3); nz := 0.5 * (a1 * b2 - a2 * b1);
                length := sqrt(nx * nx + ny * ny + nz * nz);
                IF length > 0 THEN
                    factor := 0.5 / length * archive.sky_separation(
                        v[k], v[k + 1], v[k + 2], v[l], v[l + 1], v[l + 2]
                    );
                    mx := mx + nx * factor; my := my + ny * factor; mz := mz + nz * factor;
                END IF;
            END LOOP;
            IF greatest(abs(mx), abs(my), abs(mz)) < 1e-20 THEN
                mx := 0; my := 0; mz := 0;
            END IF;
        END IF;
        tx := tx + mx; ty := ty + my; tz := tz + mz;
        sx := sx + middle[1]; sy := sy + middle[2]; sz := sz + middle[3];
        at := at + 2 + 3 * n;
    END LOOP;
    IF tx = 0 AND ty = 0 AND tz = 0 THEN
        tx := sx; ty := sy; tz := sz;
    END IF;
    lon := degrees(atan2(ty, tx));
    tx := CASE WHEN abs(tx) < 1e-100 THEN 0 ELSE tx END;
    ty := CASE WHEN abs(ty) < 1e-100 THEN 0 ELSE ty END;
    RETURN ARRAY[lon - 360 * floor(lon / 360), degrees(atan2(tz, sqrt(tx * tx + ty * ty)))];
END $$;

-- Centre x, y, z of a cap around a region, the chord to its rim, and that of a cap within the region or -1.
CREATE OR REPLACE FUNCTION archive.region_cap(v float8[]) RETURNS float8[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 1000 AS $$
DECLARE
    at integer; n integer; i integer; parts integer := 0; middle float8[]; length float8; apart float8;
    cx float8 := 0; cy float8 := 0; cz float8 := 0; outer_ float8 := 0; inner_ float8 := -1; far float8; near float8;
BEGIN
    FOR round IN 1 .. 2 LOOP
        at := 1;
        WHILE at <= cardinality(v) LOOP
            n := v[at];
            middle := CASE WHEN n = 1 THEN v[at + 2 : at + 4] ELSE archive.part_middle(v, at, n) END;
            IF round = 1 THEN
                parts := parts + 1;
                cx := cx + middle[1]; cy := cy + middle[2]; cz := cz + middle[3];
            ELSE
                far := v[at + 1];
                near := far;
                IF n > 1 THEN
                    FOR i IN 0 .. n - 1 LOOP
                        far := greatest(far, archive.sky_separation(
                            middle[1], middle[2], middle[3], v[at + 2 + 3 * i], v[at + 3 + 3 * i], v[at + 4 + 3 * i]
                        ));
                    END LOOP;
                    -- Beyond half of the sky a cap around the vertices need not hold the edges.
                    far := CASE WHEN far + 1e-12 < 0.5 * pi() THEN far + 1e-12 ELSE pi() END;
                    near := CASE WHEN archive.is_inside(middle[1], middle[2], middle[3], v, at, n)
                        THEN archive.rim_distance(middle[1], middle[2], middle[3], v, at, n) - 1e-12 ELSE -1 END;
                END IF;
                apart := CASE WHEN parts = 1 THEN 0
                    ELSE archive.sky_separation(cx, cy, cz, middle[1], middle[2], middle[3]) + 1e-12 END;
                outer_ := greatest(outer_, apart + far);
                inner_ := greatest(inner_, near - apart);
            END IF;
            at := at + 2 + 3 * n;
        END LOOP;
        IF round = 1 AND parts > 1 THEN
            length := sqrt(cx * cx + cy * cy + cz * cz);
            IF length > 1e-9 THEN
                cx := cx / length; cy := cy / length; cz := cz / length;
            ELSE
                cx := 0; cy := 0; cz := 1;
            END IF;
        END IF;
    END LOOP;
    RETURN ARRAY[
        cx, cy, cz, 2 * sin(0.5 * least(outer_, pi())),
        CASE WHEN inner_ >= 0 THEN 2 * sin(0.5 * inner_) ELSE -1 END
    ];
END $$;

-- What is kept of a region that is written as text: its cap and its numbers; NULL where it is none.
CREATE OR REPLACE FUNCTION archive.region_sky(given text) RETURNS float8[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 10000 AS $$
DECLARE
    numbers float8[] := archive.read_region(given);
    parts float8[] := archive.region_parts(numbers);
BEGIN
    IF parts IS NULL THEN
        RETURN NULL;
    END IF;
    RETURN archive.region_cap(parts) || numbers;
END $$;

-- HEALPix number of the centre of the cap of a region; that of the position of its row where there is no region.
CREATE OR REPLACE FUNCTION archive.region_cell(given text, position_cell bigint) RETURNS bigint
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE COST 10000 AS $$
DECLARE
    parts float8[] := archive.region_parts(archive.read_region(given));
    cap float8[] := archive.region_cap(parts);
BEGIN
    IF cap IS NULL THEN
        RETURN coalesce(position_cell, 3458764513820540927);
    ELSIF cap[4] > 2 * sin(radians(1.5) / 2) THEN
        RETURN -1;
    END IF;
    RETURN archive.healpix_index(
        29, degrees(atan2(cap[2], cap[1])), degrees(atan2(cap[3], sqrt(cap[1] * cap[1] + cap[2] * cap[2])))
    );
END $$;
