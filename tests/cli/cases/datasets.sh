# SPDX-License-Identifier: Apache-2.0
# The three ways to name good images teach the same, and a CSV tests as a folder does.
fleck fit "$S" -o layout.fleck >/dev/null
fleck fit "$S/train/good" -o flat.fleck >/dev/null
{
    echo "path,label,mask,split"
    for f in "$S"/train/good/*.png; do echo "$f,good,,train"; done
    for f in "$S"/test/good/*.png; do echo "$f,good,,test"; done
    for f in "$S"/test/[!g]*/*.png; do
        mask=$(echo "$f" | sed 's#/test/#/ground_truth/#; s#.png$#_mask.png#')
        echo "$f,defective,$mask,test"
    done
} >parts.csv
fleck fit parts.csv -o csv.fleck >/dev/null
for m in layout flat csv; do
    fleck predict $m.fleck "$S"/test/*/*.png >$m.txt
done
cmp layout.txt flat.txt && cmp layout.txt csv.txt && echo same
fleck eval "$M" "$S" | sed -n 5,6p >folder.txt
fleck eval "$M" parts.csv | sed -n 5,6p >list.txt
cmp folder.txt list.txt && echo same
