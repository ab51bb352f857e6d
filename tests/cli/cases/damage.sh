# SPDX-License-Identifier: Apache-2.0
# Models that change: each flipped bit is found, NaN weights are refused, installing is whole or not
# at all, and a model that is overwritten under a process that has it open is noticed.
flip() { # FILE BYTE MASK
    byte=$(od -An -tu1 -j "$2" -N 1 "$1" | tr -d ' ')
    printf "\\$(printf %03o $((byte ^ $3)))" | dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null
}
size=$(wc -c <"$M")
cp "$M" m.fleck
header=$(od -An -tu4 -N 4 "$M" | tr -d ' ')
missed=0 tried=0
# Every part of the file: length, header, thresholds and settings, padding, tensors, the last byte.
for at in 0 3 7 8 $(seq 9 613 $((header + 8))) $((header + 7)) $((header + 8)) \
    $(seq $((header + 5000)) 4001234 "$size") \
    $((size - 1)); do
    mask=$((1 << (tried % 8)))
    flip m.fleck "$at" $mask
    fleck info m.fleck >/dev/null 2>&1 && missed=$((missed + 1)) &&
        echo "bit missed: byte $at, $mask"
    flip m.fleck "$at" $mask
    tried=$((tried + 1))
done
[ $tried -gt 30 ] && echo "missed $missed"
# The names that the checksum is known by.
for word in fleck.checksum '\"checksum\"' xxh3-128; do
    at=$(grep -abo -m 1 -F -e "$word" "$M" | head -1 | cut -d: -f1)
    [ -n "$at" ] || echo "no $word"
    flip m.fleck $((at + 3)) 1
    fleck info m.fleck >/dev/null 2>&1 && echo "missed in $word"
    flip m.fleck $((at + 3)) 1
done
cmp m.fleck "$M" && echo "as before"
# Installing.
cp m.fleck broken.fleck
flip broken.fleck $((size - 100)) 4
mkdir line
fleck install m.fleck line
fleck install m.fleck line/now.fleck
fleck install m.fleck m.fleck
fleck install broken.fleck line/now.fleck 2>&1 | sed 's/[0-9a-f]\{32\}/DIGEST/g'
cmp m.fleck line/now.fleck && ls line
fleck verify line/now.fleck | sed 's/ difference .*;/ difference D;/'
# NaN in weights, of the store's form.  The last bytes are of a float that is used or not; the first
# always is.
w=$FLECK_HOME/weights/efficientnet_lite0.safetensors
cp "$w" nan.safetensors
at=$(($(od -An -tu4 -N 4 nan.safetensors | tr -d ' ') + 8))
printf '\000\000\300\177' | dd of=nan.safetensors bs=1 seek=$at conv=notrunc 2>/dev/null
fleck fit "$S" -o nan.fleck --weights nan.safetensors 2>&1 | sed 's/[0-9a-f]\{32\}/DIGEST/g'
# The same without a checksum: what it is called is no longer known.
sum=$(grep -abo -m 1 -F 'fleck.checksum' nan.safetensors | head -1 | cut -d: -f1)
flip nan.safetensors $((sum + 3)) 1
fleck fit "$S" -o nan.fleck --weights nan.safetensors
ls nan.fleck 2>/dev/null
