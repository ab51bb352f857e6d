# SPDX-License-Identifier: Apache-2.0
# A full disk: a clear error, nothing half-written.
mkdir small
if ! mount -t tmpfs -o size=64k none small 2>/dev/null; then
    echo "SKIP a small file system cannot be mounted here"
    exit 0
fi
fleck fit "$S" -o small/m.fleck
echo "exit $?"
ls -A small
fleck predict "$M" "$S/test/good" -o small/out --maps tiff >/dev/null
echo "exit $?"
find small -name '*.part' -o -name '*.tiff'
fleck info "$M" >/dev/full
echo "exit $?"
umount small
