# SPDX-License-Identifier: Apache-2.0
# CSV files as spreadsheets of other countries and systems write them.
ln -s "$S" S
printf 'path;label\r\nS/test/good/000.png;OK\r\nS/test/crack/000.png;NG\r\n' >semicolons.csv
printf 'sep=;\npath;label\nS/test/good/000.png;good\nS/test/crack/000.png;1\n' >sep.csv
printf 'path\tlabel\nS\\test\\good\\000.png\tgood\nS\\test\\crack\\000.png\t1\n' >tabs.csv
{
    printf '\377\376'
    sed 's/./&@/g' tabs.csv | tr '\n' '#' | sed 's/#/#@/g' | tr '#@' '\n\0'
} >utf16.csv
for name in semicolons sep tabs utf16; do
    fleck eval "$M" $name.csv | sed -n 1,2p
done
printf 'file;class\nS/test/good/000.png;good\n' >header.csv
fleck eval "$M" header.csv
echo "exit $?"
printf '%s\n' path,label S/test/good/000.png,good S/a.png,good S/test/good/001.png,0 \
    'C:\parts\b.png,1' >missing.csv
fleck eval "$M" missing.csv
echo "exit $?"
fleck fit missing.csv -o m.fleck
echo "exit $?"
