# SPDX-License-Identifier: Apache-2.0
# Weights that end after layer 3: everything but the global pool works, and what needs it says so.
weights=$SHARED/weights/resnet18_imagenet_bnfolded.safetensors
if [ ! -f "$weights" ]; then
    echo "SKIP needs weights/resnet18_imagenet_bnfolded.safetensors"
    exit 0
fi
cp -r "$FLECK_HOME" home
FLECK_HOME=$PWD/home
export FLECK_HOME
fleck weights add resnet18 "$weights"
fleck weights list | sed -n 's/[0-9.]* MB/N MB/; /^resnet18 /p'
fleck fit "$S" -m padim -o padim.fleck -b resnet18 | sed 's/threshold [0-9.]*/threshold T/'
fleck fit "$S" -o spade.fleck -b resnet18 -m spade
echo "exit $?"
fleck fit "$S" -o spade.fleck -b resnet18 -m spade --global layer3 |
    sed 's/threshold [0-9.]*/threshold T/'
fleck panel "$S/test/stain/000.png" spade.fleck padim.fleck -o panel.png
ls
