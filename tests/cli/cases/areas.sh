# SPDX-License-Identifier: Apache-2.0
# Areas that are left out, or that alone count: at fit, and for one call.
limits() { sed 's/threshold [^ ]*/threshold T/; s/[0-9.]* MiB/X MiB/'; }
bar() { # width, height, white rows at the top
    printf 'P5 %d %d 255\n' "$1" "$2"
    head -c $(($1 * $3)) /dev/zero | tr '\0' '\377'
    head -c $(($1 * ($2 - $3))) /dev/zero
}
bar 256 256 64 >top.pgm
bar 128 128 32 >small.pgm
for area in 0,0,256,64 "0,0 256,0 256,64 0,64" top.pgm; do
    fleck fit "$S" -o "$area.fleck" --ignore "$area" --crop none --size 256 | limits
done
fleck fit "$S" -o mask.fleck --fit-mask top.pgm --crop none --size 256 | limits
cmp 0,0,256,64.fleck top.pgm.fleck && cmp mask.fleck top.pgm.fleck && echo the same models
fleck fit "$S" -o only.fleck --only 0,64,256,192 --only 0,0,10,10 --ignore 0,0,256,64 \
    --ignore small.pgm --crop none --size 256 | limits
cmp only.fleck top.pgm.fleck && echo the same again
fleck info top.pgm.fleck | grep -e left -e outside
fleck fit "$S" -o crop.fleck --size 256x256 --crop 224x224 >/dev/null
fleck info crop.fleck | grep -e left -e outside
fleck info --json crop.fleck | grep -e photo -e left -e outside
# For one call: more is left out, never less, and the model stays as it is.
place() { grep -o '"at":[^]]*]' | head -n 1; }
fleck predict "$M" "$S/test/crack" --json 2>/dev/null | place
fleck predict "$M" "$S/test/crack" --json --ignore 128,0,128,256 2>/dev/null | place
fleck predict "$M" "$S/test/crack" --json --only 128,0,128,256 2>/dev/null | place
fleck eval "$M" "$S" --only 128,0,128,256 --json | grep -A 8 pixel | grep -c auroc
fleck predict "$M" "$S/test/crack" --ignore small.pgm >/dev/null
fleck predict top.pgm.fleck "$S/test/crack" --only top.pgm
# What is no area is said before any work.
for area in 1,2,3 "1,2 3,4" 1,2,0,4 900,900,10,10 0,0,256,256 missing.png; do
    fleck predict "$M" "$S/test/crack" --ignore "$area"
    echo "exit $?"
done
fleck fit "$S" -o bad.fleck --only 0,0,10,10 --ignore 0,0,20,20
fleck fit "$S" -o top.pgm --ignore top.pgm
ls ./*.fleck | wc -l
