# SPDX-License-Identifier: Apache-2.0
# Outputs destroy nothing: what is read, and what fleck did not write, stays as it was.
cp -r "$S" s
cp "$M" m.fleck
printf 'path,label,score\ns/test/good/000.png,0,1\n' >list.csv
sum() { (cd "${1:-.}" && find s m.fleck list.csv -type f -exec cksum {} + | sort); }
sum >before
try() {
    echo "+ $*"
    fleck "$@" >out.txt 2>err.txt
    code=$?
    sed 's/in [0-9.]* s//' err.txt
    echo "exit $code"
    sum | cmp before - || echo "CHANGED"
}
try predict m.fleck s/test/good -o s/test/good
try predict m.fleck s/test/good/000.png -o s/test/../test/good
try predict m.fleck s/test/good -o m.fleck
try predict m.fleck s/test/good -o missing.txt/../m.fleck/x
try fit s -o s/train/good/000.png
try fit s -o s/train/good/000.png --overwrite
try fit s -o list.csv
try fit s -o absent/m.fleck
try fit s -o s
ln -s s/train/good/001.png link.png
try fit s -o link.png
try panel s/test/good/000.png m.fleck -o s/test/good/000.png
try panel s/test/good/000.png m.fleck -o m.fleck
try panel s/test/crack/000.png m.fleck -o s/ground_truth/crack/000_mask.png
try panel s/test/good/000.png m.fleck -o absent/p.png
try eval m.fleck s --scores m.fleck
try eval m.fleck list.csv --scores list.csv
try eval m.fleck s --scores s/test/good/000.png
try eval m.fleck s --scores s/test/good/000.png --overwrite
try eval m.fleck s --scores absent/scores.csv
echo "- names"
mkdir -p d/__ d/in
cp s/test/good/000.png d/x.png
cp s/test/good/001.png d/__/x.png
cp s/test/good/002.png d/in/x.bmp
(cd d/in && fleck predict ../../m.fleck ../x.png __/x.png ../__/x.png x.bmp ./x.bmp \
    -o ../../o 2>/dev/null | wc -l)
for t in good crack; do fleck predict m.fleck "s/test/$t" -o o >/dev/null 2>&1; done
(cd o && find . -type f | sort)
echo "- again"
fleck predict m.fleck s/test/good -o o >/dev/null 2>&1
echo "same image: exit $?"
cp d/x.png o/s/test/good/000.png.png
fleck predict m.fleck s/test/good -o o >/dev/null
echo "foreign file: exit $?"
cmp d/x.png o/s/test/good/000.png.png && echo unchanged
(cd d && mkdir -p s/test/good && cp x.png s/test/good/001.png &&
    fleck predict ../m.fleck s/test/good/001.png -o ../o >/dev/null)
echo "another image of the same name: exit $?"
fleck predict m.fleck s/test/good -o o --overwrite >/dev/null 2>&1
echo "--overwrite: exit $?"
echo "- maps"
for kind in npy tiff; do
    maps() { fleck predict ../m.fleck "$@" -o ../maps --no-pictures --maps $kind >/dev/null; }
    for n in 1 2; do (cd s && maps test/good 2>/dev/null); echo "$kind: exit $?"; done
    (cd d && mkdir -p test/good && cp x.png test/good/001.png && maps test/good/001.png)
    echo "another image of the same name: exit $?"
    printf 'not a map' >maps/test/good/002.png.$kind
    (cd s && maps test/good)
    echo "foreign file: exit $?"
done
echo "- long names, links, modes"
long=$(printf 'n%.0s' $(seq 1 251))
cp s/test/good/000.png "$long.png"
fleck predict m.fleck "$long.png" -o long >/dev/null 2>&1
echo "exit $?"
: >kept.fleck
chmod 600 kept.fleck
ln -s kept.fleck to.fleck
fleck fit s -o to.fleck >/dev/null
echo "exit $?"
stat -c '%a %F' kept.fleck to.fleck
echo "- lines"
cp s/test/good/000.png "$(printf 'a\tb\nc.png')"
fleck predict m.fleck "$(printf 'a\tb\nc.png')" 2>/dev/null | cut -f 1
fleck predict m.fleck "$(printf 'no\nsuch.png')" 2>&1 | sed -n 1p
mkfifo q
: >answers
fleck predict m.fleck - <q >answers 2>/dev/null &
exec 9>q
for n in 0 1 2; do
    echo "s/test/good/00$n.png" >&9
    i=0
    while [ "$(wc -l <answers)" -le $n ] && [ $i -lt 200 ]; do
        sleep 0.05
        i=$((i + 1))
    done
    wc -l <answers
done
exec 9>&-
wait
printf 's/test/good/000.png\000' | fleck predict m.fleck - 2>&1
echo "exit $?"
echo "- interrupts"
{
    echo path,label
    i=0
    while [ $i -lt 1000 ]; do
        for k in 0 1 2 3 4 5 6 7; do echo "s/train/good/00$k.png,good"; done
        i=$((i + 1))
    done
} >many.csv
sed -n 's/,good//p' many.csv >many.txt
# Who reads no more ends it, without a word and long before the last image.
{
    timeout 60 fleck predict m.fleck - <many.txt 2>errors
    echo "exit $?" >ended
} | head -n 1 | cut -f 1
cat ended errors
mkdir k
for signal in INT TERM KILL; do
    timeout --preserve-status -s $signal 1 fleck fit many.csv -o k/m.fleck >/dev/null 2>&1
    echo "fit: exit $?"
done
ls -A k
timeout --preserve-status -s TERM 1 fleck predict m.fleck - -o p <many.txt >/dev/null 2>&1
echo "predict: exit $?"
find p -name '*.part' -o -name '.fleck*'
sum | cmp before - && echo "nothing lost"
