# SPDX-License-Identifier: Apache-2.0
# Taps of two networks, joined; each image passes both.
weights=$SHARED/weights/resnet18_imagenet_bnfolded.safetensors
if [ ! -f "$weights" ]; then
    echo "SKIP needs weights/resnet18_imagenet_bnfolded.safetensors in the shared data"
    exit 0
fi
both=efficientnet_lite0+resnet18
echo "1 weights of one are missing"
fleck fit "$S" -o j.fleck -b $both --pixels 16384 2>&1 | cut -d: -f1,2
fleck weights add resnet18 "$weights" >/dev/null
echo "2 every method"
for method in patchcore mhpatchcore padim subspace; do
    fleck fit "$S" -o $method.fleck -m $method -b $both --pixels 16384 >/dev/null 2>&1
    fleck verify $method.fleck | sed 's/difference .*/difference D/'
    fleck info $method.fleck | grep backbone
done
fleck fit "$S" -o spade.fleck -m spade --global resnet18/layer3 -b $both \
    --pixels 16384 >/dev/null 2>&1
fleck verify spade.fleck | sed 's/difference .*/difference D/'
echo "3 info"
fleck info patchcore.fleck | grep -A 1 weights
fleck info --json patchcore.fleck | sed -n '/"networks"/,$p'
echo "4 taps and weights by name"
fleck fit "$S" -o j.fleck -b $both --taps layer2,efficientnet_lite0/stride8 --weights ",$weights" \
    --pixels 16384 >/dev/null 2>&1
fleck info j.fleck | grep -e backbone -e xxh3
fleck fit "$S" -o k.fleck -b $both --taps layer2
fleck fit "$S" -o k.fleck -b $both --taps layer2,stride8,resnet18/layer9
fleck fit "$S" -o k.fleck -b $both --weights "$weights"
echo "5 what cannot be joined"
for b in resnet18+resnet19 resnet18+resnet18 resnet18+net.onnx resnet18+; do
    fleck fit "$S" -o k.fleck -b $b
done
test -e k.fleck || echo "nothing was written"
echo "6 a benchmark passes each image through each network once"
mkdir root && ln -s "$S" root/parts
fleck bench root -o out --pixels 16384 -r padim@efficientnet_lite0 -r padim@resnet18 \
    -r padim@$both >/dev/null 2>&1
grep -o -e '"networks": [0-9][0-9]*' -e '"passes": [0-9][0-9]*' -e '"images": [0-9][0-9]*' \
    -e '"backbone": "[^"]*"' out/parts.json | sort -u
rm "$FLECK_HOME/weights/resnet18.safetensors"
