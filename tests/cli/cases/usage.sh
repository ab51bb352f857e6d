# SPDX-License-Identifier: Apache-2.0
# Wrong usage: exit code 2 and a line that says what was expected.
try() { fleck "$@"; echo "exit $?"; }
try
try frobnicate
try fit
try fit "$S"
try fit "$S" -o m.fleck --frob 3
try fit "$S" -o m.fleck --size 12
try fit "$S" -o m.fleck --size axb
try fit "$S" -o m.fleck --crop 999x999
try fit "$S" -o m.fleck --method nosuch
try fit "$S" -o m.fleck --backbone nosuch
try fit "$S" -o m.fleck --taps stride4,layer9
try fit "$S" -o m.fleck --resize box
try fit "$S" -o m.fleck --precision f8
try fit "$S" -o m.fleck --engine tensorrt
try fit "$S" -m padim -o m.fleck --dims 1000
try fit "$S" -m padim -o m.fleck --reduce maybe
try fit "$S" -m padim -o m.fleck --reduce list:nosuch.txt
try fit "$S" -o m.fleck --k-image 5
try predict "$M"
try predict "$M" "$S/test" --maps bmp -o out
try predict "$M" "$S/test" --maps tiff
try eval "$M" "$S" --protocol best
try eval "$M" "$S" --dims 10
try eval "$M" "$S" --threads many
try weights frob
try weights add nosuch file
try panel "$S/test/good/000.png" "$M"
ls
# What was meant.
fleck fitt "$S"
fleck fit "$S" --metod padim
fleck fit "$S" -o m.fleck --method padin
fleck fit "$S" -o m.fleck --backbone resnt18
fleck fit "$S" -o m.fleck --dim 3
fleck fit "$S" -o m.fleck --json
fleck fit "$S" -o m.fleck --engine opnvino
fleck fit "$S" -o m.fleck --resize bicubik
fleck fit "$S" -o m.fleck --precision fp16
fleck fit "$S" -o m.fleck --normalisation imagnet
fleck fit "$S" -o m.fleck --pool methd
fleck fit "$S" -o m.fleck --taps stride4,stride33
fleck fit "$S" -o m.fleck --good goood
fleck fit "$S" -m padim -o m.fleck --reduce orthogonl
fleck bench "$S/.." -o b --preset reprot
fleck bench "$S/.." -o b --run padim --category smaple
fleck predict "$M" "$S/test" --maps tif -o out
fleck predict "$M" "$S/test" --maps tiff --map-size corp -o out
fleck eval "$M" "$S" --protocol papr
printf 'path,label\n%s/test/good/000.png,god\n' "$S" >list.csv
fleck eval "$M" list.csv
# Nobody's name writes on the terminal.
cp -r "$S" "$(printf 'red\033[31m')"
mkdir "$(printf 'red\033[31m')/train/good/sub"
cp "$S/train/good/000.png" "$(printf 'red\033[31m')/train/good/sub"
fleck fit "$(printf 'red\033[31m')" -o r.fleck 2>&1 | grep -v TIMES | sed -n 1p
fleck fit "$(printf 'no\033[31m')" -o r.fleck
fleck fit "$S" -o r.fleck --frob "$(printf '\033[31m')"
fleck fit "$S" -o r.fleck --resize "$(printf '\033[31m')"
