# SPDX-License-Identifier: Apache-2.0
# Two runs compared: from a benchmark's file and from eval's, and what does not belong together.
fleck synth root/one --size 96 --train 4 --good 4 --defective 2 >/dev/null
fleck bench root -o out --run spade:k=2,radius=0 --run padim:dims=20 --size 64 \
    --resamples 100 >/dev/null 2>&1
fleck compare out/one.json#1 out/one.json#1
fleck compare out/one.json#2 out/one.json#padim@efficientnet_lite0:dims=20 | tail -n 1
fleck compare out/one.json#1 out/one.json#2 --json | grep -o '"[a-z_]*":' | tr -d '\n'
echo
fleck eval "$M" root/one --json >a.json
cp -r root/one moved
fleck eval "$M" moved --json >b.json
fleck compare a.json b.json | grep ROC-AUC | grep -o 'B - A.*'
fleck compare a.json out/one.json#2 | sed -n 1,3p
rm moved/test/good/002.png
fleck eval "$M" moved --json >b.json
fleck compare a.json b.json
fleck compare b.json a.json
echo "exit $?"
sed 's/"label": 1/"label": 0/' a.json >c.json
fleck compare a.json c.json
fleck compare out/one.json out/one.json#2
fleck compare out/one.json#3 out/one.json#2
fleck compare a.json#1 a.json
fleck compare nosuch.json a.json
echo '{"scores": 3}' >bad.json
fleck compare bad.json a.json
head -c 200 a.json >cut.json
fleck compare cut.json a.json
fleck compare a.json
