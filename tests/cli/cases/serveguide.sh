# SPDX-License-Identifier: Apache-2.0
# Every command of docs/guide/at-the-line.md that talks to the service, on a free port.
command -v curl >/dev/null || { echo "SKIP there is no curl"; exit; }
if fleck serve nowhere --port 0 --address 0.0.0.0 2>&1 | grep -q 'built without'; then
    echo "SKIP fleck was built without serve"
    exit
fi
mkdir photos
cp -r "$S/test/scratch" photos/new
cp "$S/test/good/000.png" photos/new/001.png
cp "$M" part.fleck
echo "no image" >notes.txt
head -c 307200 /dev/zero >frame.raw
sed -n 's/^    \(\(fleck serve\|curl\) .*\)/\1/p' "$SOURCE/docs/guide/at-the-line.md" >commands
serve=$(grep '^fleck serve' commands | sed 's/--port 8080/--port 0/')
# The shell that starts it becomes it, so that it can be ended.
: >started
sh -c "exec $serve" >started &
pid=$!
trap 'kill $pid 2>/dev/null' EXIT
for i in 1 2 3 4 5 6 7 8 9 10; do
    grep -q serves started && break
    sleep 0.3
done
port=$(sed 's/.*://' started)
grep '^curl' commands | while read -r line; do
    echo "\$ $line"
    echo "$line" | sed "s/localhost:8080/localhost:$port/" >command
    sh command >said 2>errors
    echo "exit $?"
    case $line in
    *bracket* | */inspect*) keep='"name":"[^"]*"' ;;
    *) keep='"version":[0-9]*' ;;
    esac
    grep -o -e "$keep" -e '"verdict":"[a-z]*"' -e '"unlike":[^]]*]' -e '"status":[0-9]*' \
        -e '"detail":"[^"]*"' -e '^id,.*,verdict' -e '^fleck_[a-z_]*{verdict.*' said
    cat errors
done
echo "\$ # another service on the same folder, another address without a token, a token"
$serve
fleck serve other --port 0 --address 0.0.0.0
fleck serve other --port 0 --new-token >token &
other=$!
while ! grep -q serves token; do sleep 0.3; done
port=$(sed -n 's/.*[0-9]:\([0-9]*\)$/\1/p' token)
curl -s -o /dev/null -w '%{http_code}\n' "localhost:$port/api/v1/products"
curl -s -o /dev/null -w '%{http_code}\n' -H "Authorization: Bearer $(sed -n 's/token: //p' token)" \
    "localhost:$port/api/v1/products"
ls -l other/token | cut -c1-10
kill $other $pid
wait $other
wait $pid
echo "serve: exit $?"
