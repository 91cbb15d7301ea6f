# The image's own files as a system's root, where no engine for containers may run: the program finds
# its libraries there and nothing else, as the image's user. It serves, and opens older stores.
. /proof/common.sh
root=/image
mkdir -p $root/proc $root/dev
mount -t proc proc $root/proc
mount --bind /dev $root/dev
cat >/usr/local/bin/huihua-server <<'END'
#!/bin/sh
exec chroot --userspec=65532:65532 /image /usr/bin/huihua-server "$@"
END
chmod 755 /usr/local/bin/huihua-server
refuse "the image has a shell" chroot $root /bin/sh -c true
[ -z "$(find $root -xdev -perm /6000)" ] || fail "the image has setuid files"
data=/var/lib/huihua
[ "$(stat -c '%a %u:%g' $root$data)" = "700 65532:65532" ] || fail "mode of $data"

huihua-server dev --data $data/dev >/tmp/dev.out 2>/tmp/server.log &
pid=$!
wait_for http://127.0.0.1:8480/readyz
message http://127.0.0.1:8480 "$(field ingestKey $root$data/dev/dev.json)" "hello image"
list http://127.0.0.1:8480 "$(huihua-server token --data $data/dev --account alice)" |
  grep -q "hello image" || fail "Alice does not see the message"
stop $pid
say "dev: a message went in and came out, as user 65532, with the image's files alone"

for format in 1 2 3 3-erased; do
  old_store $format "$data/old-$format"
  mv "$data/old-$format" $root$data/
  chown -R 65532:65532 "$root$data/old-$format"
  huihua-server serve --config "$data/old-$format/huihua.toml" 2>/tmp/server.log &
  pid=$!
  wait_for http://127.0.0.1:8480/readyz
  same_list $format http://127.0.0.1:8480 \
    "$(huihua-server token --config "$data/old-$format/huihua.toml" --account amy)"
  stop $pid
done
say "upgrade: stores of formats 1, 2 and 3 open with the lists they had"
