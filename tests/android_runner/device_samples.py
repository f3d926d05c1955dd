"""What real devices print, as public bug trackers, dumps and tests of other projects hold it; shortened."""

from __future__ import annotations

# A Pixel 6 class phone (GS101), Android 12, shortened; indented by tabs.
PIXEL_6 = """Thermal Status: 0
Cached temperatures:
\tTemperature{mValue=55.000004, mType=0, mName=LITTLE, mStatus=0}
\tTemperature{mValue=-1.8060001, mType=-1, mName=USB2-MINUS-QI, mStatus=0}
\tTemperature{mValue=61.000004, mType=0, mName=BIG, mStatus=0}
HAL Ready: true
HAL connection:
\tThermalHAL 2.0 connected: yes
Current temperatures from HAL:
\tTemperature{mValue=8400.0, mType=7, mName=soft_ocp_tpu, mStatus=0}
\tTemperature{mValue=1250.0, mType=6, mName=vdroop2, mStatus=0}
\tTemperature{mValue=26.000002, mType=0, mName=BIG, mStatus=0}
\tTemperature{mValue=27.000002, mType=0, mName=MID, mStatus=0}
\tTemperature{mValue=24.83324, mType=3, mName=VIRTUAL-SKIN, mStatus=0}
\tTemperature{mValue=1.0, mType=6, mName=battery_cycle, mStatus=0}
\tTemperature{mValue=22.1, mType=2, mName=battery, mStatus=0}
Current cooling devices from HAL:
"""
EMULATOR = """Thermal Status: 0
Cached temperatures:
    Temperature{mValue=30.8, mType=3, mName=test temperature sensor, mStatus=0}
HAL Ready: true
HAL connection:
    ThermalHAL 2.0 connected: yes
Current temperatures from HAL:
    Temperature{mValue=30.8, mType=3, mName=test temperature sensor, mStatus=0}
Current cooling devices from HAL:
    CoolingDevice{mValue=100, mType=0, mName=test cooling device}
"""
PIXEL_8_PRO_BATTERY = """Current Battery Service state:
  AC powered: false
  USB powered: true
  Wireless powered: false
  Dock powered: false
  Max charging current: 500000
 Time when the latest updated value of the Max charging current was sent via battery changed broadcast: +14h58m53s789ms
  Max charging voltage: 5000000
  Charge counter: 1082000
  status: 2
  health: 2
  present: true
  level: 22
  scale: 100
  voltage: 3764
 Time when the latest updated value of the voltage was sent via battery changed broadcast: +14h59m21s407ms
 The last voltage value sent via the battery changed broadcast: 3775
  temperature: 280
  technology: Li-ion
  Charging state: 4
  Charging policy: 2
  Capacity level: 2
"""  # noqa: E501 (a device's text)
# A Pixel 3a and 4a class phone.
PIXEL_4A = """Thermal Status: 0
Cached temperatures:
\tTemperature{mValue=48.5, mType=0, mName=cpu0-gold-usr, mStatus=0}
HAL Ready: true
HAL connection:
\tThermalHAL 2.0 connected: yes
Current temperatures from HAL:
\tTemperature{mValue=31.7, mType=0, mName=cpu0-gold-usr, mStatus=0}
\tTemperature{mValue=28.9, mType=3, mName=fps-therm-monitor, mStatus=0}
Current cooling devices from HAL:
\tCoolingDevice{mValue=0, mType=2, mName=thermal-cpufreq-4}
"""
# A phone on a Qualcomm chip that throttles.
THROTTLED = """IsStatusOverride: false
Thermal Status: 2
Cached temperatures:
\tTemperature{mValue=44.637, mType=3, mName=skin, mStatus=2}
HAL Ready: true
HAL connection:
\tThermalHAL 2.0 connected: yes
Current temperatures from HAL:
\tTemperature{mValue=61.2, mType=0, mName=CPU0, mStatus=0}
\tTemperature{mValue=44.637, mType=3, mName=skin, mStatus=2}
\tTemperature{mValue=35.1, mType=2, mName=battery, mStatus=1}
Current cooling devices from HAL:
\tCoolingDevice{mValue=11, mType=2, mName=thermal-cpufreq-6}
\tCoolingDevice{mValue=3, mType=3, mName=gpu}
"""
# Android 15 on a Pixel: the AIDL HAL, its thresholds, and headroom lines that came later.
PIXEL_ANDROID_15 = """IsStatusOverride: false
ThermalEventListeners:
\tcallbacks: 1
ThermalStatusListeners:
\tcallbacks: 4
Thermal Status: 0
Cached temperatures:
HAL Ready: true
HAL connection:
\tThermalHAL AIDL 1  connected: yes
Current temperatures from HAL:
\tTemperature{mValue=27.5, mType=3, mName=VIRTUAL-SKIN, mStatus=0}
\tTemperature{mValue=30.25, mType=13, mName=SOC, mStatus=1}
\tTemperature{mValue=31.0, mType=9, mName=TPU, mStatus=3}
Current cooling devices from HAL:
\tCoolingDevice{mValue=0, mType=2, mName=thermal-cpufreq-0}
Temperature static thresholds from HAL:
\tTemperatureThreshold{mType=3, mName=VIRTUAL-SKIN, mHotThrottlingThresholds=[NaN, 39.0, 43.0, 45.0, 47.0, 51.5, 56.0], mColdThrottlingThresholds=[NaN, NaN, NaN, NaN, NaN, NaN, NaN]}
\tTemperatureThreshold{mType=3, mName=VIRTUAL-SKIN-HINT, mHotThrottlingThresholds=[NaN, 37.0, 43.0, 45.0, 47.0, 52.0, 56.0], mColdThrottlingThresholds=[NaN, NaN, NaN, NaN, NaN, NaN, NaN]}
\tTemperatureThreshold{mType=0, mName=BIG, mHotThrottlingThresholds=[NaN, NaN, NaN, NaN, NaN, NaN, 115.0], mColdThrottlingThresholds=[NaN, NaN, NaN, NaN, NaN, NaN, NaN]}
Temperature headroom thresholds:
[NaN, 0.8, 0.93333334, 1.0, 1.0666667, 1.2166667, 1.3666667]
"""  # noqa: E501 (a device's text)
HIDL_THRESHOLDS = """Temperature static thresholds from HAL:
\t{.type = CPU, .name = CPU0, .hotThrottlingThresholds = [NaN, NaN, NaN, 95.0, NaN, NaN, 115.0], .coldThrottlingThresholds = [NaN, NaN, NaN, NaN, NaN, NaN, NaN], .vrThrottlingThreshold = NaN}
\t{.type = SKIN, .name = skin, .hotThrottlingThresholds = [25.0, 35.0, 45.0, 52.0, 55.0, 60.0, 70.0], .coldThrottlingThresholds = [NaN, NaN, NaN, NaN, NaN, NaN, NaN], .vrThrottlingThreshold = NaN}
"""  # noqa: E501 (a device's text)
# `dumpsys power`, the lines around those that are read; a second display has a state of its own.
POWER = """POWER MANAGER (dumpsys power)

Power Manager State:
  mDirty=0x0
  mWakefulness=Awake
  mWakefulnessChanging=false
  mIsPowered=true
  mPlugType=2
  mBatteryLevel=83
  mStayOn=false

Display Power: state=ON
  mWakefulness=Dozing

Battery saving stats:
  Battery Saver is currently: OFF
    Times full enabled: 0
    Times adaptive enabled: 0

Battery saver state machine:
  Enabled=false
    full=false
    adaptive=false
  mState=1
"""
# /proc/cpuinfo of a Pixel 2 XL starts with a line of its own.
PIXEL_2_CPUINFO = """Processor\t: AArch64 Processor rev 4 (aarch64)
processor\t: 0
BogoMIPS\t: 38.00
CPU implementer\t: 0x51
CPU architecture: 8
CPU variant\t: 0xa
CPU part\t: 0x801
CPU revision\t: 4

processor\t: 4
CPU implementer\t: 0x51
CPU part\t: 0x800

Hardware\t: Qualcomm Technologies, Inc MSM8998
"""
PIXEL_8_CPUINFO = """processor\t: 0
BogoMIPS\t: 49.15
Features\t: fp asimd atomics fphp asimdhp asimddp sve sve2 i8mm bf16
CPU implementer\t: 0x41
CPU part\t: 0xd46

processor\t: 8
CPU implementer\t: 0x41
CPU part\t: 0xd4e
"""
# cpu4 of a Pixel 8; lists of its cpufreq folder end in a blank.
PIXEL_8_TIME_IN_STATE = "402000 1023353\n578000 3901\n2367000 77\n"
PIXEL_8_RELATED_CPUS = "4 5 6 7 \n"
# An emulator, API 34.
EMULATOR_GETPROP = """[ro.boot.hardware]: [ranchu]
[ro.boot.qemu]: [1]
[ro.boot.qemu.avd_name]: [Pixel_6_API_34]
[ro.build.characteristics]: [emulator]
[ro.build.type]: [userdebug]
[ro.dalvik.vm.native.bridge]: [libndk_translation.so]
[ro.hardware]: [ranchu]
[ro.kernel.qemu]: [1]
[ro.product.board]: [goldfish_x86_64]
[ro.product.cpu.abi]: [x86_64]
[ro.product.cpu.abilist]: [x86_64,arm64-v8a]
[ro.product.model]: [sdk_gphone64_x86_64]
[ro.soc.manufacturer]: [AOSP]
[ro.soc.model]: [ranchu]
[security.perf_harden]: [1]
"""
EMULATOR_BATTERY = """Current Battery Service state:
  AC powered: true
  USB powered: false
  Wireless powered: false
  Max charging current: 0
  Max charging voltage: 0
  Charge counter: 10000
  status: 4
  health: 2
  present: true
  level: 100
  scale: 100
  voltage: 5000
  temperature: 250
  technology: Li-ion
"""
