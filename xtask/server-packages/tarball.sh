# The tarball, by the lines of docs/operate.md as they stand there, in a system that systemd booted: it
# makes what the .deb makes.
. /proof/common.sh
cp /proof/tarball/*.tar.gz /tmp/ && cd /tmp
awk '/^\*\*The tarball/ { on = 1 } on && /^```/ { code = !code; if (!code) exit; next } on && code' \
  /proof/operate.md >/tmp/lines.sh
[ "$(wc -l </tmp/lines.sh)" -ge 5 ] || fail "operate.md does not say how to install the tarball"
for readme in README.md README.zh-CN.md; do
  quick_start $readme tar.gz
  expect "the line of $readme" sh -eux -c '. /tmp/quick-start.sh && huihua-server --version && rm -r huihua-server-*/'
done
expect "the lines of operate.md" sh -eux /tmp/lines.sh
config=/etc/huihua/huihua.toml
[ "$(stat -c '%a %U:%G' $config)" = "640 root:huihua" ] || fail "mode of $config"
expect "the unit" systemd-analyze verify /etc/systemd/system/huihua-server.service
for file in LICENSE THIRD-PARTY.txt operate.md; do
  [ -s /tmp/huihua-server-*/doc/$file ] || fail "the tarball is without $file"
done
sed -i -e 's/<app key>/app/' -e 's/<app secret>/of-the-proof/' \
  -e "s/<token key>/$(openssl rand -hex 32)/" -e "s/<ingest key>/$(openssl rand -hex 32)/" $config
expect "the configuration" huihua-server config check --config $config
mkdir /tmp/try && chown huihua /tmp/try && cd /tmp/try
as_huihua="setpriv --reuid=huihua --regid=huihua --init-groups"
$as_huihua huihua-server dev >/tmp/dev.out 2>/tmp/server.log &
pid=$!
wait_for http://127.0.0.1:8480/readyz
exchange http://127.0.0.1:8480 huihua-dev
stop $pid
expect "enable --now" systemctl enable --now huihua-server
wait_for http://127.0.0.1:8480/readyz
expect "stop" systemctl stop huihua-server
say "installed by the lines of operate.md: dev exchanges a message, systemd's service serves"
