# SPDX-License-Identifier: Apache-2.0
# The same parts in 8 bits and as 12-bit samples in 16 bits; transparency; the limit of pixels.
parts() { # FOLDER COUNT SCALE LARGEST FLAW: textures that differ a little, with every awk
    mkdir -p "$1"
    for i in $(seq "$2"); do
        awk -v seed="$((i * 99991))" -v scale="$3" -v largest="$4" -v flaw="$5" 'BEGIN {
            print "P2 64 64", largest
            for (y = 0; y < 64; y++)
                for (x = 0; x < 64; x++) {
                    seed = (seed * 16807) % 2147483647
                    v = int(120 + 40 * sin(x / 5) + 40 * cos(y / 7)) + seed % 10
                    if (flaw && x > 20 && x < 34 && y > 20 && y < 34)
                        v = 250 - v
                    print v * scale
                }
        }' >"$1/$i.pgm"
    done
}
parts eight/train/good 12 1 255 0
parts eight/test/good 4 1 255 0
parts eight/test/flaw 3 1 255 1
parts twelve/train/good 12 16 65535 0
parts twelve/test/good 4 16 65535 0
parts twelve/test/flaw 3 16 65535 1
for bits in eight twelve; do
    fleck fit $bits -o $bits.fleck --size 64 -m padim --dims 30 | sed -n 's/.*threshold [0-9.]*//p'
    fleck eval $bits.fleck $bits --json >$bits.json 2>/dev/null
    grep -m 1 '"auroc"' $bits.json
    fleck predict $bits.fleck $bits/test 2>/dev/null | cut -f 3 | sort | uniq -c | tr -s ' '
done
fleck info twelve.fleck | grep -e window -e background
fleck info eight.fleck --json | tr -d ' \n' | grep -o '"window":[^]]*.,"background":[^]]*.'
fleck verify twelve.fleck >/dev/null && echo verified
echo "-- 12-bit samples for a model of 8-bit images:"
fleck predict eight.fleck twelve/test/good >/dev/null
echo "-- a window of one's own:"
fleck fit twelve -o own.fleck --size 64 -m padim --dims 30 --window 0,4095 >/dev/null
fleck predict own.fleck twelve/test/good 2>/dev/null >a
fleck predict twelve.fleck twelve/test/good 2>/dev/null >b
cmp a b && echo "the same scores"
fleck fit twelve -o bad.fleck --window 5,5
echo "exit $?"
fleck fit twelve -o bad.fleck --background 1,2
echo "exit $?"
echo "-- too many pixels:"
fleck predict eight.fleck eight/test/good/1.pgm --max-pixels 4095
echo "exit $?"
fleck fit eight -o bad.fleck --max-pixels 4095 2>&1 | tail -n 1
fleck predict eight.fleck eight/test/good/1.pgm --max-pixels 4096 2>/dev/null | cut -f 3
echo "-- several images in one file:"
cat eight/test/good/1.pgm eight/test/good/2.pgm >two.pgm
fleck predict eight.fleck two.pgm
echo "exit $?"
