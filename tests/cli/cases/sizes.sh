# SPDX-License-Identifier: Apache-2.0
# Sizes that are not square, no crop, every filter, every reduction, both fusions and galleries.
check() {
    echo "$*"
    fleck fit "$S" -o m.fleck "$@" >/dev/null &&
        fleck predict m.fleck "$S/test/stain/000.png" -o out --overwrite --maps npy |
        cut -f 3
}
check --size 320x192
check --size 200x256 --crop 160x224
check --size 96 --crop none --sigma 0
check --resize nearest
check --resize area -m padim --reduce orthogonal --dims 16
check --resize bilinear -m padim --reduce none --taps stride16
check --calibrate 0 -m spade --radius 0 --k-pixel 3
check -m spade --fusion mean --global stride16 --kappa 2
echo 5 >list.txt
echo 170 >>list.txt
check -m padim --reduce list:list.txt
echo 176 >>list.txt
check -m padim --reduce list:list.txt
