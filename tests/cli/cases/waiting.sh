# SPDX-License-Identifier: Apache-2.0
# Pixels of an evaluation beyond 64 MiB wait in a temporary file; the figures are the same.
fleck synth wide --size 1024x1024 --train 2 --good 2 --defective 1 >/dev/null
for i in $(seq 10 80); do ln -s 000.png wide/test/good/$i.png; done
mkdir scratch
TMPDIR=scratch fleck eval "$M" wide --protocol original --json >one.json
echo "exit $?, left: $(ls -A scratch)"
TMPDIR=no/such fleck eval "$M" wide --protocol original --json >two.json 2>why
echo "exit $?"
sed 's/[0-9]*\.png/N.png/' why
cat two.json
rm wide/test/good/[2-8]*.png
TMPDIR=no/such fleck eval "$M" wide --protocol original --json >two.json
echo "exit $?"
