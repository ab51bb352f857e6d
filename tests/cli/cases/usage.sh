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
try fit "$S" -o m.fleck --dims 1000
try fit "$S" -o m.fleck --reduce maybe
try fit "$S" -o m.fleck --reduce list:nosuch.txt
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
