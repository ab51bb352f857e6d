# SPDX-License-Identifier: Apache-2.0
# What MH-PatchCore learns does not depend on the names of the good images, nor on their order.
mkdir renamed
i=40
for file in "$S"/train/good/*.png; do
    # No neighbours stay together.
    cp "$file" "renamed/$((i * 7 % 41)).png"
    i=$((i - 1))
done
for set in "$S" renamed; do
    model=$(basename "$set").fleck
    fleck fit "$set" -m mhpatchcore -o "$model" | sed -n 's/, threshold.*//p'
    fleck predict "$model" "$S/test" | cut -f 1,2 >"$model.txt"
done
wc -l <renamed.fleck.txt
cmp sample.fleck.txt renamed.fleck.txt && echo "the same scores"

# Files that cannot be read are left out of the order as of the names.
mkdir damaged
cp renamed/*.png damaged
echo broken >damaged/0.png
echo broken >damaged/38.png
fleck fit damaged -m mhpatchcore --skip-bad -o damaged.fleck 2>/dev/null |
    sed -n 's/, threshold.*//p'
fleck predict damaged.fleck "$S/test" | cut -f 1,2 | cmp - sample.fleck.txt &&
    echo "the same scores"
