# deploy/compose.yaml as it stands, by podman-compose, in a network of its own: the service serves as its
# user, without capabilities, on a root that it cannot write to, and its volume outlives it.
# compose.sh FOLDER: compose.yaml and common.sh are in it; `huihua-server` is an image of podman's.
folder=$1
. "$folder/common.sh"
cd "$folder"
url=https://127.0.0.1:8480
compose="podman-compose --project-name huihua"

openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=huihua -keyout privkey.pem -out fullchain.pem 2>/dev/null
cat >huihua.toml <<'END'
data = "/var/lib/huihua"
listen = "0.0.0.0:8480"
tls_certificate = "/etc/huihua/fullchain.pem"
tls_key = "/etc/huihua/privkey.pem"
connections_max = 1000
[[app]]
key = "app"
accounts = "exact"
secret = "of-the-proof"
token_keys = ["0123456789abcdef0123456789abcdef"]
ingest_key = "fedcba9876543210fedcba9876543210"
END
chgrp 65532 huihua.toml privkey.pem && chmod 640 huihua.toml privkey.pem

up() {
  expect "up" $compose up --detach --no-build
  for _ in $(seq 50); do
    container=$(podman ps --quiet --filter name=huihua)
    [ -n "$container" ] && curl --fail --silent --insecure --output /dev/null $url/readyz && return
    sleep 0.2
  done
  podman ps --all >&2
  podman logs --tail 20 "$(podman ps --all --latest --quiet)" >&2
  fail "the service does not serve"
}
see() {
  token=$(podman exec "$container" huihua-server token --config /etc/huihua/huihua.toml --account alice)
  list $url "$token" | grep -q "hello compose" || fail "$1: Alice does not see the message"
}
up
message $url fedcba9876543210fedcba9876543210 "hello compose"
see "up"
pid=$(podman inspect --format '{{.State.Pid}}' "$container")
for wall in "NoNewPrivs:1" "CapEff:0000000000000000" "CapBnd:0000000000000000" "Uid:65532655326553265532"; do
  tr -d '\t' <"/proc/$pid/status" | grep -qx "$wall" || fail "the service is without $wall"
done
refuse "the root is writable" touch "/proc/$pid/root/etc/by-the-service"
expect "the volume is writable" touch "/proc/$pid/root/var/lib/huihua/by-the-service"
rm "/proc/$pid/root/var/lib/huihua/by-the-service"
expect "down" $compose down
[ -z "$(podman ps --all --quiet)" ] || fail "down leaves a container"
up
see "down and up"
expect "down" $compose down --volumes
say "compose.yaml: the service serves over TLS behind its walls, and its volume outlives it"
