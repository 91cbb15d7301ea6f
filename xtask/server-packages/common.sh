# What the proofs of all packages share: a message goes in by the events door and comes out in a
# list; stores of older formats open with the lists that their servers answered last. Each script
# beside this one runs as root in a Debian, a network and a process table of its own, and all of
# them go when it ends.
set -eu
ip link set lo up

say() { printf '   %s\n' "$*"; }
fail() {
  printf 'FAILED: %s\n' "$*" >&2
  exit 1
}

# expect WHAT COMMAND...: it succeeds.
expect() {
  what=$1
  shift
  "$@" >/tmp/expect.out 2>&1 || { cat /tmp/expect.out >&2; fail "$what: $*"; }
}

# refuse WHAT COMMAND...: it fails.
refuse() {
  what=$1
  shift
  if "$@" >/dev/null 2>&1; then fail "$what: $*"; fi
}

# wait_for URL: until it answers with success, 20 s at most.
wait_for() {
  for _ in $(seq 200); do
    curl --fail --silent --insecure --output /dev/null "$1" && return
    sleep 0.1
  done
  [ ! -e /tmp/server.log ] || tail -n 20 /tmp/server.log >&2
  fail "nothing answers at $1"
}

# stop PID: as systemd does, and in good order.
stop() {
  kill -TERM "$1"
  wait "$1" || fail "the server ended with $?"
}

# field NAME FILE: a string of a flat JSON file.
field() { sed -n "s/.*\"$1\": \"\(.*\)\".*/\1/p" "$2"; }

# quick_start FILE WORD: the line of a README that starts a server from the package that WORD tells, as it
# stands there but for `sudo` and the `dev` at its end.
quick_start() {
  awk '/^```/ { code = !code; if (!code) exit; next } code' "/proof/$1" | grep "$2" |
    sed -e 's/^sudo //' -e 's/ *&& huihua-server dev$//' >/tmp/quick-start.sh
  [ "$(wc -l </tmp/quick-start.sh)" = 1 ] || fail "$1 does not say how to start from $2"
}

# message URL INGEST_KEY TEXT: Bob writes to Alice.
message() {
  now=$(date +%s%N | cut -c1-13)
  curl --fail --silent --show-error --insecure "$1/v1/events" \
    -H "Authorization: Bearer $2" -H 'Content-Type: application/json' \
    -d "{\"events\": [{\"type\": \"message\", \"sessionType\": \"p2p\", \"from\": \"bob\", \"to\": \"alice\",
      \"time\": $now, \"messageId\": \"$now\", \"msgType\": \"text\", \"body\": \"$3\"}]}" |
    grep -q applied || fail "the message was not applied"
}

# list URL TOKEN: a list as clients see it.
list() {
  curl --fail --silent --show-error --insecure "$1/v1/sessions?limit=100" -H "Authorization: Bearer $2"
}

# exchange URL FOLDER: a message goes in and comes out of a server that `dev` started there.
exchange() {
  message "$1" "$(field ingestKey "$2/dev.json")" "hello $2"
  list "$1" "$(huihua-server token --data "$2" --account alice)" | grep -q "hello $2" ||
    fail "Alice does not see the message"
}

# app_of FORMAT: the app in its store.
app_of() { sed -n 's/^{"appKey":"\([^"]*\)".*/\1/p' "/proof/stores/format-$1.json"; }

# old_store FORMAT FOLDER: a store of an older format, and a configuration with its app.
old_store() {
  mkdir -p "$2"
  gzip -dc "/proof/stores/format-$1.redb.gz" >"$2/huihua.redb"
  cat >"$2/huihua.toml" <<END
data = "$2"
admin_listen = "off"
[[app]]
key = "$(app_of "$1")"
accounts = "exact"
secret = "of-the-proof"
token_keys = ["0123456789abcdef0123456789abcdef"]
ingest_key = "fedcba9876543210fedcba9876543210"
END
}

# same_list FORMAT URL TOKEN: Amy's list is the one that the old server answered last.
same_list() {
  list "$2" "$3" >/tmp/list.json
  python3 - "/proof/stores/format-$1.json" /tmp/list.json <<'END' || fail "format $1: another list"
import json, sys
old, new = (json.load(open(path)) for path in sys.argv[1:])
sys.exit(0 if old["list"] and old["list"] == new["sessionList"] else 1)
END
}
