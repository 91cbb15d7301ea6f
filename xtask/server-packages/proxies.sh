# nginx, Caddy or HAProxy with its file of deploy/ as it is, in front of a real server: the file is
# right, a message goes in and out, a sync waits 30 s, a body may have 4 MiB and no more.
. /proof/common.sh
host=huihua.example.com
echo "127.0.0.1 localhost $host" >>/etc/hosts
mkdir -p /etc/huihua/tls && cd /etc/huihua/tls
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=$host" -addext "subjectAltName=DNS:$host" \
  -keyout privkey.pem -out fullchain.pem 2>/dev/null
cat fullchain.pem privkey.pem >huihua.pem
mkdir /tmp/try && cd /tmp/try
HUIHUA_ADMIN_LISTEN=127.0.0.1:8481 /proof/bin/huihua-server dev >/tmp/dev.out 2>/tmp/server.log &
wait_for http://127.0.0.1:8480/readyz
ln -s /proof/bin/huihua-server /usr/local/bin/huihua-server
token=$(huihua-server token --data huihua-dev --account alice)
key=$(field ingestKey huihua-dev/dev.json)

# A batch of 500 events that has just 4 MiB, and one a byte longer.
python3 - <<'END'
events = [{"type": "message", "sessionType": "p2p", "from": "carol", "to": "dave", "time": 1700000000000 + n,
           "messageId": str(n), "msgType": "text", "body": "x" * 8000} for n in range(500)]
import json
text = json.dumps({"events": events})
for name, size in (("fits", 4 << 20), ("long", (4 << 20) + 1)):
    open(f"/tmp/{name}.json", "w").write(text + " " * (size - len(text)))
END
status() {
  curl --silent --insecure --output /dev/null --write-out '%{http_code}' --max-time 45 "$@"
}
body() {
  status "https://$host/v1/events" -H "Authorization: Bearer $key" -H 'Content-Type: application/json' \
    -H 'Expect:' --data-binary "@/tmp/$1.json"
}
prove() {
  wait_for "https://$host/readyz"
  exchange "https://$host" huihua-dev
  [ "$(body fits)" = 200 ] || fail "$1: a body of 4 MiB: $(body fits)"
  [ "$(body long)" != 200 ] || fail "$1: a body over 4 MiB was taken"
  # The server would refuse it too. Caddy hands a body on as it comes, and cuts it at its limit.
  refused=$(curl --silent http://127.0.0.1:8481/metrics | grep -c '^huihua_http_requests_total.*status="413"' || true)
  [ "$1" = caddy ] || [ "$refused" = 0 ] || fail "$1: a body over 4 MiB went through to the server"
  # The cursor of now: nothing changes for as long as it waits.
  cursor=$(list "https://$host" "$token" | sed -n 's/.*"syncCursor":"\([^"]*\)".*/\1/p')
  [ -n "$cursor" ] || fail "$1: a page without a cursor"
  start=$(date +%s)
  code=$(status "https://$host/v1/sync?cursor=$cursor&waitMs=30000" -H "Authorization: Bearer $token")
  took=$(($(date +%s) - start))
  [ "$code" = 200 ] && [ "$took" -ge 29 ] || fail "$1: a sync that waits: $code after $took s"
  say "$1: its file is right; message, 4 MiB, and a wait of $took s went through"
}

case $1 in
nginx)
  rm -f /etc/nginx/sites-enabled/default
  cp /proof/deploy/nginx.conf /etc/nginx/conf.d/huihua.conf
  expect "nginx -t" nginx -t
  nginx
  ;;
haproxy)
  expect "haproxy -c" haproxy -c -f /proof/deploy/haproxy.cfg
  # It wants two open files for each connection, and where tests run it may have fewer.
  haproxy -n 2000 -f /proof/deploy/haproxy.cfg &
  ;;
caddy)
  expect "caddy validate" caddy validate --adapter caddyfile --config /proof/deploy/Caddyfile
  # No authority is reached from here, so that it makes the certificate itself.
  { printf '{\n\tlocal_certs\n\tskip_install_trust\n}\n' && cat /proof/deploy/Caddyfile; } >/tmp/Caddyfile
  HOME=/tmp caddy run --adapter caddyfile --config /tmp/Caddyfile 2>/tmp/caddy.log &
  ;;
esac
prove "$1"
