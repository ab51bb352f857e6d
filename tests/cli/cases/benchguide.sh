# SPDX-License-Identifier: Apache-2.0
# Every command of docs/guide/benchmarks.md, on few sample images in the places that it names.
fleck synth set/one --size 96 --train 12 --good 3 --defective 1 >/dev/null
fleck synth set/two --size 96 --seed 2 --train 12 --good 3 --defective 1 >/dev/null
sed -n 's/^    \(fleck .*\)/\1/p' "$SOURCE/docs/guide/benchmarks.md" >commands
while read -r line; do
    echo "\$ $line"
    sh -c "$line" >said 2>errors </dev/null
    echo "exit $?"
    grep -o -e '^[0-9]* categor.*reports in study' \
        -e '[0-9]* good and [0-9]* defective test images' \
        -e '^paired bootstrap' -e '^DeLong' said
    grep 'warning' errors
done <commands
ls study | grep -v panels
