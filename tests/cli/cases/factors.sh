# SPDX-License-Identifier: Apache-2.0
# PaDiM's factors in bf16: about half the model, the same bytes for any threads, fixed by the fit.
size() { wc -c <"$1"; }
fleck fit "$S" -m padim -o f32.fleck --seed 3 >fit.txt
fleck fit "$S" -m padim -o bf16.fleck --seed 3 --factors bf16 --threads 2 >fit.txt
echo "exit $?"
fleck fit "$S" -m padim -o again.fleck --seed 3 --factors bf16 --threads 1 >fit.txt
cmp bf16.fleck again.fleck && echo "same bytes"
# 4096 x 5050 numbers of 2 bytes less, and a header of nearly the same length.
saved=$(($(size f32.fleck) - $(size bf16.fleck) - 4096 * 5050 * 2))
[ ${saved#-} -le 128 ] && echo "half the factors"
fleck verify bf16.fleck --tolerance 0.001 | sed 's/difference .*/difference N/'
fleck predict bf16.fleck "$S/test/good/000.png" --neighbourhood 1 | cut -f 3
fleck predict bf16.fleck "$S/test/good/000.png" --factors f32
echo "exit $?"
fleck fit "$S" -m padim -o no.fleck --factors f16
echo "exit $?"
exit 0
