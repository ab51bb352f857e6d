# SPDX-License-Identifier: Apache-2.0
# Whatever the limit of addresses: an end within seconds, with a message where it is not success,
# and never a signal.
if ! sh -c 'ulimit -v 4000000 && fleck --version; exit $?' >/dev/null 2>&1; then
    echo "SKIP the tool does not start within a limit of addresses"
    exit 0
fi
for kib in 130000 180000 230000 290000 350000 420000 520000 650000; do
    for what in "info $M" "fit $S -o m.fleck" \
        "fit $S -o m.fleck --method subspace --engine native -t 4"; do
        # shellcheck disable=SC2086
        (ulimit -v $kib && exec timeout -s KILL 60 fleck $what) >out 2>err
        code=$?
        case $code in
        0) ;;
        1) grep -q '^fleck: ' err || { echo "$kib KiB, $what: no message" && cat err; } ;;
        *) echo "$kib KiB, $what: exit $code" && cat err ;;
        esac
    done
done
# The tool's libraries have not started threads of their own, and all processors are there for its
# own.
[ "$(fleck fit "$S" -o m.fleck | sed -n 's/.* s on \([0-9]*\) threads .*/\1/p')" = "$(nproc)" ] &&
    echo "all processors"
