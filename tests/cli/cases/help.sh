# Every command explains itself on standard output, and the options of the methods come from their tables.
fleck --help && echo "exit $?"
for c in fit predict eval metrics info verify weights synth panel; do
    fleck $c --help >$c.txt || echo "$c: exit $?"
    head -n 1 $c.txt
done
grep -c -- '--k-image\|--radius\|--dims\|--reduce\|--kappa\|--fusion\|--global' fit.txt
