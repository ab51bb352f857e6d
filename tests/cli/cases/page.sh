# SPDX-License-Identifier: Apache-2.0
# The page of predict --html: what stands on it and in what order, what is escaped, how much there
# is at most; it replaces nothing that is read, nor what is of others.
cp -r "$S" s
# Two parts are above T.
T=$(fleck predict "$M" s/test 2>/dev/null | cut -f 2 | sort -gr |
    awk 'NR == 2 { a = $1 } NR == 3 { print (a + $1) / 2 }')
N=$(find s/test -name '*.png' | wc -l)
page() {
    fleck predict "$M" "$@" >rows.txt 2>err.txt
    echo "exit $?"
}
count() { grep -o "$1" "$2" | wc -l; }
numbers() { sed 's/-\{0,1\}[0-9][0-9.]*\(e[-+]*[0-9]*\)\{0,1\}/N/g'; }
echo "- what stands on it"
echo "no image" >bad.png
page s/test bad.png --threshold "$T" --html page.html
head -n 2 page.html
grep -o '^<title>[^<]*' page.html | sed "s/ $N / ALL /"
grep '<li class' page.html | sed "s/$((N + 1))<.b>images/ALL/; s/$((N - 2))<.b>good/REST/"
for part in '<article' '<img alt="[^"]' 'src="data:image/jpeg;base64,/9j/' '<details><summary>'; do
    [ "$(count "$part" page.html)" = "$N" ] && echo "as many as parts: $part"
done
sed -n 's/.*<dt>score<.dt><dd>\([^<]*\).*/\1/p' page.html >scores.txt
sort -gr scores.txt | cmp - scores.txt && echo "worst first"
grep -o '<article class="part [a-z]*' page.html | uniq -c | sed "s/^ *//; s/^$((N - 2)) /REST /"
grep '<li>' page.html
grep '<line' page.html | numbers
grep -c 'prefers-color-scheme:dark' page.html
sed -n 's/.*base64,\([^"]*\)".*/\1/p' page.html | head -n 1 | base64 -d >picture.jpg
fleck predict "$M" picture.jpg 2>/dev/null | cut -f 1
echo "- nothing from elsewhere"
grep -oE '(src|href|srcset|action|data)="[^"]*"' page.html | grep -v '^src="data:image/jpeg' | head
grep -ciE '<(script|link|iframe|object|embed|base|form)|url\(|@import|https?:' page.html
grep -o 'Content-Security-Policy.*' page.html
echo "- the same on any number of threads, and from standard input"
page s/test --threshold "$T" --html a.html -t 1 --html-pictures 3
page s/test --threshold "$T" --html b.html -t 3 --html-pictures 3
find s/test -name '*.png' | sort | page - --threshold "$T" --html c.html --html-pictures 3
cmp a.html b.html && cmp a.html c.html && echo same
echo "- no more pictures than asked for"
count '<article' a.html
[ "$(count '<tr><td class="name">' a.html)" = $((N - 3)) ] && echo "the others have rows"
grep -o '[0-9]* worst parts are pictured' a.html
page s/test --html none.html --threshold "$T" --html-pictures 0
count '<img' none.html
echo "- defective parts alone"
page s/test --html d.html --threshold "$T" --show defective
count '<article' d.html
grep -o '^<title>[^<]*' d.html | sed "s/ $N / ALL /"
grep -o 'Good parts are counted.*' d.html
echo "- without a limit"
page s/test --html open.html --pool top:1
grep -o '^<title>[^<]*' open.html | sed "s/$N /ALL /"
grep -o 'There is no limit[^.]*' open.html
count '<line' open.html
echo "- names"
mkdir names
cp s/test/good/000.png "names/<script>alert(1)<x>&\"'.png"
cp s/test/good/000.png "$(printf 'names/a\342\200\256gnp.b\377\t\n\\.png')"
page names --html names.html --threshold "$T"
sed -n 's/.*<h3>\(.*\)<.h3>/\1/p' names.html
sed -n 's/.*<img alt="\([^"]*\)".*/\1/p' names.html | cut -d : -f 1
echo "- pictures as of -o"
for kind in outline side-by-side; do
    page s/test/stain --html $kind.html --picture $kind
    grep -o '<img alt="[A-Z][a-z]*' $kind.html
done
fleck predict "$M" s/test --html x.html --picture cold
fleck predict "$M" s/test --html-pictures 3
fleck predict "$M" s/test --html x.html --html-pictures 3x
fleck predict "$M" s/test --html x.html --csv x.html
echo "- outputs"
find s -type f -exec cksum {} + | sort >before
fleck predict "$M" s/test --html s/test/good/000.png
fleck predict "$M" s/test --html s/test/good/000.png --overwrite
cp "$M" m.fleck
fleck predict m.fleck s/test --html m.fleck --overwrite
echo s/test/good/000.png | fleck predict "$M" - --html s/test/good/000.png --overwrite
fleck predict "$M" s/test --html absent/x.html
fleck predict "$M" s/test --html s
echo "<!doctype html>" >other.html
fleck predict "$M" s/test --html other.html
page s/test --html other.html --overwrite
page s/test --html other.html
cp other.html kept.html
printf 's/test/good/000.png\0x' | page - --html other.html
cmp other.html kept.html && echo "a run that fails leaves the old page"
find s -type f -exec cksum {} + | sort | cmp before - && echo "nothing lost"
