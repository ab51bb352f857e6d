# SPDX-License-Identifier: Apache-2.0
# An image's score may be its map's maximum or the mean of its top pixels; the threshold belongs to
# the way it was fitted with.
fleck fit "$S" -m padim -o top.fleck --pool top:0.50 >fit.txt
echo "exit $?"
fleck info top.fleck | grep scores
fleck verify top.fleck --tolerance 0.001 | sed 's/difference .*/difference N/'
fleck predict top.fleck "$S/test/good/000.png" | cut -f 3
fleck predict top.fleck "$S/test/good/000.png" --pool max | cut -f 1,2 >max.txt
fleck predict "$M" "$S/test/good/000.png" | cut -f 1,2 >method.txt
cmp max.txt method.txt && echo same
fleck predict "$M" "$S/test/good/000.png" --pool top:0.5 | cut -f 1,2 >top.txt
fleck predict top.fleck "$S/test/good/000.png" | cut -f 1,2 | cmp - top.txt && echo same
fleck predict "$M" "$S/test/good/000.png" --pool top:0
echo "exit $?"
