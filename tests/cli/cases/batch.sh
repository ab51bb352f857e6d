# SPDX-License-Identifier: Apache-2.0
# One bad image does not stop a batch: it is named on stderr, counted, and the exit code says so.
: >empty.png
echo "not an image" >text.png
# A PNG whose header claims 100000 x 100000 pixels.
{
    printf '\211\120\116\107\015\012\032\012\000\000\000\015\111\110\104\122'
    printf '\000\001\206\240\000\001\206\240\010\002\000\000\000\047\060\234\237'
    printf '\000\000\000\014\111\104\101\124\170\234\143\140\240\075\000\000\000\144'
    printf '\000\001\206\144\074\065\000\000\000\000\111\105\116\104\256\102\140\202'
} >huge.png
head -c 300 "$S/test/good/000.png" >cut.png
fleck predict "$M" "$S/test/good/000.png" empty.png text.png cut.png huge.png nosuch.png \
    "$S/test/good/001.png" -o out \
    >scores 2>errors
echo "exit $?"
cat errors
wc -l <scores
find out -type f | sort | sed 's#.*/##'
