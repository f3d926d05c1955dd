"""The program that runs on the device, and everything that travels with it.

Takes the C sources beside this file and the pinned inputs of pins.toml; gives one folder per processor type
that runs on any Linux kernel of that type, Android's included. Knows compilers, wheels and Debian packages;
knows no device. A built wheel of this project carries the folders ready-made.
"""
