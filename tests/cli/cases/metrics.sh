# SPDX-License-Identifier: Apache-2.0
# Maps written by predict and measured by metrics give what eval gives, for both protocols.
fleck eval "$M" "$S" --json >eval-paper.json
fleck eval "$M" "$S" --json --protocol original >eval-original.json
fleck predict "$M" "$S/test" -o full --maps tiff --no-pictures >/dev/null
fleck predict "$M" "$S/test" -o crop --maps npy --map-size crop --no-pictures >/dev/null
fleck metrics full "$S" --json >maps-original.json
fleck metrics crop "$S" --json --protocol paper --size 224x224 --crop none >maps-paper.json
for p in paper original; do
    for f in eval maps; do
        tr -d ' ' <$f-$p.json | grep -A 6 '"pixel":{' | grep 'auroc\|ap\|f1max\|pro' >$f-$p.txt
    done
    cmp eval-$p.txt maps-$p.txt && echo "$p: same"
    wc -l <eval-$p.txt
done
find full -path "*/good/000.png.tiff" -exec rm {} +
fleck metrics full "$S"
echo "exit $?"
fleck metrics crop "$S"
echo "exit $?"
