# One bad image does not stop a batch: it is named on stderr, counted, and the exit code says so.
: >empty.png
echo "not an image" >text.png
head -c 300 "$S/test/good/000.png" >cut.png
fleck predict "$M" "$S/test/good/000.png" empty.png text.png cut.png nosuch.png "$S/test/good/001.png" -o out \
    >scores 2>errors
echo "exit $?"
cat errors
wc -l <scores
find out -type f | sort | sed 's#.*/##'
