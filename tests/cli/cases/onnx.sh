# SPDX-License-Identifier: Apache-2.0
# A user's own network: its outputs are the taps, and the model carries it.
try() { fleck "$@"; echo "exit $?"; }
net=$SOURCE/tests/golden/net
cp "$net/open.onnx" mine.onnx
try fit "$S" -m padim -o m.fleck -b mine.onnx --size 64x48 --dims 3 |
    sed 's/threshold [0-9.]*/threshold T/'
try fit "$S" -o s.fleck -b mine.onnx --size 64x48 -m spade | sed 's/threshold [0-9.]*/threshold T/'
rm mine.onnx
try verify m.fleck --tolerance 0
try verify s.fleck --tolerance 0
fleck info m.fleck --json | grep '"backbone"\|"taps"\|"patches"\|"dim"'
try verify m.fleck --engine reference
head -c 900 "$net/open.onnx" >cut.onnx
try fit "$S" -o n.fleck -b cut.onnx --size 64x48
: >empty.onnx
try fit "$S" -o n.fleck -b empty.onnx
try fit "$S" -o n.fleck -b nosuch.onnx
try fit "$S" -o n.fleck -b "$net/two_inputs.onnx" --size 64x48
ls
