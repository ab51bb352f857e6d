# SPDX-License-Identifier: Apache-2.0
# Every command of docs/guide/sources-and-sinks.md that ends by itself, its sinks.json, and the
# first request of the service.
command -v curl >/dev/null || { echo "SKIP there is no curl"; exit; }
mkdir -p line/in program
cp "$S/test/scratch/000.png" line/in/b.png
cp "$S/test/good/000.png" line/in/a.png
echo "no image" >line/in/notes.txt
cp "$M" part.fleck
if fleck watch part.fleck line/in --once 2>&1 | grep -q 'built without'; then
    echo "SKIP this fleck was built without the service"
    exit
fi
sed -n 's/^    \(fleck watch .*\)/\1/p' "$SOURCE/docs/guide/sources-and-sinks.md" >commands
while read -r line; do
    rm -rf line/in/.fleck-watch
    echo "\$ $line"
    case $line in *--once*) ;; *) line="$line --once" ;; esac
    sh -c "$line" >said 2>errors
    echo "exit $?"
    sed 's/.*"name":"\([^"]*\)".*"verdict":"\([^"]*\)".*/\1 \2/; s/\t.*\t/ /' said | sort
    sed 's/: .*//' errors
done <commands
echo "\$ # the same again, one file more, another state"
fleck watch part.fleck line/in --once
cp line/in/a.png line/in/c.png
fleck watch part.fleck line/in --once | sed 's/\t.*\t/ /'
fleck watch part.fleck line/in --once --state state 2>/dev/null | sed 's/\t.*\t/ /' | sort
echo "\$ # the page's sinks.json, with a program and addresses of this machine"
sed -n '/^{"sinks"/,/^]}/p' "$SOURCE/docs/guide/sources-and-sinks.md" |
    sed -e "s|/usr/local/bin/reject|$PWD/reject|; s|https://mes.example|http://localhost:9|" \
        -e "s|192.168.0.2|127.0.0.1|; s|, *$|,|" >sinks.json
printf '#!/bin/sh\necho "$FLECK_NAME $FLECK_VERDICT" >>%s/rejected\n' "$PWD" >reject
chmod +x reject
fleck watch part.fleck line/in --once --state other --sinks sinks.json >/dev/null 2>&1
echo "exit $?"
sort rejected
sed 's/.*"name":"\([^"]*\)".*"verdict":"\([^"]*\)".*/\1 \2/' other/results.jsonl | sort
echo "\$ # mistakes"
fleck watch part.fleck nowhere
fleck watch part.fleck line/in/a.png --state state
fleck watch line/in/notes.txt line/in --state state2 2>&1 | sed 's/: .*//'
fleck watch part.fleck line/in --poll 0
fleck watch part.fleck line/in --sinks missing.json
echo '{"sinks": [{"kind": "jsonl", "file": "x", "rotate": 5}]}' >bad.json
fleck watch part.fleck line/in --state state --sinks bad.json
