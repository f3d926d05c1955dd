"""Virtual phones: AOSP's real adb daemon in a sandbox, with what an Android phone says of itself.

Takes a profile (properties, /sys files, dumpsys texts) and gives an address on the loopback interface
that speaks ADB. Knows Debian's packages and bubblewrap; knows nothing of the harness that talks to it. Every
virtual phone says `ro.boot.virtual_phone=1`, so no figure taken on one can pass for a phone's.
"""
