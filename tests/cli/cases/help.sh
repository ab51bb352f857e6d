# SPDX-License-Identifier: Apache-2.0
# Every command explains itself on standard output: a line, an example, common options, the others
# in groups.  The options of a method come from its table, and only when it is named.
fleck --help && echo "exit $?"
for c in fit predict eval metrics info verify install weights synth panel bench compare serve \
    watch; do
    fleck $c --help >$c.txt || echo "$c: exit $?"
    head -n 3 $c.txt
    fleck help $c | cmp - $c.txt
done
fleck help >all.txt && fleck --help | cmp - all.txt
grep -v '^  -' fit.txt
own='--k-image\|--radius\|--dims\|--reduce\|--kappa\|--fusion\|--global'
grep -c -- "$own" fit.txt
fleck fit --method spade --help | grep -c -- "$own"
fleck help fit -m padim | grep -c -- "$own"
fleck predict x.fleck --method=spade -h | grep -c -- "$own"
fleck fit --method spad --help >/dev/null || echo "exit $?"
fleck help fitt || echo "exit $?"
