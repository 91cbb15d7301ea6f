# The Debian package in a system that systemd booted, as an operator uses it: configure, enable, reload,
# crash, upgrade, remove, purge. The unit runs with its walls, and they hold.
. /proof/common.sh
config=/etc/huihua/huihua.toml
unit=huihua-server.service
url=http://127.0.0.1:8480
of_unit() { systemctl show --property="$1" --value $unit; }
token() { huihua-server token --config $config --app "$1" --account alice; }

expect "install" dpkg --install /proof/now.deb
refuse "an installation enables a server without an app" systemctl --quiet is-enabled $unit
refuse "an installation starts a server without an app" systemctl --quiet is-active $unit

systemctl start $unit || true
# until WHAT COMMAND...: 30 s at most.
until_it() {
  what=$1
  shift
  for _ in $(seq 300); do
    "$@" >/dev/null 2>&1 && return
    sleep 0.1
  done
  journalctl --unit $unit --no-pager >&2
  fail "$what"
}
until_it "a wrong configuration ends in failure" systemctl --quiet is-failed $unit
[ "$(of_unit NRestarts)" = 5 ] || fail "a wrong configuration was started $(of_unit NRestarts) times again"
journalctl --unit $unit --no-pager >/tmp/journal
grep -q "huihua.toml:.*placeholder" /tmp/journal || { cat /tmp/journal >&2; fail "the journal does not say what is wrong"; }
expect "reset-failed" systemctl reset-failed $unit
say "a configuration without an app: five starts, a failed unit, and the journal says why"

sed -i -e 's/<app key>/app/' -e 's/<app secret>/of-the-proof/' $config
expect "enable --now" systemctl enable --now $unit
wait_for $url/readyz
key=$(sed -n 's/^ingest_key = "\(.*\)"/\1/p' $config)
message $url "$key" "hello systemd"
see() { list $url "$(token app)" | grep -q "$1" || fail "Alice does not see $1"; }
see "hello systemd"
pid=$(of_unit MainPID)
[ "$(stat -c %U "/proc/$pid")" = huihua ] || fail "the server runs as $(stat -c %U "/proc/$pid")"
for wall in "NoNewPrivs:1" "Seccomp:2" "CapEff:0000000000000000" "CapBnd:0000000000000000"; do
  tr -d '\t' <"/proc/$pid/status" | grep -qx "$wall" || fail "the server is without $wall"
done
inside() { nsenter --target "$pid" --mount -- "$@"; }
for folder in /etc/huihua /usr/bin /var/log; do
  refuse "the server may write to $folder" inside touch $folder/by-the-server
done
refuse "the server sees homes" inside test -e /root/.bashrc
for folder in /var/lib/huihua /var/backups/huihua; do
  expect "the server may write to $folder" inside setpriv --reuid=huihua --regid=huihua --clear-groups \
    touch $folder/by-the-server
  rm $folder/by-the-server
done
expect "backup" huihua-server backup --data /var/lib/huihua --to /var/backups/huihua/huihua.redb
say "enabled: a message went in and came out; the walls of the unit hold, data and backups are writable"

cat >>$config <<'END'
[[app]]
key = "second"
accounts = "exact"
secret = "of-the-second"
token_keys = ["0123456789abcdef0123456789abcdef"]
ingest_key = "fedcba9876543210fedcba9876543210"
END
refuse "the second app is served before a reload" list $url "$(token second)"
expect "reload" systemctl reload $unit
until_it "the second app is served after a reload" list $url "$(token second)"
[ "$(of_unit MainPID)" = "$pid" ] || fail "a reload restarted the server"
see "hello systemd"
say "reload: a second app without a restart"

kill -KILL "$pid"
again() { [ "$(of_unit ActiveState)" = active ] && [ "$(of_unit MainPID)" != "$pid" ]; }
until_it "systemd starts the server after a crash" again
wait_for $url/readyz
see "hello systemd"
say "killed: systemd started it again, with its list"

pid=$(of_unit MainPID)
expect "upgrade" dpkg --install /proof/later.deb
again || fail "an upgrade did not restart the server"
wait_for $url/readyz
see "hello systemd"
systemctl stop $unit
[ "$(of_unit Result)" = success ] || fail "a stop ended with $(of_unit Result)"
expect "upgrade of a stopped server" dpkg --install --force-downgrade /proof/now.deb
refuse "an upgrade starts a stopped server" systemctl --quiet is-active $unit
say "upgrade: a server that runs is restarted, a stopped one stays stopped"

expect "start" systemctl start $unit
wait_for $url/readyz
expect "remove" dpkg --remove huihua-server
refuse "a removed server still runs" pgrep huihua-server
[ -e /var/lib/huihua/huihua.redb ] || fail "a removal took the data"
expect "install again" dpkg --install /proof/now.deb
expect "start" systemctl start $unit
wait_for $url/readyz
see "hello systemd"
expect "purge" dpkg --purge huihua-server
refuse "a purged server still runs" pgrep huihua-server
[ -z "$(systemctl list-unit-files --no-legend 'huihua*')" ] || fail "a purge leaves a unit"
[ -z "$(systemctl list-units --failed --no-legend)" ] || {
  systemctl list-units --failed >&2
  fail "a unit failed"
}
[ ! -e /var/lib/huihua ] && [ ! -e /etc/huihua ] || fail "a purge leaves data or configuration"
[ -z "$(find /etc/systemd -name 'huihua*')" ] || fail "a purge leaves links"
say "removal stops it and keeps data, purge leaves nothing but backups"
