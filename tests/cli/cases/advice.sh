# SPDX-License-Identifier: Apache-2.0
# Refusals that say what would do: memory, and tiles beyond the picture.
fleck synth one --train 6 --good 1 --defective 1 >/dev/null
numbers='s/[0-9][0-9]*M/NM/g; s/[0-9][0-9]* MiB/N MiB/g
    s/needs [0-9]*/needs N/; s/takes [0-9]*/takes N/'
fleck fit one -o m.fleck --size 1024x1024 --crop none -t 2 --max-memory 700M 2>refused
echo "exit $?"
sed "$numbers; s/; what would do.*//" refused
for what in --max-memory --tiles --size; do
    grep -c -e "; what would do:.* $what" refused
done
# What is named does: the size with the limit that was refused.
size=$(sed -n 's/.*\(--size [0-9x]*\) --crop none.*/\1/p' refused)
fleck fit one -o m.fleck $size --crop none -t 2 --max-memory 700M >/dev/null
echo "exit $?"
# A limit that the network alone takes: nothing but more memory would do.
fleck fit one -o m.fleck -t 1 --max-memory 1M 2>&1 | sed "$numbers"
for tiles in 8192 288 256; do
    fleck fit one -o m.fleck --tiles $tiles >/dev/null
    echo "exit $?"
done
fleck fit one -o m.fleck --size 128x96 --crop none --tiles 160
ls -d m.fleck
