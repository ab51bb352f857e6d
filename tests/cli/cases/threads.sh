# SPDX-License-Identifier: Apache-2.0
# The same bytes on one thread and on two: models, scores, maps, pictures, reports.
for method in padim spade; do
    for t in 1 2; do
        fleck fit "$S" -m $method -o $method$t.fleck --threads $t >/dev/null || echo "fit: exit $?"
        fleck predict $method$t.fleck "$S/test" -o out$t --overwrite --maps npy --threads $t |
            sed 's#out[12]##' >$method$t.txt
        fleck eval $method$t.fleck "$S" --threads $t | grep -v ' s on ' >$method$t.eval
    done
    cmp ${method}1.fleck ${method}2.fleck && cmp ${method}1.txt ${method}2.txt &&
        cmp ${method}1.eval ${method}2.eval &&
        diff -r out1 out2 && echo "$method: same"
done
