# SPDX-License-Identifier: Apache-2.0
# A mask of another size, and one that leaves out most, are said; verify and compare name their
# files.
bar() { # width, height, white rows at the top
    printf 'P5 %d %d 255\n' "$1" "$2"
    head -c $(($1 * $3)) /dev/zero | tr '\0' '\377'
    head -c $(($1 * ($2 - $3))) /dev/zero
}
bar 128 128 32 >half.pgm
bar 256 128 32 >wide.pgm
bar 256 256 170 >most.pgm
bar 256 256 64 >right.pgm
for mask in half wide most right; do
    fleck fit "$S" -o m.fleck --fit-mask $mask.pgm | sed -n 1,2p |
        sed 's/threshold [^ ]*/threshold T/'
done
fleck fit "$S" -o n.fleck --calibrate 0 >/dev/null
fleck verify n.fleck
echo '{"scores":[{"path":"a","type":"good","label":0,"score":1}]}' >one.json
fleck compare one.json one.json
echo "exit $?"
