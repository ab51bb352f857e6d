# SPDX-License-Identifier: Apache-2.0
# A model of another version, of an unknown network or method, damaged, or not a model: refused by
# name.
try() { fleck "$@"; echo "exit $?"; }
# A model of an earlier version has no checksum, which would be the first to speak.
change() {
    LC_ALL=C sed "s/fleck.checksum/fleck.checksux/; s/checksum\\\\\"/checksux\\\\\"/; s/$1/$2/" \
        "$M" >changed.fleck
}
change '\\"format\\":1' '\\"format\\":9'
try info changed.fleck
change '\\"format\\":1' '\\"format\\":3'
try info changed.fleck
change 'factors\\":\\"f32' 'factors\\":\\"f16'
try info changed.fleck
change 'backbone\\":\\"efficientnet_lite0' 'backbone\\":\\"efficientnet_lite7'
try info changed.fleck
change 'backbone\\":\\"efficientnet_lite0' 'backbone\\":\\"wide_resnet50_2***'
try info changed.fleck
change 'method\\":\\"padim' 'method\\":\\"spade'
try info changed.fleck
change 'method\\":\\"padim' 'method\\":\\"magic'
try info changed.fleck
change '\\"crop_width\\":256' '\\"crop_width\\":999'
try info changed.fleck
change '\\"crop_width\\":256' '\\"crop_width\\":192'
try info changed.fleck
change 'backbone._conv_stem.weight' 'backbone._conv_stem.weighs'
try info changed.fleck
head -c 100000 "$M" >changed.fleck
try info changed.fleck
