# SPDX-License-Identifier: Apache-2.0
# Memory that does not grow with the images: batches, tables of scores.
if [ -n "${ASAN_OPTIONS:-}${TSAN_OPTIONS:-}" ]; then
    echo "SKIP a sanitizer wants all of memory"
    exit 0
fi

# Fourteen pictures of 24 megapixels of one file, in less memory than all of them would take.
mkdir large
{ printf 'P6\n6000 4000\n255\n' && head -c 72000000 /dev/zero | tr '\0' '\170'; } >large/0.ppm
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13; do ln -s 0.ppm large/$i.ppm; done
(ulimit -d 1200000 && fleck predict "$M" large -t 2 -o pictures) >scores
echo "exit $?, $(wc -l <scores) lines, $(find pictures -name "*.png" -type f | wc -l) pictures"
awk -F'\t' '{ print $2 }' scores | sort -u | wc -l
rm -r large pictures

# Short of memory altogether, it is the call that fails: no image is called unreadable.
(ulimit -d 150000 && timeout 60 fleck predict "$M" "$S/test/good" -t 2) >scores 2>short
echo "exit $(($? > 0))"
grep -c 'read\|decod' short

# The advice, where no limit was set.
(ulimit -d 500000 && fleck fit "$S" -o m.fleck --size 2048x2048 --crop none -t 2) 2>&1 |
    grep -o '; less is needed.*'

# Scores of 300,000 images, 29 MB a file.
for seed in 1 2; do
    awk -v seed=$seed 'BEGIN {
        srand(seed)
        printf "{\n  \"scores\": ["
        for (i = 0; i < 300000; i++)
            printf "%s\n    {\"path\": \"test/scratch/%06d_some_name.png\", " \
                "\"type\": \"scratch\", \"label\": %d, \"score\": %.6f}",
                (i > 0 ? "," : ""), i, i % 2, rand() + i % 2 * 0.3
        print "\n  ]\n}"
    }' >$seed.json
done
(ulimit -d 230000 && fleck compare 1.json 2.json --resamples 20) | grep -c 'B - A'
sed '150000s/"label": ./"label": 7/' 1.json >3.json
fleck compare 3.json 2.json --resamples 20
head -c 20000000 1.json >4.json
fleck compare 4.json 2.json --resamples 20
