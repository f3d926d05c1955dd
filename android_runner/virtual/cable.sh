# A phone on a USB cable whose both ends are in this machine: a gadget with adbd's interface on dummy_hcd.
# The adbd of the computer must have started before: it takes the cable for its own otherwise.
tool sleep 0.5
load cable
tool mount -t configfs none /sys/kernel/config
gadget=/sys/kernel/config/usb_gadget/phone
tool mkdir -p $gadget/strings/0x409 $gadget/configs/c.1/strings/0x409 $gadget/functions/ffs.adb
echo 0x18d1 > $gadget/idVendor
echo 0x4ee7 > $gadget/idProduct
echo Google > $gadget/strings/0x409/manufacturer
echo "$(PATH=/product/bin:/system/bin getprop ro.product.model)" > $gadget/strings/0x409/product
echo "$(PATH=/product/bin:/system/bin getprop ro.serialno)" > $gadget/strings/0x409/serialnumber
echo adb > $gadget/configs/c.1/strings/0x409/configuration
tool ln -s $gadget/functions/ffs.adb $gadget/configs/c.1
tool mkdir -p /dev/usb-ffs/adb
tool mount -t functionfs -o uid=2000,gid=2000 adb /dev/usb-ffs/adb
adbd 2000:2000 &
echo in > /cable
# What Android's own USB service does: the phone shows itself again whenever adbd has begun anew. /cable says
# whether the cable is in or out. adbd opens its end anew once a second meanwhile: then it may be refused.
follow_cable() {
    while :; do
        read -r wanted < /cable
        read -r there < $gadget/UDC
        case $wanted:$there in
        in:) echo dummy_udc.0 > $gadget/UDC ;;
        out:?*) echo > $gadget/UDC ;;
        esac 2>/dev/null
        tool sleep 0.1
    done
}
follow_cable &
while [ ! -e /dev/bus/usb/001/002 ]; do tool sleep 0.1; done
