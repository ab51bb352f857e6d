# SPDX-License-Identifier: Apache-2.0
# A flaw of 10 pixels is found wherever it lies: in the middle, at each edge, in each corner.
photo() { # seed, x and y of a dark square: grain, the same everywhere
    awk -v seed="$1" -v left="$2" -v top="$3" 'BEGIN {
        print "P2 224 224 255"
        for (y = 0; y < 224; y++)
            for (x = 0; x < 224; x++) {
                if (x % 4 == 0 && y % 4 == 0 || !((y - y % 4, x - x % 4) in g)) {
                    seed = (seed * 16807) % 2147483647
                    g[y - y % 4, x - x % 4] = 100 + seed % 40
                }
                inside = x >= left && x < left + 10 && y >= top && y < top + 10
                print inside ? 20 : g[y - y % 4, x - x % 4]
            }
    }'
}
mkdir good flawed
for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
    photo 12$i 999 999 >good/$i.pgm
done
photo 712 999 999 >none.pgm
for y in 0 107 214; do
    for x in 0 107 214; do
        photo 712 $x $y >flawed/${x}_$y.pgm
    done
done
for method in padim patchcore; do
    fleck fit good -m $method -o m.fleck --overwrite >/dev/null
    echo "- $method: $(fleck predict m.fleck none.pgm 2>/dev/null | cut -f 3)"
    # Ratio, then the boxes of the regions; the middle of the flaw is in a small one of them.
    fleck predict m.fleck flawed --json 2>/dev/null |
        sed 's/.*flawed.\([0-9]*\)_\([0-9]*\).pgm.*"ratio":\([0-9.]*\)/\1 \2 \3/
            s/,"above.*"regions":/ /
            s/"box":\[\([0-9]*\),\([0-9]*\),\([0-9]*\),\([0-9]*\)\]/ box \1 \2 \3 \4 /g' |
        awk '{
            covered = "not outlined"
            for (i = 4; i <= NF; i++)
                if ($i == "box" && $(i + 1) <= $1 + 5 && $1 + 5 < $(i + 1) + $(i + 3) &&
                    $(i + 2) <= $2 + 5 && $2 + 5 < $(i + 2) + $(i + 4) &&
                    $(i + 3) < 112 && $(i + 4) < 112)
                    covered = "outlined"
            print $1, $2, ($3 > 1 ? "found," : "missed,"), covered
        }'
done
