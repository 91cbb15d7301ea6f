# The Debian package, as an operator uses it: install, try, configure, upgrade, remove, purge.
. /proof/common.sh
config=/etc/huihua/huihua.toml
unit=/usr/lib/systemd/system/huihua-server.service
data=/var/lib/huihua

version=$(dpkg-deb --field /proof/now.deb Version)
cd /tmp && cp /proof/now.deb "huihua-server_${version}_amd64.deb"
quick_start README.md "apt install"
expect "install, as the README says" sh -eux /tmp/quick-start.sh
[ "$(stat -c '%a %U:%G' $config)" = "640 root:huihua" ] || fail "mode of $config"
[ "$(stat -c '%a %U:%G' $data)" = "700 huihua:huihua" ] || fail "mode of $data"
[ "$(getent passwd huihua | cut -d: -f7)" = /usr/sbin/nologin ] || fail "the user has a shell"
refuse "a configuration without an app serves" huihua-server config check --config $config
say "installed: user, folders, a configuration whose keys are drawn"
expect "the unit" systemd-analyze verify $unit
security=$(systemd-analyze security --offline=true $unit | sed -n 's/.*huihua-server.service: \([0-9.]*\).*/\1/p')
[ "${security%.*}" -le 1 ] || fail "systemd-analyze security gives the unit $security"
say "systemd-analyze: the unit is right, its exposure $security of 10"

mkdir /tmp/try && chown nobody /tmp/try && cd /tmp/try
setpriv --reuid=nobody --regid=nogroup --clear-groups huihua-server dev >/tmp/dev.out 2>/tmp/server.log &
pid=$!
wait_for http://127.0.0.1:8480/readyz
exchange http://127.0.0.1:8480 huihua-dev
stop $pid
say "dev: a message went in and came out"

# Between the placeholders of the app, nothing else is to be filled in.
sed -i -e 's/<app key>/app/' -e 's/<app secret>/of-the-proof/' -e 's/^accounts = .*/accounts = "exact"/' \
  -e 's/^log_format = .*/log_format = "json"/' $config
expect "the configuration" huihua-server config check --config $config
serve() {
  # shellcheck disable=SC2046
  setpriv --reuid=huihua --regid=huihua --init-groups $(sed -n 's/^ExecStart=//p' $unit) 2>/tmp/server.log &
  pid=$!
  wait_for http://127.0.0.1:8480/readyz
}
token() { huihua-server token --config $config --account "$1"; }
for format in 1 2 3 3-erased; do
  rm -rf $data/*
  gzip -dc "/proof/stores/format-$format.redb.gz" >$data/huihua.redb
  chown huihua:huihua $data/huihua.redb && chmod 600 $data/huihua.redb
  sed -i "s/^key = .*/key = \"$(app_of $format)\"/" $config
  sha256sum $config >/tmp/config.sum
  expect "upgrade" dpkg --install /proof/later.deb
  expect "an upgrade keeps the configuration" sha256sum --check /tmp/config.sum
  serve
  same_list $format http://127.0.0.1:8480 "$(token amy)"
  stop $pid
  expect "back" dpkg --install --force-downgrade /proof/now.deb
done
say "upgrade: stores of formats 1, 2 and 3 open with the lists they had; the configuration stays"

. /proof/drill.sh

cp $data/huihua.redb /tmp/before.redb
expect "remove" dpkg --remove huihua-server
[ ! -e /usr/bin/huihua-server ] || fail "the program is still there"
expect "a removal keeps the data" cmp /tmp/before.redb $data/huihua.redb
expect "a removal keeps the configuration" sha256sum --check /tmp/config.sum
expect "install again" dpkg --install /proof/now.deb
serve
same_list 3-erased http://127.0.0.1:8480 "$(token amy)"
stop $pid
expect "purge" dpkg --purge huihua-server
for gone in /etc/huihua $data $unit /usr/share/huihua-server; do
  [ ! -e "$gone" ] || fail "a purge leaves $gone"
done
[ -e /var/backups/huihua/huihua.redb ] || fail "a purge took the backups"
say "removal keeps data and configuration, purge takes both, backups stay"
