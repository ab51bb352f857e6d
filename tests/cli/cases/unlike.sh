# SPDX-License-Identifier: Apache-2.0
# Photos that are not like those learned are told, each kind once, and named in JSON.
photo() { # seed, light, size of grain, height, shift: a disc with grain
    awk -v seed="$1" -v light="$2" -v grain="$3" -v height="$4" -v shift="$5" 'BEGIN {
        print "P2 96", height, 255
        for (y = 0; y < height; y++)
            for (x = 0; x < 96; x++) {
                if (x % grain == 0 && y % grain == 0 || !((y - y % grain, x - x % grain) in g)) {
                    seed = (seed * 16807) % 2147483647
                    g[y - y % grain, x - x % grain] = seed % 24
                }
                dx = x - 48 - shift; dy = y - height / 2
                v = dx * dx + dy * dy < 900 ? 160 : 80
                print int((v + g[y - y % grain, x - x % grain]) * light)
            }
    }'
}
mkdir good same dark blur wide moved
for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
    photo 12$i 1 1 96 0 >good/$i.pgm
done
for i in 1 2 3; do
    photo 71$i 1 1 96 0 >same/$i.pgm
    photo 72$i 0.7 1 96 0 >dark/$i.pgm
    photo 73$i 1 3 96 0 >blur/$i.pgm
    photo 74$i 1 1 64 0 >wide/$i.pgm
    photo 75$i 1 1 96 16 >moved/$i.pgm
done
fleck fit good -m padim -o m.fleck --size 96 --crop none >/dev/null
for kind in same dark blur wide moved; do
    echo "- $kind"
    fleck predict m.fleck $kind >/dev/null
    fleck predict m.fleck $kind --json 2>/dev/null | grep -o '"warnings":[^]]*]' | sort | uniq -c
done
echo "- all together, and one alone"
fleck predict m.fleck same dark wide moved >/dev/null
fleck predict m.fleck dark/2.pgm >/dev/null
echo "- as good as all photos score high"
fleck predict m.fleck dark blur moved >/dev/null
echo "- a model without held-out photos knows no kind"
fleck fit good -m padim -o n.fleck --size 96 --crop none --calibrate 0 >/dev/null
fleck predict n.fleck dark wide >/dev/null
echo "- evaluation"
mkdir -p parts/test/good parts/test/bad
cp dark/*.pgm parts/test/good
cp moved/*.pgm parts/test/bad
fleck eval m.fleck parts --scores scores.csv --json 2>/dev/null | grep -A 5 '"warnings"' |
    tr -d ' \n' | grep -o '"warnings":[^]]*]'
cut -d , -f 1,2,4 scores.csv
fleck eval m.fleck parts >/dev/null
mkdir -p other/train
mv good other/train/good
fleck fit other -m padim -o o.fleck --size 96 --crop none >/dev/null
fleck eval o.fleck parts >/dev/null
