#!/adbd/busybox sh
# Process 1 of a complete virtual phone; with "usb" on the kernel's command line, of a computer and a phone
# on a cable between them. Its own tools are busybox's, which nobody else sees.
tool() { /adbd/busybox "$@"; }
load() { while read -r module; do tool insmod "/adbd/modules/$module.ko"; done < "/adbd/modules/$1"; }
# adbd as user $1, with more of its environment behind.
adbd() {
    user=$1; shift
    while :; do
        tool env -i "$@" ANDROID_DATA=/data ANDROID_ROOT=/system \
            PATH=/product/bin:/system/bin:/system/xbin:/vendor/bin \
            /adbd/busybox start-stop-daemon -S -c "$user" -p /none -x /adbd/ld-linux-aarch64.so.1 -- \
            --library-path /adbd --preload /adbd/bionic.so /adbd/adbd >/dev/console 2>&1
        tool sleep 1
    done
}

tool mount -t proc proc /proc
tool mount -t sysfs sys /sys
tool mount -t devtmpfs dev /dev
tool mkdir -p /dev/pts
tool mount -t devpts devpts /dev/pts
tool mount -t tmpfs tmp /tmp
load phone
tool mount -t ext4 -o nosuid,nodev /dev/vda /data
tool mkdir -p /data/local/tmp /data/system-state
tool rm -rf /data/system-state/until-restart
tool chown -R 2000:2000 /data/local/tmp /data/system-state
tool chmod 771 /data /data/local /data/local/tmp
tool hostname localhost
tool ip link set lo up
tool ip addr add 10.0.2.15/24 dev eth0
tool ip link set eth0 up
if tool grep -qw usb /proc/cmdline; then
    adbd 0:0 ADBD_PORT=15555 HOME=/data &
    . /adbd/cable.sh
else
    adbd 2000:2000 ADBD_PORT=15555 &
fi
echo "virtual machine up after $(tool cut -d' ' -f1 /proc/uptime) s" > /dev/console
while :; do tool sleep 1000; done
