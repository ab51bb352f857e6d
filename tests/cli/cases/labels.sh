# SPDX-License-Identifier: Apache-2.0
# Which folder of a test set is good: the usual names, --good, and a stop with what was found.
fleck eval "$M" "$S" | sed -n 1,6p >plain
quiet() {
    "$@" 2>&1 | sed 's/^[^ ]*: padim/PADIM/' | sed -n 1,6p
}
for name in OK i.O. defect-free; do
    cp -r "$S" "$name.set"
    mv "$name.set/test/good" "$name.set/test/$name"
    fleck eval "$M" "$name.set" | sed -n 1,6p | sed "s/^$name.set/sample/" | diff - plain &&
        echo "$name: as good"
done
echo "-- a name that nobody knows"
cp -r "$S" odd
mv odd/test/good odd/test/Teile
fleck eval "$M" odd
echo "exit $?"
fleck eval "$M" odd --good Teile | sed -n 1,6p | sed 's/^odd/sample/' | diff - plain &&
    echo "Teile: as asked"
fleck eval "$M" odd --good Stuecke
echo "exit $?"
echo "-- none is good"
rm -r odd/test/Teile
fleck eval "$M" odd
echo "exit $?"
fleck eval "$M" odd --good none | grep -v ' s on '
echo "-- two may be"
cp -r "$S/test/good" odd/test/ok
cp -r "$S/test/good" odd/test/normal
fleck eval "$M" odd
echo "exit $?"
echo "-- learning from train/OK, and from a folder of another kind"
cp -r "$S" ok
mv ok/train/good ok/train/OK
mv ok/test/good ok/test/OK
fleck fit ok -o ok.fleck | grep -c '12 photos learned'
fleck bench . -o out --run padim --category ok --resamples 10 >/dev/null 2>&1
echo "exit $?"
mkdir -p A/mask
cp -r "$S/train/good" A/good
cp -r "$S/test/crack" A/crack
cp -r "$S/ground_truth/crack" A/mask/crack
fleck fit A -o a.fleck
echo "exit $?"
fleck eval "$M" A
echo "exit $?"
