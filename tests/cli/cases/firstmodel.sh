# SPDX-License-Identifier: Apache-2.0
# Every command of docs/guide/first-model.md.
sed -n 's/^    \(fleck .*\)/\1/p' "$SOURCE/docs/guide/first-model.md" >commands
while read -r line; do
    echo "\$ $line"
    sh -c "$line" >said 2>errors </dev/null
    echo "exit $?"
    # What tells that it did what the guide says, without scores.
    grep -o -e '[0-9]* photos learned' -e 'learned *[0-9]* good images' \
        -e '[0-9]* good and [0-9]* defective test images' said
    grep 'warning' errors
done <commands
ls sample sample/test
find out -name '*.png' | wc -l
grep -c '<img' page.html
head -c 4 panel.png | tail -c 3 && echo
