# SPDX-License-Identifier: Apache-2.0
# Within a limit of memory, with temporary files that leave no trace: the same model.  Figures
# differ between machines.
fleck fit "$S" -m padim -o free.fleck >/dev/null
# The address sanitizer keeps up to 256 MiB of what is freed.
more=40
[ -n "${ASAN_OPTIONS:-}" ] && more=320
mkdir scratch
TMPDIR=scratch fleck fit "$S" -m padim -o bound.fleck --max-memory 1M 2>refused
echo "exit $?"
sed 's/[0-9][0-9]*/N/g' refused
need=$(sed -n 's/.*this fit needs \([0-9]*\).*/\1/p' refused)
limit=$((need + more))
peak=$(TMPDIR=scratch fleck fit "$S" -m padim -o bound.fleck --max-memory ${limit}M |
    sed -n 's/.*peak \([0-9]*\) MiB/\1/p')
[ "$peak" -le $limit ] && echo "kept to the limit" || echo "$peak MiB of $limit"
cmp free.fleck bound.fleck && echo same
ls -A scratch
fleck fit "$S" -m padim -o bound.fleck --method spade --max-memory 1M 2>&1 | sed 's/[0-9][0-9]*/N/g'
for method in patchcore subspace mhpatchcore; do
    fleck fit "$S" -m padim -o free.fleck --method $method >/dev/null
    fleck fit "$S" -m padim -o bound.fleck --method $method --max-memory 1M 2>refused
    sed 's/[0-9][0-9]*/N/g' refused
    limit=$(($(sed -n 's/.*this fit needs \([0-9]*\).*/\1/p' refused) + more))
    peak=$(fleck fit "$S" -m padim -o bound.fleck --method $method --max-memory ${limit}M |
        sed -n 's/.*peak \([0-9]*\) MiB/\1/p')
    [ "$peak" -le $limit ] && echo "$method: kept to the limit" ||
        echo "$method: $peak MiB of $limit"
    cmp free.fleck bound.fleck && echo same
done
for size in 0 12X M 1e30 -3G; do
    fleck fit "$S" -m padim -o m.fleck --max-memory $size
done
ls
