# The backup drill of docs/operate.md, line by line: taken out of the document, so that it cannot
# say what does not work. deb.sh runs it on its own server's store.
serve
before=$(token amy)
list http://127.0.0.1:8480 "$before" >/tmp/before.json
awk '/^### A drill/ { drill = 1 } drill && /^```/ { code = !code; if (!code) exit; next } drill && code' \
  /usr/share/doc/huihua-server/operate.md >/tmp/drill.sh
[ "$(wc -l </tmp/drill.sh)" -ge 5 ] || fail "operate.md has no drill"
expect "the drill of operate.md" sh -eux /tmp/drill.sh
stop $pid
# The copy serves what the server served.
restored=/tmp/huihua-drill
setpriv --reuid=huihua --regid=huihua --init-groups huihua-server serve --config $config --data $restored 2>/tmp/server.log &
pid=$!
wait_for http://127.0.0.1:8480/readyz
list http://127.0.0.1:8480 "$before" >/tmp/after.json
expect "the restored list" python3 -c "
import json
a, b = (json.load(open(p))['sessionList'] for p in ('/tmp/before.json', '/tmp/after.json'))
assert a and a == b"
stop $pid
say "the drill of operate.md: the restored store serves the same list"
