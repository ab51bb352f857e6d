# SPDX-License-Identifier: Apache-2.0
# Files and folders that are not there, or not what they should be, are named; nothing is left
# behind.
try() { fleck "$@"; echo "exit $?"; }
mkdir empty
: >empty.png
echo "not an image" >text.png
head -c 300 "$S/test/good/000.png" >cut.png
head -c 1000 "$M" >cut.fleck
: >empty.fleck
try fit nosuch -o m.fleck
try fit empty -o m.fleck
try fit "$S/train/good/000.png" -o m.fleck
mkdir bad && cp "$S/train/good/00"[0-3].png cut.png bad/
try fit bad -o m.fleck
try fit "$S" -o nosuch/folder/m.fleck
try fit "$S" -o empty
try predict nosuch.fleck "$S/test/good/000.png"
try predict empty.fleck "$S/test/good/000.png"
try predict cut.fleck "$S/test/good/000.png"
try predict "$S/test/good/000.png" "$S/test/good/000.png"
try predict "$FLECK_HOME/weights/efficientnet_lite0.safetensors" "$S/test/good/000.png"
try predict "$M" empty
try eval "$M" nosuch
try eval "$M" empty
try metrics nosuch "$S"
try metrics empty "$S"
try info text.png
try weights add resnet18 nosuch.pth
try weights add resnet18 text.png
ls
