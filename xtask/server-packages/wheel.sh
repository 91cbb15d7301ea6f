# The wheel, in a fresh virtual environment without an index: install, try, upgrade, remove.
. /proof/common.sh
cd /tmp && cp /proof/now/*.whl .
export PIP_NO_INDEX=1 PIP_QUIET=1 PIP_DISABLE_PIP_VERSION_CHECK=1
quick_start README.zh-CN.md "pip install"
. /tmp/quick-start.sh
quick_start README.md "pip install"
. /tmp/quick-start.sh
[ "$(command -v huihua-server)" = /tmp/venv/bin/huihua-server ] || fail "not on PATH"
[ -r /tmp/venv/share/huihua-server/huihua.toml ] || fail "no default configuration"
expect "pip check" pip check

# try_readme FILE TEXT: the first message of a README, each command as it stands.
try_readme() {
  mkdir "/tmp/try-$1" && cd "/tmp/try-$1"
  huihua-server dev >/tmp/dev.out 2>/tmp/server.log &
  pid=$!
  wait_for http://127.0.0.1:8480/readyz
  awk '/^## (Send and read|发送并读取)/ { on = 1 } on && /^```/ { code = !code; if (!code) exit; next } on && code' \
    "/proof/$1" >/tmp/readme.sh
  [ "$(wc -l </tmp/readme.sh)" -ge 5 ] || fail "$1 sends no first message"
  sh -eu /tmp/readme.sh >/tmp/readme.out 2>&1 || { cat /tmp/readme.out >&2; fail "$1"; }
  grep -q applied /tmp/readme.out || fail "$1: the message was not applied"
  grep -q "\"9\":\"$2\"" /tmp/readme.out || fail "$1: the list is without the message"
  stop $pid
}
try_readme README.md 'Hello, Alice'
try_readme README.zh-CN.md '你好，Alice'
say "dev: the first message of both READMEs, line by line, went in and came out"

expect "upgrade" pip install --upgrade /proof/later/*.whl
for format in 1 2 3 3-erased; do
  old_store $format "/tmp/old-$format"
  huihua-server serve --config "/tmp/old-$format/huihua.toml" 2>/tmp/server.log &
  pid=$!
  wait_for http://127.0.0.1:8480/readyz
  same_list $format http://127.0.0.1:8480 \
    "$(huihua-server token --config "/tmp/old-$format/huihua.toml" --account amy)"
  stop $pid
done
say "upgrade: stores of formats 1, 2 and 3 open with the lists they had"

expect "remove" pip uninstall --quiet --yes huihua-server
refuse "the program is still there" test -e /tmp/venv/bin/huihua-server
[ -e /tmp/try-README.md/huihua-dev/huihua.redb ] || fail "a removal took data"
say "removal keeps data"
