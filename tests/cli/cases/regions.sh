# SPDX-License-Identifier: Apache-2.0
# Regions: in JSON, in tables, in pictures; least areas decide; outputs destroy nothing.
cp -r "$S" s
# Ten photos and more give a verdict.
fleck synth s/more --train 12 --good 1 --defective 1 >/dev/null
fleck fit s/more -o s/fit.fleck >/dev/null
M=s/fit.fleck
digits() { sed 's/-\{0,1\}[0-9][0-9.e-]*/N/g'; }
points() { sed 's/\(\[N,N\],\)*\[N,N\]\]/[N,N],..]/g'; }
echo "- JSON"
fleck predict "$M" s/test/stain/000.png --json --mm-per-px 0.5 2>/dev/null >one.json
digits <one.json | points | sed 's/,{"number".*}]/]/'
echo "- tables"
fleck predict "$M" s/test --json --csv out.csv 2>/dev/null >all.json
echo "exit $?"
head -n 1 out.csv
head -n 1 out-regions.csv
sed '1d; s/"[^"]*",//; s/defective/V/; s/good/V/' out.csv | digits | sort | uniq -c | sed 's/^ *//'
a=$(grep -o '"number":' all.json | wc -l) b=$(sed 1d out-regions.csv | wc -l)
c=$(($(sed 1d out.csv | cut -d , -f 7 | paste -s -d +)))
[ "$a" = "$b" ] && [ "$a" = "$c" ] && [ "$a" -gt 0 ] && echo "as many regions everywhere"
cut -d , -f 1,2 out.csv | sed 1d | cut -d / -f 3 >rows.txt
fleck predict "$M" s/test 2>/dev/null | cut -d / -f 3 | cmp - rows.txt && echo "rows in order"
find s/test -name '*.png' | sort | fleck predict "$M" - --csv lines.csv >/dev/null 2>&1
sort out.csv >a.txt
sort lines.csv | cmp - a.txt && echo "same from standard input"
echo "no image" >bad.png
fleck predict "$M" bad.png s/test/good/000.png --csv bad.csv >/dev/null 2>&1
echo "exit $?"
sed -n 2p bad.csv
echo "- least areas"
verdicts() {
    fleck predict "$M" s/test/stain/000.png s/test/good/000.png "$@" 2>/dev/null |
        cut -f 3 | paste -s
}
verdicts
verdicts --min-area 0
verdicts --min-area 1000000
verdicts --min-area 100%
verdicts --min-area 1 --threshold 0
fleck predict "$M" s/test/stain/000.png --min-area 50% --json 2>/dev/null | grep -o '"defective.*'
for area in -1 1.5 x 5%% 101% '' nan%; do fleck predict "$M" s/test --min-area "$area"; done
fleck predict "$M" s/test --mm-per-px 0
echo "- pictures"
for kind in heat outline side-by-side; do
    fleck predict "$M" s/test/stain/000.png -o "$kind" --picture "$kind" >/dev/null 2>&1
    echo "$kind: exit $?"
done
cmp -s heat/s/test/stain/000.png.png outline/s/test/stain/000.png.png || echo "they differ"
fleck predict "$M" s/test --picture heat
fleck predict "$M" s/test -o x --picture cold
fleck predict "$M" s/test -o x --no-pictures --maps npy --picture heat
echo "- outputs"
find s -type f -exec cksum {} + | sort >before
fleck predict "$M" s/test --csv s/test/good/000.png
fleck predict "$M" s/test --csv s/test/good/000.png --overwrite
cp s/test/good/001.png y-regions.csv
fleck predict "$M" s/test --csv y.csv
fleck predict "$M" y-regions.csv --csv y.csv --overwrite
fleck predict "$M" s/test --csv absent/y.csv
cp "$M" m.fleck
fleck predict m.fleck s/test --csv m.fleck --overwrite
echo s/test/good/000.png | fleck predict "$M" - --csv s/test/good/000.png --overwrite
fleck predict "$M" s/test --csv out.csv >/dev/null 2>&1
echo "again: exit $?"
find s -type f -exec cksum {} + | sort | cmp before - && echo "nothing lost"
ls
