# Weight files that are refused, and what a missing or incomplete one says.
try() { fleck "$@"; echo "exit $?"; }
FLECK_HOME=$PWD/home
export FLECK_HOME
try weights add resnet18 "$SOURCE/tests/unit/net/files/asks_system_zip.pth"
try weights add resnet18 "$SOURCE/tests/unit/net/files/asks_eval_legacy.pth"
try weights add resnet18 "$SOURCE/tests/unit/net/files/mini_zip.pth"
try weights fetch efficientnet_lite0
try weights fetch resnet18 --mirror http://127.0.0.1:9
try fit "$S" -o m.fleck -b resnet18
find . -type f
try weights fetch dinov2_vits14_reg
try fit "$S" -o m.fleck -b dinov2_vitb14
try weights add dinov2_vits14 "$SOURCE/tests/unit/net/files/tiny_vit.pth"
